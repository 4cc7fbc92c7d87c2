#include "service/sensor/control.h"

#include "core/base/log.h"
#include "core/platform/control.h"
#include "service/sensor/status.h"

#include <algorithm>
#include <array>
#include <grp.h>
#include <pwd.h>

namespace beacon {

namespace {

using rpc::Code;
using rpc::RpcError;
namespace method = control::method;

constexpr std::chrono::seconds kSelfTestWithin{40};
constexpr auto kNameKey = QLatin1StringView("name");
constexpr std::size_t kNameBytes = 4'096; ///< of a line of /etc/passwd or /etc/group

QString userName(uid_t uid)
{
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, kNameBytes> buffer{};
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return QString::fromLocal8Bit(found->pw_name);
    return QStringLiteral("uid %1").arg(uid);
}

std::optional<gid_t> groupId(const char* name)
{
    group entry{};
    group* found = nullptr;
    std::array<char, kNameBytes> buffer{};
    if (::getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return found->gr_gid;
    return std::nullopt;
}

QString selfTestText(const QJsonObject& result)
{
    const QString reason = result.value(QStringLiteral("reason")).toString();
    return !reason.isEmpty() ? reason
                             : QStringLiteral("%1 of %2 attempts came home")
                                   .arg(result.value(QStringLiteral("recognised")).toInteger())
                                   .arg(result.value(QStringLiteral("attempts")).toInteger());
}

} // namespace

Control::Control(Sensor& sensor, QObject* parent)
    : QObject(parent)
    , m_sensor(sensor)
{
    connect(&m_listener, &rpc::Listener::accepted, this, &Control::accept);
    connect(&m_sensor, &Sensor::changed, this, &Control::lookAtWaiting);
    m_look.setSingleShot(true);
    connect(&m_look, &QTimer::timeout, this, &Control::lookAtWaiting);
}

Control::~Control() = default;

Result<> Control::listen()
{
    m_group = groupId(control::kGroup.data());
    rpc::Listener::Settings settings;
    settings.path = m_sensor.settings().controlSocket();
    settings.group = m_group;
    constexpr mode_t kOwner = 0600, kOwnerAndGroup = 0660;
    settings.mode = settings.group ? kOwnerAndGroup : kOwner;
    settings.maxClients = kMostClients;
    return m_listener.listen(settings);
}

void Control::accept(rpc::Peer* peer)
{
    peer->setHandler([this, peer](const QString& name, const QJsonObject& params,
                         rpc::Responder responder) { serve(*peer, name, params, std::move(responder)); },
        kLongest);
    connect(peer, &rpc::Peer::closed, this, [this, peer] {
        m_followers.erase(peer);
        m_logReaders.remove(peer);
    });
}

const Control::Method* Control::find(const QString& name)
{
    static constexpr auto kMethods = std::to_array<Method>({
        {method::kStatus, &Control::status},
        {method::kAdd, &Control::add},
        {method::kRemove, &Control::remove},
        {method::kStart, &Control::start},
        {method::kStop, &Control::stop},
        {method::kRestart, &Control::restart},
        {method::kInterfaces, &Control::interfaces},
        {method::kInterfaceAdd, &Control::interfaceAdd},
        {method::kInterfaceRemove, &Control::interfaceRemove},
        {method::kInterfaceGive, &Control::interfaceGive},
        {method::kInterfaceTake, &Control::interfaceTake},
        {method::kConfigGet, &Control::configGet},
        {method::kConfigApply, &Control::configApply},
        {method::kConfigHistory, &Control::configHistory},
        {method::kConfigRollback, &Control::configRollback},
        {method::kConfigDiff, &Control::configDiff},
        {method::kConfigSchema, &Control::configSchema},
        {method::kHealth, &Control::health},
        {method::kEventsRead, &Control::eventsRead},
        {method::kEventsFollow, &Control::eventsFollow},
        {method::kLogsRead, &Control::logsRead},
        {method::kSelfTest, &Control::selfTest},
    });
    const auto* const at =
        std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& candidate) { return candidate.name == name; });
    return at == kMethods.end() ? nullptr : at;
}

QString Control::nameIn(const QJsonObject& params, QLatin1StringView key) const
{
    QString name = params.value(key).toString();
    const QString suffix = QLatin1Char('@') + m_sensor.settings().name;
    if (name.endsWith(suffix))
        name.chop(suffix.size());
    return name;
}

void Control::serve(rpc::Peer& peer, const QString& name, const QJsonObject& params, rpc::Responder responder)
{
    const rpc::Credentials& who = peer.credentials();
    if (who.uid != 0 && !(m_group && who.isInGroup(*m_group))) {
        responder.fail(
            Code::Denied, QStringLiteral("only root and the group %1 may talk to the Sensor").arg(control::kGroup));
        return;
    }
    const Method* found = find(name);
    if (found == nullptr) {
        responder.fail(Code::MethodNotFound, QStringLiteral("%1 is not a method of the Sensor").arg(name.left(64)));
        return;
    }
    Call call{&peer, userName(peer.credentials().uid), params, std::move(responder)};
    (this->*found->answer)(call);
}

platform::Reply Control::replyTo(rpc::Responder responder)
{
    auto shared = std::make_shared<rpc::Responder>(std::move(responder));
    return [shared](const platform::Answer& answer) {
        if (const auto* error = std::get_if<RpcError>(&answer))
            shared->fail(error->code, error->message, error->data);
        else
            shared->answer(std::get<QJsonValue>(answer));
    };
}

