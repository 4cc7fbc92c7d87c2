#include "core/instrument/skeleton.h"

#include "core/base/log.h"
#include "core/instrument/health_message.h"
#include "core/instrument/seen_uuids.h"
#include "core/instrument/worker.h"
#include "core/store/spool.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QPointer>

#include <algorithm>
#include <deque>
#include <map>
#include <unistd.h>

namespace beacon {

using platform::Answer;
using platform::PlatformLink;
using rpc::Code;
using rpc::RpcError;
namespace method = platform::method;

namespace {

constexpr std::size_t kMostBeforeWelcome = 1'000;
constexpr int kMostSubscriptions = 64;
constexpr std::chrono::milliseconds kHelloAgainFirst{500}, kHelloAgainMost{10'000};
constexpr std::chrono::milliseconds kFlushAtStop{1'000};
constexpr std::chrono::milliseconds kLeastTimer{1};

QString hostName()
{
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? QString::fromLocal8Bit(name)
                                                                        : QStringLiteral("localhost");
}

EventSource::Identity standAloneIdentity(const Manifest& manifest, const QString& name)
{
    const QString host = hostName();
    return {name.isEmpty() ? manifest.type + QStringLiteral("_0@") + host : name, host, manifest.type};
}

QString sentenceOf(const std::vector<Fault>& faults)
{
    if (faults.empty())
        return {};
    const Fault& first = faults.front();
    QString text = first.pointer + (first.pointer.isEmpty() ? QString{} : QStringLiteral(" ")) + first.text;
    if (faults.size() > 1)
        text += QStringLiteral(" (and %1 more)").arg(faults.size() - 1);
    return text;
}

bool isStopMethod(const QString& name)
{
    return name == method::kStop || name == method::kRestart;
}

} // namespace

struct Skeleton::Private {
    Private(Skeleton* skeleton, Manifest theManifest, Handlers theHandlers, std::unique_ptr<PlatformLink> theLink,
        const Clock& theClock, Options theOptions)
        : q(skeleton)
        , manifest(std::move(theManifest))
        , handlers(std::move(theHandlers))
        , clock(theClock)
        , options(std::move(theOptions))
        , link(std::move(theLink))
        , source(standAloneIdentity(manifest, options.name), clock)
        , model(clock)
        , push(clock)
    {
    }

    void hello();
    void onWelcome(const Answer& answer);
    void firstWelcome();
    void helloFailed(const QString& why);
    void openOutbox();
    [[nodiscard]] Answer apply(const QJsonObject& envelope);
    void takeDefaults();
    void serve(const QString& name, const QJsonObject& params, platform::Responder responder);
    void serveRetention(const QJsonObject& params, platform::Responder responder);
    void serveDownload(const QJsonObject& params, platform::Responder responder);
    void serveDelivery(const QJsonObject& params, platform::Responder responder);
    void serveFindings(const QJsonObject& params, platform::Responder responder);
    void subscribeAt(const QString& match);
    void healthMoved();
    void pushHealth();
    void beginStop(std::chrono::milliseconds deadline, bool restart);
    void windUp();

    Skeleton* q;
    Manifest manifest;
    Handlers handlers;
    const Clock& clock;
    Options options;
    std::unique_ptr<PlatformLink> link;
    std::unique_ptr<platform::Outbox> outbox;
    EventSource source;
    HealthModel model;
    HealthPush push;
    std::optional<Schema> schema;
    std::optional<ConfigurationInForce> inForce;
    std::optional<platform::Welcome> welcome;
    std::deque<Event> early; ///< made before the platform said who we are
    std::map<QString, int> subscriptions;
    SeenUuids seen;
    Worker retention, downloads;
    QTimer helloTimer, healthTimer, stopTimer;
    std::chrono::milliseconds helloAgain = kHelloAgainFirst;
    qint64 localVersion = 0;
    bool defaultsTaken = false;
    bool stopping = false, restart = false, wound = false, ended = false;
};

Skeleton::Skeleton(Manifest manifest, Handlers handlers, std::unique_ptr<PlatformLink> link, const Clock& clock,
    Options options, QObject* parent)
    : QObject(parent)
    , d(std::make_unique<Private>(
          this, std::move(manifest), std::move(handlers), std::move(link), clock, std::move(options)))
{
    for (QTimer* timer : {&d->helloTimer, &d->healthTimer, &d->stopTimer})
        timer->setSingleShot(true);
    d->healthTimer.setTimerType(Qt::PreciseTimer);
    connect(&d->helloTimer, &QTimer::timeout, this, [this] { d->hello(); });
    connect(&d->healthTimer, &QTimer::timeout, this, [this] { d->pushHealth(); });
    connect(&d->stopTimer, &QTimer::timeout, this, [this] { d->windUp(); });
    for (Worker* worker : {&d->retention, &d->downloads}) {
        const std::string what = worker == &d->retention ? "deleting old data" : "taking over a download";
        connect(worker, &Worker::hangs, this, [this, what] { raise(Reason::HandlerHangs, what); });
        connect(worker, &Worker::returned, this, [this] { clear(Reason::HandlerHangs); });
    }
    if (auto parsed = Schema::parse(QJsonDocument{d->manifest.configuration.isEmpty()
                ? QJsonObject{{QStringLiteral("type"), QStringLiteral("object")}}
                : d->manifest.configuration}
                                        .toJson());
        parsed)
        d->schema.emplace(*std::move(parsed));
    else
        log::error("the configuration schema is not usable", {{"error", describe(parsed.error())}});
    const auto& identity = d->source.identity();
    if (d->schema)
        d->inForce.emplace(identity.instrument, d->manifest.type, *d->schema, d->handlers.check);
    if (!d->link)
        return;
    connect(d->link.get(), &PlatformLink::up, this, [this] { d->hello(); });
    connect(d->link.get(), &PlatformLink::down, this, [this](const QString& why) { d->helloFailed(why); });
    d->link->setHandler([this](const QString& name, const QJsonObject& params, platform::Responder responder) {
        d->serve(name, params, std::move(responder));
    });
}

Skeleton::~Skeleton() = default;

void Skeleton::start()
{
    d->healthMoved();
    if (d->link) {
        d->helloFailed(QStringLiteral("it was not there yet"));
        d->link->open();
    }
}

void Skeleton::stop(std::chrono::milliseconds deadline)
{
    d->beginStop(deadline, false);
}

std::vector<Fault> Skeleton::applyLocal(const QJsonObject& config)
{
    ConfigDocument document;
    document.target = d->source.identity().instrument;
    document.version = ++d->localVersion;
    document.uuid = d->source.takeUuid();
    document.timestamp = d->clock.wall();
    document.sourceInstrument = document.target;
    document.config = config;
    const Answer answer = d->apply(toJson(document));
    const QJsonObject result = std::get<QJsonValue>(answer).toObject();
    std::vector<Fault> faults;
    const QJsonArray errors = result.value(QStringLiteral("errors")).toArray();
    for (const QJsonValue& error : errors)
        faults.push_back({error[QStringLiteral("pointer")].toString(), error[QStringLiteral("text")].toString()});
    return faults;
}

bool Skeleton::standAlone() const noexcept
{
    return d->link == nullptr;
}
const std::optional<platform::Welcome>& Skeleton::welcome() const noexcept
{
    return d->welcome;
}
const QJsonObject& Skeleton::config() const
{
    static const QJsonObject none;
    return d->inForce ? d->inForce->config() : none;
}
qint64 Skeleton::configVersion() const
{
    return d->inForce && d->inForce->document() ? d->inForce->document()->version : 0;
}

EventSource& Skeleton::events()
{
    return d->source;
}

void Skeleton::publish(const Event& event)
{
    Q_EMIT published(event);
    if (!d->link)
        return;
    if (d->outbox)
        d->outbox->publish(event);
    else if (d->early.size() < kMostBeforeWelcome)
        d->early.push_back(event);
    else
        raise(Reason::EventsDropped, "the platform was not there at the start");
}

void Skeleton::subscribe(const QString& match, int history)
{
    if (d->subscriptions.size() >= kMostSubscriptions && !d->subscriptions.contains(match))
        return;
    d->subscriptions[match] = history;
    if (d->welcome && d->link->isUp())
        d->subscribeAt(match);
}

void Skeleton::unsubscribe(const QString& match)
{
    if (d->subscriptions.erase(match) == 0 || !d->welcome)
        return;
    d->link->request(method::kEventUnsubscribe, {{QStringLiteral("match"), match}}, [](const Answer&) {});
}

void Skeleton::request(
    const QString& name, const QJsonObject& params, platform::Reply reply, std::chrono::milliseconds deadline)
{
    if (d->link) {
        d->link->request(name, params, std::move(reply), deadline);
        return;
    }
    QMetaObject::invokeMethod(
        this,
        [reply = std::move(reply)] {
            reply(
                RpcError{Code::Closed, QStringLiteral("this Instrument is stand-alone; there is no platform to ask")});
        },
        Qt::QueuedConnection);
}

void Skeleton::Private::hello()
{
    if (!link->isUp() || stopping)
        return;
    link->request(method::kHello,
        {{QStringLiteral("type"), manifest.type}, {QStringLiteral("version"), options.version},
            {QStringLiteral("manifest"), manifest.document}},
        [this, alive = QPointer{q}](const Answer& answer) {
            if (alive)
                onWelcome(answer);
        });
}

void Skeleton::Private::helloFailed(const QString& why)
{
    q->raise(Reason::PlatformAway, why.toStdString());
}

void Skeleton::Private::onWelcome(const Answer& answer)
{
    QString why;
    std::optional<platform::Welcome> now;
    if (const auto* error = std::get_if<RpcError>(&answer)) {
        why = QStringLiteral("it refuses our hello: ") + error->message;
    } else if (auto read = platform::welcomeFromJson(std::get<QJsonValue>(answer).toObject()); read) {
        now = *std::move(read);
    } else {
        why =
            QStringLiteral("its answer to our hello is not usable: ") + QString::fromStdString(describe(read.error()));
    }
    if (now && welcome && now->address != welcome->address) {
        why = QStringLiteral("it gives us another address, %1; restart this Instrument").arg(now->address);
        now.reset();
    }
    if (!now) {
        helloFailed(why);
        helloTimer.start(std::exchange(helloAgain, std::min(helloAgain * 2, kHelloAgainMost)));
        return;
    }
    helloAgain = kHelloAgainFirst;
    q->clear(Reason::PlatformAway);
    const bool first = !welcome;
    welcome = std::move(now);
    if (first)
        firstWelcome();
    if (welcome->configuration)
        (void)apply(*welcome->configuration);
    else if (!inForce || !inForce->document())
        takeDefaults();
    for (const auto& [match, history] : subscriptions)
        subscribeAt(match);
    outbox->resume();
    if (push.pushed())
        (void)link->notify(method::kHealthChanged, q->healthJson());
    if (first)
        Q_EMIT q->welcomed();
}

void Skeleton::Private::firstWelcome()
{
    source.identify({welcome->address, welcome->sensor(), manifest.type});
    if (schema)
        inForce.emplace(welcome->address, manifest.type, *schema, handlers.check);
    openOutbox();
    for (Event& event : early) {
        event.sourceInstrument = welcome->address;
        event.sourceSensor = welcome->sensor();
        outbox->publish(event);
    }
    early.clear();
}

void Skeleton::Private::openOutbox()
{
    const QString path = welcome->persistentStorage.isEmpty()
        ? options.spoolPath
        : welcome->persistentStorage + QStringLiteral("/spool.db");
    outbox = std::make_unique<platform::Outbox>(
        *link, path.isEmpty() ? nullptr : std::make_unique<Spool>(path), platform::Outbox::Limits{});
    connect(outbox.get(), &platform::Outbox::spoolFailed, q,
        [this](const QString& why) { q->raise(Reason::SpoolFailed, why.toStdString()); });
    connect(outbox.get(), &platform::Outbox::spoolRecovered, q, [this] { q->clear(Reason::SpoolFailed); });
    connect(outbox.get(), &platform::Outbox::dropped, q,
        [this](quint64 total) { q->raise(Reason::EventsDropped, std::to_string(total) + " so far"); });
    connect(outbox.get(), &platform::Outbox::idle, q, [this] {
        q->clear(Reason::EventsDropped); // the gap stays visible in seq
        if (wound)
            windUp();
    });
}

void Skeleton::Private::takeDefaults()
{
    if (defaultsTaken || !schema)
        return;
    auto faults = schema->check({});
    if (faults.empty() && handlers.check)
        faults = handlers.check(schema->withDefaults({}));
    if (!faults.empty()) {
        q->raise(Reason::ConfigMissing, "the platform has none for us, and " + sentenceOf(faults).toStdString());
        return;
    }
    defaultsTaken = true;
    const QJsonObject defaults = schema->withDefaults({});
    if (handlers.configure)
        handlers.configure(defaults, defaults.keys());
}

Answer Skeleton::Private::apply(const QJsonObject& envelope)
{
    if (!inForce)
        return RpcError{Code::Internal, QStringLiteral("this Instrument's own configuration schema is broken")};
    const qint64 before = q->configVersion();
    const auto outcome = inForce->apply(envelope);
    if (const auto* faults = std::get_if<std::vector<Fault>>(&outcome)) {
        q->raise(before > 0 || defaultsTaken ? Reason::ConfigRejected : Reason::ConfigMissing,
            sentenceOf(*faults).toStdString());
        QJsonObject data{{QStringLiteral("errors"), toJson(*faults)},
            {QStringLiteral("previous"), before > 0 ? QJsonValue{before} : QJsonValue{}}};
        if (const QJsonValue version = envelope.value(QStringLiteral("version")); version.isDouble())
            data.insert(QStringLiteral("version"), version.toInteger());
        q->publish(source.make(
            EventId::ConfigRejected, QStringLiteral("Configuration rejected; the earlier one stays in force"), data));
        return QJsonValue{QJsonObject{{QStringLiteral("applied"), false}, {QStringLiteral("errors"), toJson(*faults)}}};
    }
    const auto& applied = std::get<ConfigurationInForce::Applied>(outcome);
    q->clear(Reason::ConfigRejected);
    q->clear(Reason::ConfigMissing);
    if (!applied.repeated) {
        QStringList changed = applied.changed;
        if (!applied.previous && !defaultsTaken)
            changed = inForce->config().keys();
        defaultsTaken = true;
        q->publish(source.make(EventId::ConfigApplied,
            changed.isEmpty() ? QStringLiteral("Configuration saved again: nothing changed")
                              : QStringLiteral("Configuration in force"),
            {{QStringLiteral("version"), applied.version},
                {QStringLiteral("previous"), applied.previous ? QJsonValue{*applied.previous} : QJsonValue{}},
                {QStringLiteral("changed_keys"), QJsonArray::fromStringList(changed)}}));
        if (handlers.configure)
            handlers.configure(inForce->config(), changed);
    }
    return QJsonValue{QJsonObject{{QStringLiteral("applied"), true}, {QStringLiteral("version"), applied.version},
        {QStringLiteral("changed_keys"), QJsonArray::fromStringList(applied.changed)}}};
}

void Skeleton::Private::subscribeAt(const QString& match)
{
    link->request(method::kEventSubscribe, toJson(platform::EventSubscription{match, subscriptions.at(match)}),
        [match](const Answer& answer) {
            if (const auto* error = std::get_if<RpcError>(&answer); error && error->code != Code::Closed)
                log::warning("the platform refuses a subscription",
                    {{"match", match.toStdString()}, {"why", error->message.toStdString()}});
        });
}

void Skeleton::Private::beginStop(std::chrono::milliseconds deadline, bool again)
{
    if (stopping) {
        windUp(); // asked twice
        return;
    }
    stopping = true;
    restart = again;
    stopTimer.start(deadline);
    const auto done = [this, alive = QPointer{q}] {
        if (!alive || std::exchange(wound, true))
            return;
        if (outbox && outbox->waiting() > 0 && link->isUp())
            stopTimer.start(std::min(kFlushAtStop, stopTimer.remainingTimeAsDuration()));
        else
            QMetaObject::invokeMethod(
                q, [this] { windUp(); }, Qt::QueuedConnection);
    };
    if (handlers.stop)
        handlers.stop(done);
    else
        done();
}

void Skeleton::Private::windUp()
{
    if (std::exchange(ended, true))
        return;
    stopTimer.stop();
    helloTimer.stop();
    Q_EMIT q->stopped(restart);
}

void Skeleton::Private::serve(const QString& name, const QJsonObject& params, platform::Responder responder)
{
    if (name == method::kHealthGet) {
        responder.answer(q->healthJson());
    } else if (name == method::kConfigApply) {
        const Answer answer = apply(params);
        if (const auto* error = std::get_if<RpcError>(&answer))
            responder.fail(error->code, error->message);
        else
            responder.answer(std::get<QJsonValue>(answer));
    } else if (name == method::kRetentionApply) {
        serveRetention(params, std::move(responder));
    } else if (name == method::kDownloadAvailable) {
        serveDownload(params, std::move(responder));
    } else if (name == method::kEventDeliver) {
        serveDelivery(params, std::move(responder));
    } else if (name == method::kFindingsApply && handlers.applyFindings) {
        serveFindings(params, std::move(responder));
    } else if (isStopMethod(name)) {
        const auto deadline = platform::stopDeadlineFromJson(params);
        if (!deadline) {
            responder.fail(Code::InvalidParams, QString::fromStdString(describe(deadline.error())));
            return;
        }
        responder.answer(QJsonObject{{QStringLiteral("accepted"), true}});
        beginStop(*deadline, name == method::kRestart);
    } else if (handlers.onMessage) {
        handlers.onMessage(name, params, std::move(responder));
    } else {
        responder.fail(
            Code::MethodNotFound, QStringLiteral("%1 is not a method of %2").arg(name.left(128), manifest.type));
    }
}

void Skeleton::Private::serveRetention(const QJsonObject& params, platform::Responder responder)
{
    const auto read = platform::retentionRequestFromJson(params);
    if (!read) {
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(read.error())));
        return;
    }
    if (!handlers.retain) {
        responder.answer(toJson(platform::RetentionResult{}));
        return;
    }
    platform::RetentionRequest request = *read;
    request.deadline = std::min(request.deadline, options.retentionMost);
    auto job = [retain = handlers.retain, request](std::stop_token stop) -> Answer {
        auto result = retain(request, stop);
        if (!result)
            return RpcError{Code::Internal, QString::fromStdString(describe(result.error()))};
        return QJsonValue{toJson(*result)};
    };
    auto shared = std::make_shared<platform::Responder>(std::move(responder));
    retention.run(std::move(job), request.deadline, [this, shared](const Answer& answer) {
        if (const auto* error = std::get_if<RpcError>(&answer)) {
            if (error->code != Code::Busy)
                q->raise(Reason::RetentionFailed, error->message.toStdString());
            shared->fail(error->code, error->message);
            return;
        }
        q->clear(Reason::RetentionFailed);
        shared->answer(std::get<QJsonValue>(answer));
    });
}

void Skeleton::Private::serveDownload(const QJsonObject& params, platform::Responder responder)
{
    const auto read = platform::downloadAvailableFromJson(params);
    if (!read) {
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(read.error())));
        return;
    }
    const auto refused = [](const QString& why) {
        return QJsonValue{QJsonObject{{QStringLiteral("accepted"), false}, {QStringLiteral("reason"), why}}};
    };
    if (!handlers.takeDownload) {
        responder.answer(refused(QStringLiteral("this Instrument takes no downloads")));
        return;
    }
    auto job = [take = handlers.takeDownload, download = *read, refused](std::stop_token stop) -> Answer {
        const auto taken = take(download, stop);
        if (!taken)
            return refused(QString::fromStdString(describe(taken.error())));
        return QJsonValue{QJsonObject{{QStringLiteral("accepted"), true}}};
    };
    auto shared = std::make_shared<platform::Responder>(std::move(responder));
    downloads.run(std::move(job), options.downloadWithin,
        [this, shared, resource = read->resource.toStdString()](const Answer& answer) {
            if (const auto* error = std::get_if<RpcError>(&answer)) {
                shared->fail(error->code, error->message);
                return;
            }
            const QJsonObject result = std::get<QJsonValue>(answer).toObject();
            if (result.value(QStringLiteral("accepted")).toBool())
                q->clear(Reason::DownloadRefused);
            else
                q->raise(Reason::DownloadRefused,
                    resource + ": " + result.value(QStringLiteral("reason")).toString().toStdString());
            shared->answer(result);
        });
}

