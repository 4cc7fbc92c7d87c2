#include "tests/service/sensor/hub_lab.h"

#include <QJsonDocument>
#include <QTest>

namespace beacon::test {

namespace {

QByteArray lineOf(const QJsonObject& object)
{
    return QJsonDocument{object}.toJson(QJsonDocument::Compact) + '\n';
}

} // namespace

RawGuest::RawGuest(const QString& path)
{
    QObject::connect(&m_socket, &QLocalSocket::readyRead, &m_socket, [this] { read(); });
    m_socket.connectToServer(path);
    (void)m_socket.waitForConnected(1'000);
}

RawGuest::~RawGuest()
{
    m_socket.disconnect();
    m_socket.abort();
}

bool RawGuest::waitForEnd(int withinMs)
{
    return QTest::qWaitFor([this] { return !isConnected(); }, withinMs);
}

void RawGuest::sendRaw(const QByteArray& bytes)
{
    m_socket.write(bytes);
    m_socket.flush();
}

qint64 RawGuest::ask(const QString& method, const QJsonObject& params)
{
    sendRaw(lineOf({{QStringLiteral("jsonrpc"), QStringLiteral("2.0")}, {QStringLiteral("id"), ++m_lastTicket},
        {QStringLiteral("method"), method}, {QStringLiteral("params"), params}}));
    return m_lastTicket;
}

QJsonObject RawGuest::waitForAnswer(qint64 ticket, int withinMs)
{
    (void)QTest::qWaitFor([&] { return m_answers.contains(ticket); }, withinMs);
    return m_answers.value(ticket);
}

QJsonObject RawGuest::call(const QString& method, const QJsonObject& params, int withinMs)
{
    return waitForAnswer(ask(method, params), withinMs);
}

void RawGuest::notify(const QString& method, const QJsonObject& params)
{
    sendRaw(lineOf({{QStringLiteral("jsonrpc"), QStringLiteral("2.0")}, {QStringLiteral("method"), method},
        {QStringLiteral("params"), params}}));
}

void RawGuest::setReading(bool reading)
{
    m_reading = reading;
    m_socket.setReadBufferSize(reading ? 0 : 1);
    if (reading)
        read();
}

void RawGuest::read()
{
    if (!m_reading)
        return;
    m_buffer += m_socket.readAll();
    for (qsizetype end = m_buffer.indexOf('\n'); end >= 0 && m_reading; end = m_buffer.indexOf('\n')) {
        const QJsonObject message = QJsonDocument::fromJson(m_buffer.left(end)).object();
        m_buffer.remove(0, end + 1);
        take(message);
    }
}

void RawGuest::take(const QJsonObject& message)
{
    const QJsonValue id = message.value(QStringLiteral("id"));
    if (!message.contains(QStringLiteral("method"))) {
        m_answers.insert(id.toInteger(-1), message);
        return;
    }
    const QString method = message.value(QStringLiteral("method")).toString();
    const QJsonObject params = message.value(QStringLiteral("params")).toObject();
    asked.push_back({method, params});
    QJsonObject answer{{QStringLiteral("result"), QJsonObject{}}};
    if (method == QStringLiteral("event.deliver")) {
        const QJsonArray events = params.value(QStringLiteral("events")).toArray();
        for (const auto& event : events) {
            deliveredUuids << event.toObject().value(QStringLiteral("uuid")).toString();
            delivered.push_back(event.toObject());
        }
    }
    if (onRequest)
        onRequest(method, params);
    if (const auto scripted = answers.find(method); scripted != answers.end())
        answer = scripted->second;
    if (answer.isEmpty() || id.isUndefined())
        return;
    answer.insert(QStringLiteral("jsonrpc"), QStringLiteral("2.0"));
    answer.insert(QStringLiteral("id"), id);
    sendRaw(lineOf(answer));
}

HubLab::HubLab()
    : store(dir.filePath(QStringLiteral("events.db")), clock, {})
    , hub(store, clock, QLatin1StringView{kSensor})
{
    store.start();
    QObject::connect(&hub, &Hub::arrived, &hub, [this](const QString& address, const QString& version) {
        heard << QStringLiteral("arrived %1 %2").arg(address, version);
    });
    QObject::connect(&hub, &Hub::left, &hub, [this](const QString& address, const QString& reason) {
        heard << QStringLiteral("left %1: %2").arg(address, reason);
    });
    QObject::connect(&hub, &Hub::healthPushed, &hub, [this](const QString& address, const QJsonObject& health) {
        heard << QStringLiteral("health %1 %2").arg(address, health.value(QStringLiteral("status")).toString());
    });
}

QString HubLab::socketOf(const QString& name) const
{
    return dir.filePath(QStringLiteral("instruments/%1/sensor/platform.sock").arg(name));
}

QString HubLab::addressOf(const QString& name)
{
    return name + QLatin1Char('@') + QLatin1StringView{kSensor};
}

bool HubLab::admit(const QString& name)
{
    Hub::Guest guest;
    guest.address = addressOf(name);
    guest.type = typeOf(name);
    guest.socket = socketOf(name);
    guest.welcome = [this] {
        platform::Welcome welcome;
        welcome.configuration = configuration;
        return welcome;
    };
    const auto admitted = hub.admit(guest);
    if (!admitted)
        qWarning("%s", describe(admitted.error()).c_str());
    return static_cast<bool>(admitted);
}

QJsonObject HubLab::manifestOf(const QString& type, const QStringList& relations)
{
    std::map<QString, QJsonArray> permissions;
    for (const QString& relation : relations)
        permissions[relation.section(QLatin1Char(':'), 0, 0)].append(relation.section(QLatin1Char(':'), 1));
    QJsonArray list;
    for (const auto& [other, allowed] : permissions)
        list.append(QJsonObject{{QStringLiteral("type"), other}, {QStringLiteral("permissions"), allowed}});
    return {{QStringLiteral("name"), QStringLiteral("test-instrument")}, {QStringLiteral("type"), type},
        {QStringLiteral("title"), QStringLiteral("Test")}, {QStringLiteral("developer"), QStringLiteral("Test")},
        {QStringLiteral("description"), QStringLiteral("Of a test.")},
        {QStringLiteral("network_access"), QStringLiteral("none")}, {QStringLiteral("relations"), list},
        {QStringLiteral("events"), QJsonArray{QStringLiteral("instruments.%1.*").arg(type)}},
        {QStringLiteral("user"), QStringLiteral("test")}};
}

QJsonObject HubLab::helloOf(const QString& type, const QStringList& relations)
{
    return {{QStringLiteral("type"), type}, {QStringLiteral("version"), QStringLiteral("1.0")},
        {QStringLiteral("manifest"), manifestOf(type, relations)}};
}

std::unique_ptr<RawGuest> HubLab::arrive(const QString& name, const QStringList& relations)
{
    if (!hub.isAdmitted(addressOf(name)) && !admit(name))
        return nullptr;
    auto guest = std::make_unique<RawGuest>(socketOf(name));
    const QJsonObject answer = guest->call(QStringLiteral("instrument.hello"), helloOf(typeOf(name), relations));
    if (!answer.contains(QStringLiteral("result"))) {
        qWarning("%s", QJsonDocument{answer}.toJson().constData());
        return nullptr;
    }
    return guest;
}

QJsonObject HubLab::eventOf(const QString& name, const QString& word)
{
    const QString uuid = m_uuids.next().toString(QUuid::WithoutBraces);
    return {{QStringLiteral("schema"), QStringLiteral("event/1")}, {QStringLiteral("uuid"), uuid},
        {QStringLiteral("context_uuid"), uuid}, {QStringLiteral("timestamp"), toUnixSeconds(clock.wall())},
        {QStringLiteral("type"), QStringLiteral("instruments.%1.%2").arg(typeOf(name), word)},
        {QStringLiteral("message"), QStringLiteral("Something was seen")}, {QStringLiteral("severity"), 3},
        {QStringLiteral("source_instrument"), addressOf(name)},
        {QStringLiteral("source_sensor"), QLatin1StringView{kSensor}},
        {QStringLiteral("instrument_type"), typeOf(name)}, {QStringLiteral("sensor_event_id"), QJsonValue::Null},
        {QStringLiteral("seq"), ++m_seq}, {QStringLiteral("metadata"), QJsonObject{}},
        {QStringLiteral("data"), QJsonObject{{QStringLiteral("sensor_event_id"), QJsonValue::Null}}}};
}

QJsonObject HubLab::eventsOf(const QString& name, int count)
{
    QJsonArray events;
    for (int i = 0; i < count; ++i)
        events.append(eventOf(name));
    return {{QStringLiteral("events"), events}};
}

int errorCode(const QJsonObject& answer)
{
    return answer.value(QStringLiteral("error")).toObject().value(QStringLiteral("code")).toInt();
}

QString errorText(const QJsonObject& answer)
{
    return answer.value(QStringLiteral("error")).toObject().value(QStringLiteral("message")).toString();
}

} // namespace beacon::test
