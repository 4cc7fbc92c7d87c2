#include "service/instrument/service.h"

#include "core/base/log.h"
#include "core/base/run_place.h"
#include "core/base/user_map.h"
#include "core/platform/local_socket_link.h"
#include "core/platform/socket_path.h"
#include "service/instrument/metadata.h"

#include <QJsonDocument>

#include <algorithm>
#include <sysexits.h>

namespace beacon {

namespace {

constexpr std::chrono::seconds kStopWithin{10};

QStringList namesOf(const std::vector<platform::GivenInterface>& interfaces)
{
    QStringList names;
    for (const platform::GivenInterface& interface : interfaces)
        names.append(interface.name);
    return names;
}

} // namespace

Service::Service(std::span<char* const> arguments, const Clock& clock, Instrument::Parts parts, QObject* parent)
    : QObject(parent)
    , m_arguments(arguments)
    , m_clock(clock)
    , m_parts(std::move(parts))
{
    std::unique_ptr<platform::PlatformLink> link;
    if (const auto socket = platform::platformSocket()) {
        log::info("on a platform", {{"socket", socket->toStdString()}});
        link = std::make_unique<platform::LocalSocketLink>(*socket);
    }
    const bool onPlatform = link != nullptr;
    Skeleton::Options options;
    options.version = QStringLiteral(BEACON_VERSION);
    m_skeleton = std::make_unique<Skeleton>(beaconManifest(onPlatform), handlers(), std::move(link), m_clock, options);
    connect(m_skeleton.get(), &Skeleton::stopped, this, [this](bool restart) { Q_EMIT finished(EX_OK, restart); });
    connect(m_skeleton.get(), &Skeleton::placeChanged, this, &Service::settle);
    connect(m_skeleton.get(), &Skeleton::platformWent, this, [this] {
        if (m_instrument)
            m_instrument->platformWent();
    });
}

Service::~Service() = default;

void Service::start()
{
    m_skeleton->start();
    if (m_skeleton->standAlone())
        reload();
}

void Service::reload()
{
    if (m_skeleton->standAlone())
        m_skeleton->applyFile(effectiveDocument(instrumentProgram(), m_arguments));
    else
        log::info("the platform keeps the configuration; SIGHUP changes nothing");
}

void Service::stop()
{
    m_skeleton->stop(kStopWithin);
}

Handlers Service::handlers()
{
    Handlers handlers;
    handlers.check = [this](const QJsonObject& config) {
        const auto settings = settingsFor(config);
        const auto* faults = std::get_if<std::vector<Fault>>(&settings);
        return faults != nullptr ? *faults : std::vector<Fault>{};
    };
    handlers.configure = [this](const QJsonObject& config, const QStringList&) {
        m_config = config;
        settle();
    };
    handlers.onMessage = [this](const QString& method, const QJsonObject& params, platform::Responder responder) {
        serveMessage(method, params, std::move(responder));
    };
    handlers.facts = [this] {
        QJsonObject facts = m_instrument ? m_instrument->facts() : QJsonObject{};
        if (m_findings) {
            facts.insert(QStringLiteral("findings"), m_findings->findings);
            facts.insert(QStringLiteral("retests"), m_findings->retests);
        }
        return facts;
    };
    handlers.applyFindings = [this](const QJsonObject& params) { return takeFindings(params); };
    handlers.stop = [this](std::function<void()> done) {
        if (!m_instrument) {
            done();
            return;
        }
        m_stopped = std::move(done);
        if (!m_ending)
            m_instrument->stop();
    };
    return handlers;
}

void Service::serveMessage(const QString& method, const QJsonObject& params, platform::Responder responder)
{
    const bool isCommand = Commands::knows(method);
    if (!isCommand && method != platform::method::kUplinkCounted)
        return responder.fail(rpc::Code::MethodNotFound,
            QStringLiteral("%1 is not a method of a Beacon Instrument").arg(method.left(128)));
    if (!isCommand) {
        const auto count = platform::uplinkCountedFromJson(params);
        if (!count)
            return responder.fail(rpc::Code::InvalidParams, QString::fromStdString(describe(count.error())));
        if (m_instrument)
            m_instrument->uplinkCounted(*count);
        return responder.answer(QJsonObject{});
    }
    if (!m_instrument || m_ending)
        return responder.fail(rpc::Code::Busy,
            QStringLiteral("There is no Beacon to do that with; the health of its Instrument says why"));
    m_instrument->commands().serve({admin::Role::Admin, std::nullopt}, method, std::move(responder));
}

std::variant<Place, Fault> Service::placeFor(const QJsonObject& config) const
{
    Place place;
    const auto& welcome = m_skeleton->welcome();
    if (!welcome)
        return place;
    place.journal = false;
    place.ownsRuntimeRoot = !hasAllIds();
    place.stateDir = welcome->persistentStorage.toStdString();
    const QString named = config.value(QStringLiteral("interface")).toString();
    const QString pointer = QStringLiteral("/interface");
    std::vector<platform::GivenInterface> usable;
    for (const platform::GivenInterface& given : welcome->interfaces)
        if (given.canSend() && given.type != QLatin1StringView("mirror") && (named.isEmpty() || given.name == named))
            usable.push_back(given);
    const QString all = namesOf(welcome->interfaces).join(QStringLiteral(", "));
    if (!named.isEmpty() && usable.empty())
        return Fault{pointer,
            namesOf(welcome->interfaces).contains(named)
                ? QStringLiteral("is %1, which may only receive; name one that may send").arg(named)
                : QStringLiteral("is %1, which the platform does not give to this Instrument (it gives: %2)")
                      .arg(named, all.isEmpty() ? QStringLiteral("none") : all)};
    if (usable.size() > 1)
        return Fault{pointer, QStringLiteral("is missing, and the platform gives several; name one of: %1").arg(all)};
    if (!usable.empty())
        place.interface = usable.front().name.toStdString();
    return place;
}

bool Service::hasNoInterface(const QJsonObject& config) const
{
    const auto place = placeFor(config);
    return m_skeleton->welcome() && std::holds_alternative<Place>(place) && std::get<Place>(place).interface.empty();
}

std::variant<Settings, std::vector<Fault>> Service::settingsFor(const QJsonObject& config) const
{
    const Program& program = instrumentProgram();
    auto values = parseCommandLine(program, m_arguments);
    if (!values)
        return std::vector{Fault{QString{}, QString::fromStdString(describe(values.error()))}};
    const std::string text = QJsonDocument{config}.toJson(QJsonDocument::Compact).toStdString();
    if (const auto complaints = applyConfig(program, text, *values); !complaints.empty())
        return faultsFrom(complaints);
    auto place = placeFor(config);
    if (const auto* fault = std::get_if<Fault>(&place))
        return std::vector{*fault};
    if (hasNoInterface(config))
        std::get<Place>(place).interface = "none"; // no fault of the document: health tells it
    auto settings = settingsFrom(*values, std::get<Place>(place));
    if (!settings)
        return std::vector{Fault{QString{}, QString::fromStdString(describe(settings.error()))}};
    std::vector<Fault> faults;
    if (m_instrument && m_skeleton->standAlone()) // a platform's documents have none of these keys
        for (const std::string& key : changedKeys(m_instrument->settings(), *settings))
            if (fixedForLife(key))
                faults.push_back({QString::fromStdString('/' + key),
                    QStringLiteral("cannot change while the Instrument runs; restart it")});
    if (!faults.empty())
        return faults;
    return *std::move(settings);
}

Result<> Service::takeFindings(const QJsonObject& params)
{
    constexpr qsizetype kMost = 10'000;
    Findings counts;
    for (auto [key, count] : {std::pair{"findings", &counts.findings}, std::pair{"retest", &counts.retests}}) {
        const QJsonValue list = params.value(QLatin1StringView{key});
        if (!list.isArray() || list.toArray().size() > kMost)
            return Error{Errc::BadInput, 0,
                std::string{key} + " must be an array of at most " + std::to_string(kMost) + " items"};
        *count = list.toArray().size();
    }
    if (!m_instrument)
        return Error{Errc::NotFound, 0, "there is no Beacon to hand findings to: no configuration is in force"};
    const QJsonObject file{{QStringLiteral("findings"), params.value(QStringLiteral("findings"))},
        {QStringLiteral("retest"), params.value(QStringLiteral("retest"))}};
    if (auto written = writePrivateFile(
            m_instrument->settings().findingsPath(), QJsonDocument{file}.toJson(QJsonDocument::Compact).toStdString());
        !written)
        return written;
    m_findings = counts;
    return {};
}

bool Service::stillGiven(const std::string& interface) const
{
    const auto& given = m_skeleton->welcome()->interfaces;
    return std::any_of(given.begin(), given.end(), [&](const platform::GivenInterface& each) {
        return each.name.toStdString() == interface && each.canSend() && each.type != QLatin1StringView("mirror");
    });
}

void Service::settle()
{
    if (!m_config || m_ending || m_stopped)
        return;
    m_skeleton->clear(Reason::InterfaceMoves);
    if (hasNoInterface(*m_config)) {
        m_skeleton->raise(Reason::InterfaceNotGiven, "the platform gives none that may send");
        endInstrument();
        return;
    }
    auto settings = settingsFor(*m_config);
    if (const auto* faults = std::get_if<std::vector<Fault>>(&settings)) { // of defaults, or since the place is another
        const std::string why = (faults->front().pointer + QLatin1Char(' ') + faults->front().text).toStdString();
        if (!m_instrument)
            m_skeleton->raise(Reason::ConfigMissing, why);
        else if (!stillGiven(m_instrument->settings().interface))
            m_skeleton->raise(Reason::InterfaceNotGiven, why);
        if (m_instrument && !stillGiven(m_instrument->settings().interface))
            endInstrument();
        return;
    }
    m_skeleton->clear(Reason::InterfaceNotGiven);
    m_skeleton->clear(Reason::ConfigMissing);
    Settings& wanted = std::get<Settings>(settings);
    if (m_instrument && !m_skeleton->standAlone() && m_instrument->settings().interface != wanted.interface) {
        m_skeleton->raise(Reason::InterfaceMoves,
            "leaves " + m_instrument->settings().interface + " and starts on " + wanted.interface);
        endInstrument();
        return;
    }
    if (m_instrument) {
        m_instrument->reload(wanted);
        return;
    }
    if (const auto begun = begin(std::move(wanted)); !begun) {
        log::error("cannot start", {{"error", describe(begun.error())}});
        m_instrument.reset();
        QMetaObject::invokeMethod(
            this, [this, code = exitCode(begun.error())] { Q_EMIT finished(code, false); }, Qt::QueuedConnection);
    }
}

Result<> Service::begin(Settings settings)
{
    if (auto made = makeDirectories(settings.runtimeDir); !made)
        return made;
    if (settings.journal)
        if (const auto made = makeDirectories(settings.stateDir); !made)
            log::warning("the journal is not kept", {{"error", describe(made.error())}}); // health tells it, too
    auto lock = takeLock(settings.lockPath());
    if (!lock)
        return lock.error();
    m_lock.emplace(*std::move(lock));
    m_instrument = std::make_unique<Instrument>(std::move(settings), m_clock, m_parts, *m_skeleton);
    m_instrument->stayStopped(std::exchange(m_stoppedByHand, std::nullopt));
    connect(m_instrument.get(), &Instrument::stopped, this, &Service::onInstrumentStopped);
    return m_instrument->start();
}

void Service::endInstrument()
{
    if (!m_instrument || m_ending)
        return;
    m_ending = true;
    m_instrument->stop();
}

void Service::onInstrumentStopped()
{
    if (!m_ending) {
        if (const auto stopped = std::exchange(m_stopped, nullptr))
            stopped();
        return;
    }
    m_instrument->disconnect(this); // it may say so twice
    QMetaObject::invokeMethod(
        this,
        [this] { // not within its own signal
            m_instrument->clearHealth();
            m_stoppedByHand = m_instrument->stoppedByHand();
            m_instrument.reset();
            m_lock.reset();
            m_ending = false;
            if (const auto stopped = std::exchange(m_stopped, nullptr))
                stopped();
            else
                settle();
        },
        Qt::QueuedConnection);
}

} // namespace beacon
