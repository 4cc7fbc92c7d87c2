#include "running_instrument.h"

#include "tests/support/event_schema.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLocalSocket>
#include <QTest>

#include <algorithm>

namespace beacon::test {

RunningInstrument::RunningInstrument(QString interface, QString beacon, QStringList more)
    : m_interface(std::move(interface))
    , m_beacon(std::move(beacon))
    , m_more(std::move(more))
    , m_program(QStringLiteral(BEACON_BIN_DIR "/beacon-instrument"))
{
    writeFile(configPath(), "{}");
}

QStringList RunningInstrument::arguments() const
{
    return QStringList{QStringLiteral("--interface"), m_interface, QStringLiteral("--beacon"), m_beacon,
               QStringLiteral("--runtime-dir"), m_dir.filePath(QStringLiteral("run")), QStringLiteral("--state-dir"),
               stateDir(), QStringLiteral("--config"), configPath()}
    + m_more;
}

QString RunningInstrument::runtimeFile(const char* name) const
{
    return m_dir.filePath(QStringLiteral("run/%1/%2").arg(m_interface, QLatin1StringView(name)));
}

QString RunningInstrument::journalPath() const
{
    return stateDir() + QStringLiteral("/%1/journal.sqlite").arg(m_interface);
}

void RunningInstrument::writeFile(const QString& path, const QByteArray& text) const
{
    QFile file{path};
    if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate) || file.write(text) != text.size())
        qFatal("cannot write %s", qPrintable(path));
}

RunningInstrument::~RunningInstrument()
{
    m_peer.reset(); // its last answers go to members that are still there
}

bool RunningInstrument::startAlone()
{
    m_program.setArguments(arguments());
    m_status.clear(); // of an earlier life
    m_codes.clear();
    return m_program.start();
}

bool RunningInstrument::start()
{
    return startAlone()
        && QTest::qWaitFor([this] { return QFile::exists(runtimeFile("admin.sock")) && connectClient(); }, 10'000);
}

bool RunningInstrument::connectClient(quint64 since)
{
    auto socket = std::make_unique<QLocalSocket>();
    socket->connectToServer(runtimeFile("admin.sock"));
    if (!socket->waitForConnected(1'000))
        return false;
    m_lastSeq = static_cast<qint64>(since);
    m_peer = std::make_unique<rpc::Peer>(std::move(socket));
    QObject::connect(m_peer.get(), &rpc::Peer::notified, m_peer.get(),
        [this](const QString& method, const QJsonObject& params) { onNotified(method, params); });
    const auto ignore = [](const auto&) {};
    m_peer->call(QStringLiteral("admin.hello"), {{QStringLiteral("protocol"), 1}}, ignore);
    m_peer->call(QStringLiteral("admin.subscribe"),
        {{QStringLiteral("since_seq"), static_cast<qint64>(since)}, {QStringLiteral("attempts"), m_wantsLines}},
        [this](const std::variant<QJsonValue, rpc::RpcError>& answer) {
            if (const auto* error = std::get_if<rpc::RpcError>(&answer))
                m_complaints << error->message;
        });
    m_peer->call(QStringLiteral("health.get"), {}, [this](const std::variant<QJsonValue, rpc::RpcError>& answer) {
        if (const auto* value = std::get_if<QJsonValue>(&answer))
            onHealth(value->toObject());
    });
    return true;
}

void RunningInstrument::onNotified(const QString& method, const QJsonObject& params)
{
    if (method == QStringLiteral("health.changed")) {
        onHealth(params);
        return;
    }
    QList<QJsonObject> entries;
    for (const QJsonValue& event : params.value(QStringLiteral("events")).toArray()) {
        const auto text = QJsonDocument{event.toObject()}.toJson(QJsonDocument::Compact);
        if (const auto wrong = schemaComplaint({text.constData(), static_cast<std::size_t>(text.size())});
            !wrong.empty())
            m_complaints << QString::fromUtf8(text) + QStringLiteral(": ") + QString::fromStdString(wrong);
        events << event.toObject();
        entries << event.toObject();
    }
    for (const QJsonValue& attempt : params.value(QStringLiteral("attempts")).toArray()) {
        attempts << attempt.toObject();
        entries << attempt.toObject();
    }
    std::sort(entries.begin(), entries.end(), [](const QJsonObject& a, const QJsonObject& b) {
        return a.value(QStringLiteral("seq")).toInteger() < b.value(QStringLiteral("seq")).toInteger();
    });
    for (const QJsonObject& entry : entries)
        checkSeq(entry);
}

void RunningInstrument::checkSeq(const QJsonObject& entry)
{
    const qint64 seq = entry.value(QStringLiteral("seq")).toInteger();
    if (seq <= m_lastSeq)
        m_complaints << QStringLiteral("seq %1 after %2").arg(seq).arg(m_lastSeq);
    m_lastSeq = seq;
}

void RunningInstrument::onHealth(const QJsonObject& health)
{
    m_status = health.value(QStringLiteral("status")).toString();
    m_codes.clear();
    for (const QJsonValue& reason : health.value(QStringLiteral("reasons")).toArray()) {
        m_codes << reason.toObject().value(QStringLiteral("code")).toString();
        m_said.insert(m_codes.last(), reason.toObject().value(QStringLiteral("text")).toString());
    }
}

QJsonObject RunningInstrument::call(const QString& method)
{
    std::optional<QJsonObject> result;
    const auto take = [&](const std::variant<QJsonValue, rpc::RpcError>& answer) {
        if (const auto* error = std::get_if<rpc::RpcError>(&answer))
            m_complaints << method + QStringLiteral(": ") + error->message;
        const auto* value = std::get_if<QJsonValue>(&answer);
        result = value != nullptr ? value->toObject() : QJsonObject{};
    };
    m_peer->call(method, {}, take, std::chrono::seconds{20});
    while (!result)
        QTest::qWait(2); // an answer or an error comes for certain
    return *result;
}

qint64 RunningInstrument::beaconPid() const
{
    QList<qint64> beacons;
    for (const qint64 launcher : children())
        for (const qint64 child : childrenOf(launcher))
            // It is called beacon-launch until it executes, and nothing once it is gone.
            if (const QByteArray name = nameOf(child);
                !name.isEmpty() && name != "beacon-init" && name != "beacon-launch")
                beacons << child;
    return beacons.size() == 1 ? beacons.first() : 0;
}

QJsonObject RunningInstrument::last(const char* type, qint64 after) const
{
    const QString name = QStringLiteral("instruments.") + QLatin1StringView(type);
    for (auto event = events.crbegin(); event != events.crend(); ++event)
        if (event->value(QStringLiteral("type")).toString() == name
            && event->value(QStringLiteral("seq")).toInteger() > after)
            return *event;
    return {};
}

int RunningInstrument::count(const char* type) const
{
    const QString name = QStringLiteral("instruments.") + QLatin1StringView(type);
    return static_cast<int>(std::count_if(events.begin(), events.end(),
        [&](const QJsonObject& event) { return event.value(QStringLiteral("type")).toString() == name; }));
}

} // namespace beacon::test
