#pragma once

#include <QElapsedTimer>
#include <QHash>
#include <QJsonArray>
#include <QJsonObject>
#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>
#include <QStringList>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace beacon::test {

/// A platform that listens where SENSOR_SOCKET points and does what the test says. It has a framing and JSON of its
/// own, so that it does not share the faults of what it checks (design section 7).
///
/// Thread:  one, with an event loop; every waitFor…() and call() spins it, until it is so or the deadline has come.
/// Errors:  what an Instrument must never do lands in complaints(): frames that are none, a first word that is not
///          hello, over 32 requests unanswered, an event.publish over 256 KiB, events that break their schema, one uuid
///          with two contents.
class ScriptedPlatform final : public QObject {
    Q_OBJECT
public:
    enum class Publishing {
        Acknowledged,
        Slow, ///< taken at once, acknowledged after setDelay()
        Unanswered, ///< taken, no answer ever
        AnswerLost, ///< taken, and the connection ends instead of an answer
        Ignored, ///< neither taken nor answered
        Refused, ///< not taken; an error
    };
    struct Arrival {
        QJsonObject event;
        qint64 atMs = 0; ///< since this platform was made
        int connection = 0;
    };
    struct Said {
        QString method;
        QJsonObject params;
        qint64 atMs = 0;
        int connection = 0; ///< counts from 1
    };

    explicit ScriptedPlatform(QString socketPath);
    ~ScriptedPlatform() override;

    bool appear(); ///< listens; false: cannot
    void vanish(); ///< the socket file and every connection go
    void dropConnections(); ///< and goes on listening
    [[nodiscard]] const QString& path() const noexcept { return m_path; }
    [[nodiscard]] qint64 nowMs() const { return m_since.elapsed(); }
    [[nodiscard]] int connections() const noexcept { return m_connected; } ///< so far
    [[nodiscard]] bool isConnected() const; ///< somebody is

    /// The answer to instrument.hello; to be changed at will. As made: beacon_0@plant7, no configuration, storage in
    /// directories next to the socket, one interface "seg0" that can send.
    QJsonObject welcome;
    /// What `method` gets instead: {"result":…}, {"error":{…}} or, where it is empty, silence.
    void script(const QString& method, const QJsonObject& answer) { m_scripts.insert(method, answer); }
    void unscript(const QString& method) { m_scripts.remove(method); }
    /// `times` batches, then Acknowledged again; -1: from now on.
    void setPublishing(Publishing how, int times = -1);
    void setDelay(int ms) { m_delayMs = ms; } ///< of Publishing::Slow
    void refuseType(const QString& type) { m_refusedType = type; } ///< a batch that holds one gets an error
    void setReading(bool reading); ///< false: takes nothing out of the sockets, so that they fill up
    void setValidating(bool validating) { m_validating = validating; } ///< against the schema; costs 0.1 ms an event

