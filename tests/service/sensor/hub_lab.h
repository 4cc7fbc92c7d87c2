#pragma once

#include "core/event/uuid7.h"
#include "service/sensor/hub.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QLocalSocket>
#include <QTemporaryDir>

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace beacon::test {

inline constexpr int kPatienceMs = 20'000;

/// An Instrument that says what the test wants: a framing and JSON of its own, so that it does not share the faults of
/// what it speaks with.
///
/// Thread: one, with an event loop; what waits spins it.
class RawGuest {
public:
    explicit RawGuest(const QString& path);
    ~RawGuest();

    [[nodiscard]] bool isConnected() const { return m_socket.state() == QLocalSocket::ConnectedState; }
    [[nodiscard]] bool waitForEnd(int withinMs = kPatienceMs);
    void sendRaw(const QByteArray& bytes);
    /// The whole answer, {"result":…} or {"error":…}; empty: none in time.
    QJsonObject call(const QString& method, const QJsonObject& params = {}, int withinMs = kPatienceMs);
    qint64 ask(const QString& method, const QJsonObject& params = {});
    [[nodiscard]] QJsonObject answerTo(qint64 ticket) const { return m_answers.value(ticket); }
    [[nodiscard]] QJsonObject waitForAnswer(qint64 ticket, int withinMs = kPatienceMs);
    void notify(const QString& method, const QJsonObject& params);
    void setReading(bool reading);

    /// What it answers to requests, by method: {"result":…} or {"error":…}; empty: nothing ever.
    std::map<QString, QJsonObject> answers;
    std::function<void(const QString& method, const QJsonObject& params)> onRequest;

    /// Requests that came.
    struct Asked {
        QString method;
        QJsonObject params;
    };
    std::vector<Asked> asked;
    QStringList deliveredUuids; ///< of event.deliver, repeats included
    std::vector<QJsonObject> delivered;

private:
    void read();
    void take(const QJsonObject& message);
    QLocalSocket m_socket;
    QByteArray m_buffer;
    QHash<qint64, QJsonObject> m_answers;
    qint64 m_lastTicket = 0;
    bool m_reading = true;
};

/// A hub with its store, and guests by type.
struct HubLab {
    HubLab();

    static constexpr auto kSensor = "plant7";
    /// "beacon_0" is admitted; false: it was not.
    bool admit(const QString& name);
    [[nodiscard]] QString socketOf(const QString& name) const;
    [[nodiscard]] static QString addressOf(const QString& name);
    [[nodiscard]] static QString typeOf(const QString& name) { return name.section(QLatin1Char('_'), 0, -2); }
    /// Connected and greeted; nullptr: it was refused. `relations`: "listener:find", "listener:direct_message".
    std::unique_ptr<RawGuest> arrive(const QString& name, const QStringList& relations = {});
    [[nodiscard]] static QJsonObject manifestOf(const QString& type, const QStringList& relations = {});
    [[nodiscard]] static QJsonObject helloOf(const QString& type, const QStringList& relations = {});
    /// A valid one, of this Instrument.
    [[nodiscard]] QJsonObject eventOf(const QString& name, const QString& word = QStringLiteral("hosts.active"));
    /// {"events":[…]} of `count` of them.
    [[nodiscard]] QJsonObject eventsOf(const QString& name, int count);

    QTemporaryDir dir;
    SystemClock clock;
    EventStore store;
    Hub hub;
    std::optional<QJsonObject> configuration; ///< of the next Welcome
    QStringList heard; ///< "arrived beacon_0@plant7 1.0", "left …", "health …"
private:
    Uuid7 m_uuids{clock};
    qint64 m_seq = 0;
};

[[nodiscard]] int errorCode(const QJsonObject& answer); ///< 0: it is none
[[nodiscard]] QString errorText(const QJsonObject& answer);

} // namespace beacon::test
