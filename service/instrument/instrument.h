#pragma once

#include "core/admin/feed.h"
#include "core/base/clock.h"
#include "core/instrument/skeleton.h"
#include "core/netlink/link_monitor.h"
#include "core/rpc/listener.h"
#include "core/supervision/liveness.h"
#include "core/supervision/supervisor.h"
#include "service/instrument/attempt_watch.h"
#include "service/instrument/beacon_output.h"
#include "service/instrument/commands.h"
#include "service/instrument/journal.h"
#include "service/instrument/roll_up.h"
#include "service/instrument/settings.h"
#include "service/instrument/switch_port.h"
#include "service/instrument/uplink_watch.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace beacon {

/// The Beacon Instrument: maps what its parts say to events, health and each other.
///
/// Thread:  used only from the thread that created it.
/// Errors:  start() reports what makes the whole run pointless; the rest becomes health and events.
/// Owns:    its parts; borrows the Clock and the Skeleton, which must outlive it.
class Instrument final : public QObject {
    Q_OBJECT
public:
    struct Parts {
        std::function<std::unique_ptr<LinkMonitor>()> makeLinkMonitor;
        std::function<std::unique_ptr<Supervisor>(const Settings&)> makeSupervisor;
    };
    Instrument(Settings settings, const Clock& clock, Parts parts, Skeleton& skeleton, QObject* parent = nullptr);
    ~Instrument() override;

    Result<> start(); ///< with the lock held, and the directories made
    void reload(const Settings& settings); ///< acts on what changed, and on nothing else
    [[nodiscard]] const Settings& settings() const noexcept { return m_settings; }
    [[nodiscard]] QJsonObject facts() const;
    [[nodiscard]] Commands& commands() noexcept { return *m_commands; } ///< once started
    void uplinkCounted(const platform::UplinkCounted& count);
    void platformWent(); ///< what it counted is not known any more
    /// Since when somebody wants the Beacon stopped, to be handed on to the Instrument that takes this one's place.
    [[nodiscard]] const std::optional<WallTime>& stoppedByHand() const noexcept { return m_stoppedByHand; }
    void stayStopped(std::optional<WallTime> since) { m_stoppedByHand = since; } ///< before start()
    void clearHealth(); ///< takes back what it said of itself: it is about to go, and the process stays
    void stop(); ///< stopped() follows within 10 s; asked again, it kills at once

Q_SIGNALS:
    void stopped();

private:
    void publish(const Event& event) { m_skeleton.publish(event); }
    void onPublished(const Event& event);
    void publishLine(const std::string& line, bool priority);
    void hold(bool holds, Reason reason, const std::string& detail = {});
    void applySettings(const std::vector<std::string>& changed);
    Result<> watchInterface();
    Result<> serveAdmin();
    [[nodiscard]] Commands::Actions actions();
    [[nodiscard]] QJsonObject supportBundle() const;
    void connectOutput();
    /// How long a Beacon has to live before its last death is forgiven, so that a few deaths make one change of health.
    static constexpr std::chrono::seconds kTrusted{10};
    void prepareCommand();
    void reconcile(); ///< starts or stops the Beacon as the interface and stop() have it

    void announceInterface(); ///< as it is now: up or down
    void switchOn(); ///< the interface, once per appearance: who switches it off later has a reason
    void listenToSwitch();
    void onLink(const LinkState& now, const LinkState& before);
    void onProcessStarted(qint64 pid);
    void onProcessExited(Exit exit, std::chrono::milliseconds uptime);
    void onLife(Life life);
    void onAlive(bool attempt);
    void onAttempt(const AttemptLine& line);
    void onEscape(const EscapeLine& line);
    void onCheck();
    void onRollUp();

    void announceProcess(); ///< process.started, once per process
    void armCheck();
    void judge();
    void judgeInterface();
    void judgeClock();
    void judgeBeacon();
    void judgeAttempts();
    void judgeUplink();
    void showHealth();

    Settings m_settings;
    const Clock& m_clock;
    Parts m_parts;
    Skeleton& m_skeleton;
    EventSource& m_events;
    bool m_nothingLeft = false; ///< as of the last judgement: the next attempt that leaves is news
    std::optional<Journal> m_journal; ///< on the bench
    admin::Feed m_feed;
    rpc::Listener m_listener;
    std::unique_ptr<Commands> m_commands;
    std::unique_ptr<LinkMonitor> m_link;
    SwitchPort m_switchPort;
    int m_switchedOn = 0; ///< index of the interface that switchOn() has seen
    std::unique_ptr<Supervisor> m_supervisor;
    Liveness m_liveness;
    AttemptWatch m_watch;
    UplinkWatch m_uplink;
    BeaconOutput m_output;
    RollUp m_rollUp;
    QTimer m_check, m_rollUpTimer, m_stopGuard; ///< the second runs only where there is something to roll up

    bool m_stopping = false;
    std::optional<WallTime> m_stoppedByHand; ///< and when; until somebody starts it
    bool m_terminal = false; ///< a Beacon that says nothing into a pipe is tried on a terminal, and so by turns
    bool m_running = false; ///< the Beacon itself, not only its launcher
    bool m_moved = false; ///< name or index of the interface changed: the Beacon must be replaced
    QString m_containment; ///< of the process that runs, or ran last, in words
    std::optional<qint64> m_unannounced; ///< pid of a process whose event waits for its hello
    std::optional<Event> m_processChain;
    MonotonicTime m_rollUpBegan{};
    std::uint64_t m_attempts = 0, m_escapes = 0;
    std::string m_launchFault; ///< BEACON_CONFIG could not be written
};

} // namespace beacon
