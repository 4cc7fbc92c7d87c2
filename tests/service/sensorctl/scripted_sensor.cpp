#include "tests/service/sensorctl/scripted_sensor.h"

#include "core/platform/control.h"

namespace beacon::test {

ScriptedSensor::ScriptedSensor()
{
    connect(&m_listener, &rpc::Listener::accepted, this, &ScriptedSensor::serve);
    answer(control::method::kStatus, statusAnswer());
}

bool ScriptedSensor::start()
{
    rpc::Listener::Settings settings;
    settings.path = socket();
    return static_cast<bool>(m_listener.listen(settings));
}

void ScriptedSensor::serve(rpc::Peer* peer)
{
    m_peers.emplace_back(peer);
    peer->setHandler(
        [this, peer](const QString& method, const QJsonObject& params, rpc::Responder responder) {
            m_asked.push_back({method, params});
            m_asking = peer;
            if (const auto found = m_answers.find(method); found != m_answers.end())
                (*found)(params, responder);
            else
                responder.fail(rpc::Code::MethodNotFound, QStringLiteral("There is no method ") + method);
        },
        std::chrono::minutes{1});
}

void ScriptedSensor::answer(QLatin1StringView method, const QJsonValue& result)
{
    on(method, [result](const QJsonObject&, rpc::Responder& responder) { responder.answer(result); });
}

void ScriptedSensor::refuse(QLatin1StringView method, rpc::Code code, const QString& message, const QJsonObject& data)
{
    on(method, [code, message, data](const QJsonObject&, rpc::Responder& responder) {
        responder.fail(code, message, data.isEmpty() ? QJsonValue{QJsonValue::Undefined} : QJsonValue{data});
    });
}

void ScriptedSensor::hang(QLatin1StringView method)
{
    on(method, [this](const QJsonObject&, rpc::Responder& responder) { m_hanging.push_back(std::move(responder)); });
}

void ScriptedSensor::hangUp(QLatin1StringView method)
{
    on(method, [this](const QJsonObject&, rpc::Responder& responder) {
        m_hanging.push_back(std::move(responder));
        m_asking->close();
    });
}

void ScriptedSensor::notify(QLatin1StringView method, const QJsonObject& params)
{
    for (const auto& peer : m_peers)
        if (peer && peer->isOpen())
            (void)peer->notify(method, params);
}

QJsonObject ScriptedSensor::lastParams(QLatin1StringView method) const
{
    QJsonObject params;
    for (const Asked& asked : m_asked)
        if (asked.method == method)
            params = asked.params;
    return params;
}

QJsonObject instrument(const QString& name, const QString& status)
{
    QJsonArray reasons;
    if (status != QLatin1StringView("OK"))
        reasons.append(
            QJsonObject{{QStringLiteral("source"), name}, {QStringLiteral("code"), QStringLiteral("stalled")},
                {QStringLiteral("severity"), status}, {QStringLiteral("text"), QStringLiteral("nothing left the host")},
                {QStringLiteral("since"), 1'764'000'000.5}});
    const QJsonObject attachment{{QStringLiteral("name"), QStringLiteral("eth0")},
        {QStringLiteral("interface"), QStringLiteral("plant-a")}, {QStringLiteral("type"), QStringLiteral("bridge")},
        {QStringLiteral("capabilities"), QJsonArray{QStringLiteral("rx"), QStringLiteral("tx")}},
        {QStringLiteral("addressing"), QStringLiteral("dhcp")},
        {QStringLiteral("addresses"), QJsonArray{QStringLiteral("192.0.2.7/24")}}};
    return {{QStringLiteral("name"), name}, {QStringLiteral("address"), name + QStringLiteral("@plant7")},
        {QStringLiteral("type"), QStringLiteral("beacon")}, {QStringLiteral("title"), QStringLiteral("Beacon")},
        {QStringLiteral("desired"), QStringLiteral("running")}, {QStringLiteral("life"), QStringLiteral("running")},
        {QStringLiteral("pid"), 42}, {QStringLiteral("since"), 1'764'000'000.25}, {QStringLiteral("restarts"), 2},
        {QStringLiteral("last_exit"), QJsonValue{}}, {QStringLiteral("connected"), true},
        {QStringLiteral("health"),
            QJsonObject{{QStringLiteral("status"), status}, {QStringLiteral("reasons"), reasons},
                {QStringLiteral("facts"), QJsonObject{}}}},
        {QStringLiteral("config"),
            QJsonObject{
                {QStringLiteral("desired"), 8}, {QStringLiteral("reported"), 8}, {QStringLiteral("drift"), false}}},
        {QStringLiteral("interfaces"), QJsonArray{attachment}}, {QStringLiteral("drift"), QJsonArray{}}};
}

QJsonObject statusAnswer(const QString& status)
{
    const QJsonObject interface {
        {QStringLiteral("name"), QStringLiteral("plant-a")}, {QStringLiteral("type"), QStringLiteral("bridge")},
            {QStringLiteral("device"), QStringLiteral("eth1")}, {QStringLiteral("present"), true},
            {QStringLiteral("carrier"), true}, {QStringLiteral("used_by"), QJsonArray{QStringLiteral("beacon_0")}},
            {QStringLiteral("problem"), QString{}},
        {
            QStringLiteral("uplink"), QJsonObject
            {
                {QStringLiteral("frames"), 123}, {QStringLiteral("tokens"), 12},
                {
                    QStringLiteral("since"), 1
                }
            }
        }
    };
    const QJsonObject beacon1 = instrument(QStringLiteral("beacon_1"), status);
    return {{QStringLiteral("sensor"), QStringLiteral("plant7")}, {QStringLiteral("version"), QStringLiteral("0.1.0")},
        {QStringLiteral("uptime_s"), 93'784}, {QStringLiteral("health"), beacon1.value(QStringLiteral("health"))},
        {QStringLiteral("instruments"),
            QJsonArray{instrument(QStringLiteral("beacon_0"), QStringLiteral("OK")), beacon1}},
        {QStringLiteral("interfaces"), QJsonArray{interface}}};
}

} // namespace beacon::test