void Skeleton::Private::serveDelivery(const QJsonObject& params, platform::Responder responder)
{
    const auto events = platform::eventsFromJson(params);
    if (!events) {
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(events.error())));
        return;
    }
    QJsonArray ids;
    for (const Event& event : *events)
        ids.append(event.uuid.toString(QUuid::WithoutBraces));
    for (const Event& event : *events)
        if (seen.add(event.uuid) && handlers.onEvent)
            handlers.onEvent(event);
    responder.answer(QJsonObject{{QStringLiteral("ids"), ids}});
}

void Skeleton::Private::serveFindings(const QJsonObject& params, platform::Responder responder)
{
    if (const auto taken = handlers.applyFindings(params); !taken)
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(taken.error())));
    else
        responder.answer(QJsonObject{{QStringLiteral("accepted"), true}});
}

void Skeleton::raise(Reason reason, const std::string& detail)
{
    d->model.raise(reason, detail);
    d->healthMoved();
}
void Skeleton::clear(Reason reason)
{
    if (!d->model.holds(reason))
        return;
    d->model.clear(reason);
    d->healthMoved();
}
void Skeleton::noteWorking()
{
    if (d->model.working())
        return;
    d->model.noteWorking();
    d->healthMoved();
}
bool Skeleton::working() const
{
    return d->model.working();
}