    /// Asks the Instrument that came last. The whole answer, {"result":…} or {"error":…}; empty: none in time.
    QJsonObject call(const QString& method, const QJsonObject& params = {}, int withinMs = 10'000);
    qint64 ask(const QString& method, const QJsonObject& params = {}); ///< without waiting; a ticket
    [[nodiscard]] QJsonObject answerTo(qint64 ticket) const { return m_answers.value(ticket); } ///< empty: none yet
    [[nodiscard]] qint64 answeredAtMs(qint64 ticket) const { return m_answeredAt.value(ticket, -1); }
    void notify(const QString& method, const QJsonObject& params);
    void sendRaw(const QByteArray& bytes); ///< as they are

    /// An envelope of config.apply; its version rises by itself where none is given.
    QJsonObject envelope(const QJsonObject& config, qint64 version = 0);
    /// What health.get, config.apply, retention.apply … answer.
    QJsonObject applyConfig(const QJsonObject& config)
    {
        return call(QStringLiteral("config.apply"), envelope(config));
    }
    QJsonObject applyRetention(const QString& olderThan, int deadlineSeconds = 30);
    QJsonObject offerDownload(const QString& resource, const QString& file, const QString& signature = {});
    QJsonObject deliver(const QJsonArray& events);
    /// A new valid event of somebody else's.
    [[nodiscard]] static QJsonObject eventOf(
        const QString& type, const QJsonObject& data, const QString& from = QStringLiteral("other_0@plant7"));

    [[nodiscard]] const std::vector<Said>& hellos() const noexcept { return m_hellos; }
    [[nodiscard]] const std::vector<Said>& healths() const noexcept { return m_healths; } ///< health.changed
    [[nodiscard]] QString healthStatus() const; ///< of the last push; empty: none
    [[nodiscard]] QStringList healthCodes() const;
    /// Each event once, in the order of first arrival.
    [[nodiscard]] const std::vector<Arrival>& events() const noexcept { return m_events; }
    [[nodiscard]] std::vector<Arrival> eventsOf(const QString& type) const;
    [[nodiscard]] qint64 repeats() const noexcept { return m_repeats; } ///< events that came again
    [[nodiscard]] qint64 acknowledged() const noexcept { return m_acknowledged; } ///< events, repeats included
    [[nodiscard]] const std::vector<Said>& said() const noexcept { return m_said; } ///< requests and notifications
    [[nodiscard]] std::vector<Said> saidOf(const QString& method) const;
    [[nodiscard]] QStringList subscriptions() const { return m_subscriptions; } ///< in force, of the last connection
    [[nodiscard]] QString complaints() const { return m_complaints.join(QLatin1Char('\n')); }

    [[nodiscard]] static bool waitFor(const std::function<bool()>& isSo, int withinMs = 10'000);
    [[nodiscard]] bool waitForHello(std::size_t count = 1, int withinMs = 10'000) const;
    [[nodiscard]] bool waitForEvents(std::size_t count, int withinMs = 10'000) const;
    /// The first of this type that is not among the first `after`; empty: none in time.
    [[nodiscard]] QJsonObject waitForEvent(const QString& type, std::size_t after = 0, int withinMs = 10'000) const;
    [[nodiscard]] bool waitForHealth(const QString& status, int withinMs = 10'000) const;
    [[nodiscard]] bool waitForSaid(const QString& method, std::size_t count = 1, int withinMs = 10'000) const;

private:
    struct Connection;
    void onConnection();
    void read(Connection& from);
    void take(Connection& from, const QByteArray& frame);
    void takeRequest(Connection& from, const QJsonObject& message);
    void takeEvents(Connection& from, const QJsonValue& id, const Said& said);
    void record(const QJsonObject& event, int connection);
    [[nodiscard]] QJsonObject answerOf(const Said& said);
    void answer(Connection& to, const QJsonValue& id, const QJsonObject& resultOrError);
    void complain(const QString& about, const QByteArray& frame = {});
    void forget(int number);
    [[nodiscard]] Connection* find(int number);

    QString m_path;
    QElapsedTimer m_since;
    std::unique_ptr<QLocalServer> m_server;
    std::vector<std::unique_ptr<Connection>> m_open; ///< oldest first
    QHash<QString, QJsonObject> m_scripts;
    Publishing m_publishing = Publishing::Acknowledged;
    int m_publishingTimes = -1, m_delayMs = 100, m_connected = 0;
    bool m_reading = true, m_validating = true;
    QString m_refusedType;
    qint64 m_lastTicket = 0, m_lastVersion = 0, m_repeats = 0, m_acknowledged = 0;
    QHash<qint64, QJsonObject> m_answers;
    QHash<qint64, qint64> m_answeredAt;
    QHash<QString, std::size_t> m_seen; ///< uuid → index in m_events
    std::vector<Arrival> m_events;
    std::vector<Said> m_hellos, m_healths, m_said;
    QStringList m_subscriptions, m_complaints;
};

} // namespace beacon::test
