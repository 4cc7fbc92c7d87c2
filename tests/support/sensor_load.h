#pragma once

#include "tests/support/running_sensor.h"

#include <QElapsedTimer>
#include <QJsonObject>
#include <QLocalSocket>
#include <QString>

#include <vector>

namespace beacon::test {

/// A real sensord with many Instruments that all publish at once (tests/targets/busy_instrument), one follower of all
/// of it, and what came of it. On a host of its own: see enterOwnHost().
///
/// Thread: one, with an event loop.
class SensorLoad {
public:
    struct Plan {
        int instruments = 50;
        int rate = 100; ///< events/s, each
        int seconds = 20;
        QString program; ///< busy_instrument
    };
    struct Outcome {
        qint64 published = 0; ///< as the Instruments have counted
        qint64 stored = 0; ///< of them, each once
        qint64 repeated = 0; ///< stored more than once
        qint64 delivered = 0; ///< to the follower
        qint64 outOfOrder = 0; ///< to the follower: an id that does not rise
        double slowestHealthMs = 0; ///< answer of any Instrument, what was left unanswered included
        qint64 peakKb = 0; ///< VmHWM of sensord
        double cpuShare = 0; ///< of sensord, of one processor, while they published
        int restarts = 0; ///< of Instruments
        std::vector<double> latenciesMs; ///< of each event, from its timestamp to the follower
    };

    explicit SensorLoad(Plan plan);

    bool start(); ///< all of them run and are well
    bool run(); ///< they have published and everything was acknowledged
    [[nodiscard]] const Outcome& outcome() const noexcept { return m_outcome; }
    [[nodiscard]] const QString& problem() const noexcept { return m_problem; } ///< why start() or run() gave false
    [[nodiscard]] RunningSensor& sensor() noexcept { return m_sensor; }

private:
    [[nodiscard]] QString nameOf(int number) const;
    bool fail(const QString& why);
    bool follow();
    void read();
    void take(const QByteArray& line);
    bool begin();
    [[nodiscard]] bool allAre(const std::function<bool(const QJsonObject& instrument)>& so, int withinMs);
    bool countStored();

    const Plan m_plan;
    RunningSensor m_sensor;
    QLocalSocket m_follower;
    QByteArray m_buffer;
    qint64 m_lastId = 0;
    Outcome m_outcome;
    QString m_problem;
};

[[nodiscard]] double cpuSecondsOf(qint64 pid);
[[nodiscard]] qint64 peakKbOf(qint64 pid);

} // namespace beacon::test
