#pragma once

#include "core/supervision/supervisor.h"
#include "service/sensor/cgroup.h"
#include "service/sensor/instrument_log.h"
#include "service/sensor/wires.h"

#include <QJsonObject>
#include <QTimer>

#include <memory>
#include <optional>

namespace beacon {

class QtProcess;

/// One Instrument as a process in a room: its place, its wires, and the Supervisor that keeps it alive (design
/// section 8).
///
/// Thread:  the thread that created it. Never blocks.
/// Errors:  everything arrives by signal, or stands in problem().
/// Owns:    the process; destruction kills it. Borrows the parts, which must outlive it.
class InstrumentRun final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::seconds kHelloWithin{30}; ///< start grace
    static constexpr std::chrono::seconds kStopGrace{7}; ///< it has a process of its own to stop, and we have 10 s
    static constexpr std::chrono::seconds kTryAgain{5}; ///< where its place could not be made
    static constexpr std::chrono::seconds kLookAgain{10}; ///< at its wires

    struct Parts {
        Wires::Parts wires;
        const Cgroup* cgroup = nullptr; ///< none: no limits of memory
        std::function<Cgroup::Limits()> limits; ///< of its manifest, where its document says none
        std::function<Result<>(const InstrumentPaths&)> admit; ///< listens on its socket; called before each start
        std::function<void()> dismiss;
    };
    InstrumentRun(Parts parts, InstrumentSpec spec, const std::vector<SensorInterface>& interfaces);
    ~InstrumentRun() override;

    /// Acts on what differs: another program or place is a restart, other wires are laid first.
    void change(InstrumentSpec spec, const std::vector<SensorInterface>& interfaces);
    void start();
    void stop();
    void restart();
    void clean(); ///< of one that is not to run: gives back what an earlier Sensor left
    void noteHello(); ///< it has said hello
    void noteSilent(); ///< it answers nothing any more: on the ladder, and again

    [[nodiscard]] const InstrumentSpec& spec() const noexcept { return m_spec; }
    [[nodiscard]] const InstrumentPaths& paths() const noexcept { return m_paths; }
    [[nodiscard]] const Wires& wires() const noexcept { return *m_wires; }
    [[nodiscard]] InstrumentLog& log() noexcept { return *m_log; }
    [[nodiscard]] bool isStopped() const noexcept { return m_stage == Stage::Stopped; }
    [[nodiscard]] bool crashLoop() { return m_supervisor->crashLoop(); }
    [[nodiscard]] bool isHeld() const { return m_supervisor->life() == Life::Held; }
    [[nodiscard]] QString lifeText() const;
    [[nodiscard]] std::int64_t pid() const { return m_supervisor->pid(); }
    [[nodiscard]] WallTime since() const noexcept { return m_since; } ///< of the last start or end
    [[nodiscard]] int restarts() const noexcept { return m_restarts; }
    [[nodiscard]] std::optional<Exit> lastExit() const { return m_supervisor->lastExit(); }
    [[nodiscard]] const QString& problem() const noexcept { return m_problem; } ///< empty: none

Q_SIGNALS:
    void started(qint64 pid);
    void ended(beacon::Exit exit);
    void stopped(); ///< nothing of it runs, and everything is given back
    void changed(); ///< whatever status shows
    void drifted(const QString& what);

private:
    enum class Stage { Stopped, Preparing, Supervised, Ending, Releasing };

    void prepare();
    void run();
    void release();
    void fail(const QString& why);
    void setCommand();
    void onLife(Life life);
    void onExited(Exit exit);
    [[nodiscard]] std::vector<std::string> roomOptions();

    Parts m_parts;
    InstrumentSpec m_spec;
    InstrumentPaths m_paths;
    std::unique_ptr<Wires> m_wires;
    std::unique_ptr<InstrumentLog> m_log;
    QtProcess* m_process = nullptr; ///< the Supervisor's
    std::unique_ptr<Supervisor> m_supervisor;
    QTimer m_hello, m_again, m_look;
    Stage m_stage = Stage::Stopped;
    bool m_wanted = false;
    bool m_cleaned = false; ///< of what an earlier Sensor left
    bool m_later = false; ///< not at once again, when it is released
    WallTime m_since{};
    int m_restarts = -1; ///< the first start is none
    QString m_problem;
};

} // namespace beacon
