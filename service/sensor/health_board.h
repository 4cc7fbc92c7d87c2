#pragma once

#include "core/base/clock.h"
#include "core/instrument/health.h"
#include "core/instrument/health_push.h"
#include "core/platform/link.h"
#include "core/supervision/alarm.h"

#include <QJsonObject>
#include <QObject>
#include <QString>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace beacon {

/// How every Instrument is, and the Sensor as a whole. Each is asked in its own period, one question at a time, and may
/// tell of itself; none waits for another.
///
/// An Instrument that is to run but is not connected is PENDING for kConnectWithin, then ERROR (`not_connected`). One
/// that left kMisses questions in a row without an answer, or was not heard for three periods, is ERROR (`silent`)
/// until it answers again. An answer that is none is ERROR, too (`health_unreadable`). One that is to be stopped is
/// STOPPED, which counts for nothing.
///
/// Thread:  the thread that created it; never blocks. Slots of its signals may call it, but not destroy it.
/// Time:    monotonic, the Clock's; time in which this loop was late counts against nobody.
/// Bounds:  what an Instrument says (HealthReport); whole() has kMaxWhole reasons.
/// Owns:    the alarm; borrows the clock.
class HealthBoard final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::seconds kFirstAsk{1}; ///< after it connected
    static constexpr std::chrono::milliseconds kAnswerWithin{1'000};
    static constexpr int kMisses = 3;
    static constexpr std::chrono::seconds kAskAgain{5}; ///< after a miss, or its period where that is shorter
    static constexpr std::chrono::seconds kConnectWithin{30};
    static constexpr std::chrono::seconds kLeastSilence{30};
    static constexpr std::chrono::milliseconds kLate{500}; ///< what our own loop may be late
    static constexpr std::size_t kMaxWhole = 256;

    /// Sends health.get; the reply may come at once, late or never.
    using Ask = std::function<void(const QString& address, std::chrono::milliseconds deadline, platform::Reply reply)>;
    /// `alarm`: a test's; else a QtAlarm.
    HealthBoard(const Clock& clock, Ask ask, std::unique_ptr<Alarm> alarm = nullptr, QObject* parent = nullptr);
    ~HealthBoard() override;

    /// There is such an Instrument, and whether it is to run. To be called again where something of it changes.
    void expect(const QString& address, std::chrono::seconds period = std::chrono::seconds{30}, bool running = true);
    void forget(const QString& address);
    void connected(const QString& address, bool connected);
    void pushed(const QString& address, const QJsonObject& health);

    /// Reasons that the Sensor itself has: for an Instrument's address, or control::kSensorTarget for its own. Raising
    /// what holds already changes its text and status, not its `since`. Unknown addresses are passed over.
    void raise(const QString& source, const QString& code, HealthStatus status, const QString& text);
    void clear(const QString& source, const QString& code);

    /// {status, reasons[{code, severity, text, since}], facts{}}; empty: there is no such Instrument.
    [[nodiscard]] QJsonObject healthOf(const QString& address) const;
    /// {status, reasons[{source, code, severity, text, since}]}, and `left_out` where there are too many.
    [[nodiscard]] QJsonObject whole() const;
    [[nodiscard]] HealthStatus wholeStatus() const;
    /// The data of instruments.sensor.health.
    [[nodiscard]] QJsonObject eventData(HealthStatus from) const;

    /// Does what is due; the alarm calls it.
    void tick();

Q_SIGNALS:
    void changed(const QString& address); ///< status, reasons or their words; control::kSensorTarget: the Sensor's own
    /// Status or reasons of the whole, wording aside; calmed where it flaps. `data` is that of the event.
    void wholeChanged(beacon::HealthStatus now, const QJsonObject& data);
    void silent(const QString& address); ///< once per silence and connection: restart it

private:
    struct Entry;
    using Sourced = std::pair<QString, HealthReason>;

    [[nodiscard]] Entry* find(const QString& address) const; ///< nullptr: none
    void ask(const QString& address);
    void answered(const QString& address, quint64 ticket, const platform::Answer& answer);
    void take(Entry& entry, const QJsonValue& health);
    void unreadable(Entry& entry, const QString& why);
    [[nodiscard]] bool miss(Entry& entry);
    void tellSilence(const QString& address);
    void noteLateness();
    void attend(const QString& address, MonotonicTime now);
    void arm();
    // What may emit a signal stands last in whoever calls it: a slot may change everything.
    void look(const QString& address);
    void lookAtOwn();
    void lookAtWhole();
    [[nodiscard]] static QString nameOf(const QString& address); ///< "beacon_0"
    [[nodiscard]] static HealthSnapshot snapshotOf(const QString& address, const Entry& entry);
    [[nodiscard]] std::vector<Sourced> allReasons() const;

    const Clock& m_clock;
    Ask m_ask;
    std::unique_ptr<Alarm> m_alarm;
    std::map<QString, std::unique_ptr<Entry>> m_entries;
    std::map<QString, HealthReason> m_own;
    HealthPush m_push;
    HealthStatus m_told = HealthStatus::Pending;
    std::optional<MonotonicTime> m_due; ///< of the alarm
    quint64 m_lastTicket = 0;
};

} // namespace beacon
