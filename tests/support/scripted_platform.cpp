#include "tests/support/scripted_platform.h"

#include "tests/support/event_schema.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QSet>
#include <QTimer>

#include <algorithm>

namespace beacon::test {

namespace {

constexpr qsizetype kFrameBytes = 1024 * 1024;
constexpr qsizetype kPublishBytes = 256 * 1024;
constexpr int kInFlight = 32;
constexpr int kMethodNotFound = -32601, kInvalidParams = -32602, kBusy = -32000;

QByteArray toText(const QJsonObject& object)
{
    return QJsonDocument{object}.toJson(QJsonDocument::Compact);
}

QJsonObject result(const QJsonValue& value)
{
    return {{QStringLiteral("result"), value}};
}

QJsonObject error(int code, const QString& message)
{
    return {
        {QStringLiteral("error"), QJsonObject{{QStringLiteral("code"), code}, {QStringLiteral("message"), message}}}};
}

} // namespace

struct ScriptedPlatform::Connection {
    std::unique_ptr<QLocalSocket> socket;
    int number = 0;
    QByteArray buffer;
    QSet<QString> ids; ///< ever used
    int unanswered = 0;
    bool greeted = false;
    bool ended = false; ///< by us; what it still said is not heard
};

ScriptedPlatform::ScriptedPlatform(QString socketPath)
    : m_path(std::move(socketPath))
{
    m_since.start();
    const QDir beside = QFileInfo(m_path).absoluteDir();
    const auto directory = [&](const char* name) {
        beside.mkpath(QLatin1StringView(name));
        return beside.absoluteFilePath(QLatin1StringView(name));
    };
    const QJsonObject interface {
        {QStringLiteral("name"), QStringLiteral("seg0")}, {QStringLiteral("type"), QStringLiteral("phy")},
        {
            QStringLiteral("capabilities"), QJsonArray
            {
                QStringLiteral("rx"), QStringLiteral("tx")
            }
        }
    };
    welcome = {{QStringLiteral("address"), QStringLiteral("beacon_0@plant7")},
        {QStringLiteral("configuration"), QJsonValue::Null},
        {QStringLiteral("storage"),
            QJsonObject{{QStringLiteral("transient"), directory("transient")},
                {QStringLiteral("persistent"), directory("persistent")}}},
        {QStringLiteral("incoming"), directory("incoming")}, {QStringLiteral("interfaces"), QJsonArray{interface}}};
}

ScriptedPlatform::~ScriptedPlatform()
{
    vanish();
}

bool ScriptedPlatform::appear()
{
    QFile::remove(m_path);
    m_server = std::make_unique<QLocalServer>();
    connect(m_server.get(), &QLocalServer::newConnection, this, &ScriptedPlatform::onConnection);
    return m_server->listen(m_path);
}

void ScriptedPlatform::vanish()
{
    m_server.reset();
    dropConnections();
}

void ScriptedPlatform::dropConnections()
{
    for (const auto& connection : std::exchange(m_open, {})) {
        connection->socket->disconnect(this);
        connection->socket->abort();
        connection->socket.release()->deleteLater(); // it may be the one that is calling
    }
}

bool ScriptedPlatform::isConnected() const
{
    return !m_open.empty();
}

void ScriptedPlatform::setPublishing(Publishing how, int times)
{
    m_publishing = how;
    m_publishingTimes = times;
}

void ScriptedPlatform::setReading(bool reading)
{
    m_reading = reading;
    for (std::size_t i = 0; i < m_open.size(); ++i) {
        m_open[i]->socket->setReadBufferSize(reading ? 0 : 1);
        if (reading)
            read(*m_open[i]);
    }
}

void ScriptedPlatform::onConnection()
{
    while (QLocalSocket* socket = m_server ? m_server->nextPendingConnection() : nullptr) {
        socket->setParent(nullptr);
        auto connection = std::make_unique<Connection>();
        connection->socket.reset(socket);
        connection->number = ++m_connected;
        if (!m_reading)
            socket->setReadBufferSize(1);
        const int number = connection->number;
        m_open.push_back(std::move(connection));
        m_subscriptions.clear();
        const auto onReadable = [this, number] {
            if (Connection* readable = find(number); readable != nullptr && m_reading)
                read(*readable);
        };
        connect(socket, &QLocalSocket::readyRead, this, onReadable);
        connect(socket, &QLocalSocket::disconnected, this, [this, onReadable, number] {
            onReadable();
            forget(number);
        });
        onReadable();
    }
}

ScriptedPlatform::Connection* ScriptedPlatform::find(int number)
{
    const auto at = std::find_if(
        m_open.begin(), m_open.end(), [&](const auto& connection) { return connection->number == number; });
    return at == m_open.end() ? nullptr : at->get();
}

void ScriptedPlatform::forget(int number)
{
    std::erase_if(m_open, [&](const auto& connection) {
        if (connection->number == number)
            connection->socket.release()->deleteLater();
        return connection->number == number;
    });
}

void ScriptedPlatform::read(Connection& from)
{
    const int number = from.number;
    if (from.ended)
        return;
    from.buffer += from.socket->readAll();
    for (Connection* open = &from; open != nullptr && !open->ended; open = find(number)) {
        const qsizetype end = open->buffer.indexOf('\n');
        if (end < 0) {
            if (open->buffer.size() > kFrameBytes)
                complain(QStringLiteral("a frame over 1 MiB"));
            return;
        }
        const QByteArray frame = open->buffer.left(end);
        open->buffer.remove(0, end + 1);
        take(*open, frame);
    }
}

void ScriptedPlatform::sendRaw(const QByteArray& bytes)
{
    if (!m_open.empty())
        m_open.back()->socket->write(bytes);
}

void ScriptedPlatform::complain(const QString& about, const QByteArray& frame)
{
    if (m_complaints.size() < 100)
        m_complaints << about + QStringLiteral(": ") + QString::fromUtf8(frame.left(500));
}

void ScriptedPlatform::take(Connection& from, const QByteArray& frame)
{
    if (frame.size() > kFrameBytes)
        return complain(QStringLiteral("a frame over 1 MiB"), frame);
    const QJsonDocument document = QJsonDocument::fromJson(frame);
    const QJsonObject message = document.object();
    if (!document.isObject() || message.value(QStringLiteral("jsonrpc")) != QJsonValue(QStringLiteral("2.0")))
        return complain(QStringLiteral("not JSON-RPC 2.0"), frame);
    const bool hasResult = message.contains(QStringLiteral("result"));
    const bool hasError = message.contains(QStringLiteral("error"));
    if (message.contains(QStringLiteral("method"))) {
        if (hasResult || hasError || !message.value(QStringLiteral("method")).isString())
            return complain(QStringLiteral("neither a request nor an answer"), frame);
        return takeRequest(from, message);
    }
    if (hasResult == hasError)
        return complain(QStringLiteral("an answer needs a result or an error, not both"), frame);
    const QJsonValue id = message.value(QStringLiteral("id"));
    if (hasError && id.isNull())
        return; // its complaint about what we sent
    const qint64 ticket = id.toInteger(-1);
    if (ticket < 1 || ticket > m_lastTicket || m_answers.contains(ticket))
        return complain(QStringLiteral("an answer to nothing that was asked"), frame);
    m_answers.insert(ticket, message);
    m_answeredAt.insert(ticket, nowMs());
}

void ScriptedPlatform::takeRequest(Connection& from, const QJsonObject& message)
{
    const QByteArray frame = toText(message);
    const QJsonValue id = message.value(QStringLiteral("id"));
    const QJsonValue params = message.value(QStringLiteral("params"));
    const Said said{message.value(QStringLiteral("method")).toString(), params.toObject(), nowMs(), from.number};
    if (!params.isUndefined() && !params.isObject())
        complain(QStringLiteral("params that are no object"), frame);
    if (!id.isUndefined()) {
        const QString name = id.toVariant().toString();
        if (from.ids.contains(name) || (!id.isDouble() && !id.isString()))
            complain(QStringLiteral("an id that is none, or used twice"), frame);
        from.ids.insert(name);
    }
    const bool isHello = said.method == QStringLiteral("instrument.hello");
    if (!from.greeted && !isHello)
        complain(QStringLiteral("before instrument.hello"), frame);
    from.greeted = from.greeted || isHello;
    m_said.push_back(said);
    if (isHello)
        m_hellos.push_back(said);
    if (said.method == QStringLiteral("health.changed"))
        m_healths.push_back(said);
    if (id.isUndefined())
        return;
    if (++from.unanswered > kInFlight) {
        complain(QStringLiteral("over 32 requests unanswered"), frame);
        return answer(from, id, error(kBusy, QStringLiteral("32 requests are in flight")));
    }
    if (const auto scripted = m_scripts.constFind(said.method); scripted != m_scripts.constEnd()) {
        if (!scripted->isEmpty())
            answer(from, id, *scripted);
        return;
    }
    if (said.method == QStringLiteral("event.publish"))
        return takeEvents(from, id, said);
    answer(from, id, answerOf(said));
}

QJsonObject ScriptedPlatform::answerOf(const Said& said)
{
    const auto is = [&](const char* method) { return said.method == QLatin1StringView(method); };
    const QString match = said.params.value(QStringLiteral("match")).toString();
    if (is("instrument.hello"))
        return result(welcome);
    if (is("event.subscribe")) {
        if (match.isEmpty())
            return error(kInvalidParams, QStringLiteral("match is missing"));
        if (!m_subscriptions.contains(match))
            m_subscriptions << match;
        return result(QJsonObject{});
    }
    if (is("event.unsubscribe")) {
        m_subscriptions.removeAll(match);
        return result(QJsonObject{});
    }
    if (is("download.request") || is("download.withdraw"))
        return result(QJsonObject{{QStringLiteral("accepted"), true}});
    if (is("instrument.find"))
        return result(QJsonObject{{QStringLiteral("addresses"), QJsonArray{}}});
    if (is("health.changed"))
        return result(QJsonObject{});
    return error(kMethodNotFound, QStringLiteral("There is no method ") + said.method);
}

void ScriptedPlatform::answer(Connection& to, const QJsonValue& id, const QJsonObject& resultOrError)
{
    --to.unanswered;
    QJsonObject message = resultOrError;
    message.insert(QStringLiteral("jsonrpc"), QStringLiteral("2.0"));
    message.insert(QStringLiteral("id"), id);
    to.socket->write(toText(message) + '\n');
}

void ScriptedPlatform::takeEvents(Connection& from, const QJsonValue& id, const Said& said)
{
    const Publishing how = m_publishing;
    if (m_publishingTimes > 0 && --m_publishingTimes == 0)
        setPublishing(Publishing::Acknowledged);
    const QJsonArray events = said.params.value(QStringLiteral("events")).toArray();
    const QByteArray text = toText(said.params);
    if (events.isEmpty() || (events.size() > 1 && text.size() > kPublishBytes))
        complain(QStringLiteral("an event.publish that is empty or over 256 KiB"), text);
    if (how == Publishing::Ignored)
        return;
    const bool holdsRefused = std::any_of(events.begin(), events.end(), [&](const QJsonValue& event) {
        return !m_refusedType.isEmpty() && event.toObject().value(QStringLiteral("type")) == QJsonValue(m_refusedType);
    });
    if (how == Publishing::Refused || holdsRefused)
        return answer(from, id, error(kInvalidParams, QStringLiteral("The platform does not take this")));
    QJsonArray ids;
    for (const QJsonValue& event : events) {
        record(event.toObject(), from.number);
        ids.append(event.toObject().value(QStringLiteral("uuid")));
    }
    if (how == Publishing::Unanswered)
        return;
    if (how == Publishing::AnswerLost) {
        from.ended = true;
        from.socket->abort(); // from here on `from` is gone
        return;
    }
    const QJsonObject done = result(QJsonObject{{QStringLiteral("ids"), ids}});
    const auto acknowledge = [this, number = from.number, id, done, count = events.size()] {
        Connection* to = find(number);
        if (to == nullptr)
            return;
        m_acknowledged += count;
        answer(*to, id, done);
    };
    if (how == Publishing::Slow)
        QTimer::singleShot(m_delayMs, this, acknowledge);
    else
        acknowledge();
}

void ScriptedPlatform::record(const QJsonObject& event, int connection)
{
    const QString uuid = event.value(QStringLiteral("uuid")).toString();
    if (const auto known = m_seen.constFind(uuid); known != m_seen.constEnd()) {
        ++m_repeats;
        if (m_events[*known].event != event)
            complain(QStringLiteral("one uuid with two contents"), toText(event));
        return;
    }
    if (m_validating) {
        const QByteArray text = toText(event);
        const auto wrong = schemaComplaint({text.constData(), static_cast<std::size_t>(text.size())});
        if (!wrong.empty())
            complain(QString::fromStdString(wrong), text);
    }
    m_seen.insert(uuid, m_events.size());
    m_events.push_back({event, nowMs(), connection});
}

} // namespace beacon::test