InstrumentRun* Control::instrumentOf(Call& call, QLatin1StringView key)
{
    const QString name = nameIn(call.params, key);
    InstrumentRun* run = m_sensor.find(name);
    if (run == nullptr)
        call.responder.fail(Code::InvalidParams,
            name.isEmpty()
                ? QStringLiteral("name the Instrument; 'sensorctl status' lists them")
                : QStringLiteral("there is no Instrument %1; 'sensorctl status' lists them").arg(name.left(64)));
    return run;
}

Configurations::Change Control::changeOf(const Call& call)
{
    constexpr qsizetype kMostWhy = 1'024;
    Configurations::Change change;
    change.who = call.who;
    change.why = call.params.value(QStringLiteral("why")).toString().left(kMostWhy);
    if (const QJsonValue base = call.params.value(QStringLiteral("base")); base.isDouble())
        change.base = base.toInteger();
    change.check = call.params.value(QStringLiteral("check")).toBool();
    return change;
}

void Control::answerWhen(
    rpc::Responder responder, const QString& name, std::function<bool()> isSo, std::function<QJsonObject()> answer)
{
    m_waiting.push_back(
        {std::move(responder), name, std::move(isSo), std::move(answer), m_sensor.clock().now() + kLifeWithin});
    lookAtWaiting();
}

void Control::lookAtWaiting()
{
    const MonotonicTime now = m_sensor.clock().now();
    for (auto waiting = m_waiting.begin(); waiting != m_waiting.end();) {
        const bool isSo = waiting->isSo();
        if (!isSo && now < waiting->until) {
            ++waiting;
            continue;
        }
        Waiting done = std::move(*waiting);
        waiting = m_waiting.erase(waiting);
        const InstrumentRun* run = m_sensor.find(done.name);
        if (isSo)
            done.responder.answer(done.answer());
        else
            done.responder.fail(Code::Timeout,
                QStringLiteral("%1 is still %2 after %3 s%4")
                    .arg(done.name, run != nullptr ? run->lifeText() : QStringLiteral("gone"))
                    .arg(kLifeWithin.count())
                    .arg(run != nullptr && !run->problem().isEmpty() ? QStringLiteral(": ") + run->problem()
                                                                     : QString{}));
    }
    if (!m_waiting.empty())
        m_look.start(std::chrono::seconds{1});
}

void Control::status(Call& call)
{
    call.responder.answer(statusOf(m_sensor));
}

void Control::health(Call& call)
{
    if (nameIn(call.params, kNameKey).isEmpty())
        call.responder.answer(wholeHealth(m_sensor));
    else if (const InstrumentRun* run = instrumentOf(call)) {
        const QString address = m_sensor.addressOf(run->spec().name);
        auto responder = std::make_shared<rpc::Responder>(std::move(call.responder));
        m_sensor.askHealth(
            address, HealthBoard::kAnswerWithin, [this, address, responder](const platform::Answer& answer) {
                if (const auto* health = std::get_if<QJsonValue>(&answer))
                    m_sensor.board().pushed(address, health->toObject());
                responder->answer(m_sensor.board().healthOf(address)); // of late, where it does not answer now
            });
    }
}

void Control::interfaces(Call& call)
{
    auto responder = std::make_shared<rpc::Responder>(std::move(call.responder));
    m_sensor.work().ask<Result<std::vector<HostDevice>>>(
        this, [this] { return m_sensor.wiring().devices(); },
        [this, responder](const Result<std::vector<HostDevice>>& found) {
            QJsonArray devices;
            if (found)
                for (const HostDevice& device : *found)
                    devices.append(QJsonObject{{QStringLiteral("name"), QString::fromStdString(device.name)},
                        {QStringLiteral("kind"), QString::fromStdString(device.kind)},
                        {QStringLiteral("mac"), QString::fromStdString(device.mac.text())},
                        {QStringLiteral("up"), device.up}, {QStringLiteral("carrier"), device.carrier},
                        {QStringLiteral("free"), device.whyNot.empty()},
                        {QStringLiteral("why_not"),
                            device.whyNot.empty() ? QJsonValue{} : QJsonValue{QString::fromStdString(device.whyNot)}}});
            responder->answer(QJsonObject{
                {QStringLiteral("interfaces"), interfacesOf(m_sensor)}, {QStringLiteral("devices"), devices}});
        });
}

void Control::selfTest(Call& call)
{
    std::vector<QString> names;
    if (!nameIn(call.params, kNameKey).isEmpty()) {
        const InstrumentRun* run = instrumentOf(call);
        if (run == nullptr)
            return;
        names.push_back(run->spec().name);
    } else {
        for (const InstrumentSpec& spec : m_sensor.document().instruments)
            if (spec.type == QLatin1StringView{"beacon"})
                names.push_back(spec.name);
    }
    if (names.empty()) {
        call.responder.answer(QJsonObject{{QStringLiteral("results"), QJsonArray{}}});
        return;
    }
    struct Results {
        rpc::Responder responder;
        QJsonArray rows;
        std::size_t left;
    };
    auto results = std::make_shared<Results>(Results{std::move(call.responder), {}, names.size()});
    for (const QString& name : names)
        m_sensor.hub().request(
            m_sensor.addressOf(name), QStringLiteral("selftest.run"), {},
            [results, name](const platform::Answer& answer) {
                const auto* error = std::get_if<RpcError>(&answer);
                const QJsonObject result = error != nullptr ? QJsonObject{} : std::get<QJsonValue>(answer).toObject();
                results->rows.append(QJsonObject{{QStringLiteral("name"), name},
                    {QStringLiteral("passed"), result.value(QStringLiteral("escaped")).toBool()},
                    {QStringLiteral("text"), error != nullptr ? error->message : selfTestText(result)},
                    {QStringLiteral("result"), result}});
                if (--results->left == 0)
                    results->responder.answer(QJsonObject{{QStringLiteral("results"), results->rows}});
            },
            kSelfTestWithin);
}

} // namespace beacon