HealthSnapshot Skeleton::health() const
{
    return d->model.snapshot();
}

QJsonObject Skeleton::healthJson() const
{
    QJsonObject health = healthMessage(d->model.snapshot());
    QJsonObject facts = d->handlers.facts ? d->handlers.facts() : QJsonObject{};
    facts.insert(QStringLiteral("address"), d->source.identity().instrument);
    facts.insert(QStringLiteral("version"), d->options.version);
    facts.insert(QStringLiteral("config_version"), configVersion());
    facts.insert(QStringLiteral("platform"),
        !d->link                            ? QStringLiteral("none")
            : d->welcome && d->link->isUp() ? QStringLiteral("connected")
                                            : QStringLiteral("away"));
    if (d->outbox) {
        const auto counts = d->outbox->counts();
        facts.insert(QStringLiteral("events_waiting"), static_cast<qint64>(d->outbox->waiting()));
        facts.insert(QStringLiteral("events_dropped"), static_cast<qint64>(counts.dropped));
        facts.insert(QStringLiteral("events_refused"), static_cast<qint64>(counts.refused));
    }
    health.insert(QStringLiteral("facts"), facts);
    return health;
}

/// Put off to the end of the turn, so that what one judgement raises and clears is one change.
void Skeleton::Private::healthMoved()
{
    healthTimer.start(kLeastTimer);
}

void Skeleton::Private::pushHealth()
{
    const HealthStatus from = push.pushed() ? push.pushed()->status : HealthStatus::Pending;
    const bool first = !push.pushed();
    const auto before = push.pushed();
    if (const auto now = push.offer(model.snapshot())) {
        const bool news =
            first ? now->status != HealthStatus::Pending || !now->reasons.empty() : !now->sameCodes(*before);
        if (news) {
            EventSource::Options eventOptions;
            eventOptions.severity = severityFromNumber(severityOf(now->status));
            q->publish(source.make(EventId::Health, healthSentence(*now), healthEventData(from, *now), eventOptions));
        }
        if (link && welcome)
            (void)link->notify(method::kHealthChanged, q->healthJson());
        Q_EMIT q->healthChanged();
    }
    std::optional<std::chrono::milliseconds> next = push.nextTry();
    if (const auto byTime = model.nextChange(); byTime && (!next || *byTime < *next))
        next = byTime;
    if (next)
        healthTimer.start(std::max(*next, kLeastTimer) + kLeastTimer);
}

} // namespace beacon
