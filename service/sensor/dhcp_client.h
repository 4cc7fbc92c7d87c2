#pragma once

#include "core/base/clock.h"
#include "core/supervision/line_splitter.h"
#include "core/supervision/supervisor.h"
#include "service/sensor/lease.h"

#include <QObject>
#include <QString>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// Keeps the distribution's udhcpc running for one interface of an Instrument, in that Instrument's room: what parses
/// the packets of strangers is not the host's root, and what it says is taken as from a stranger, too. It changes
/// nothing itself: whoever hears of a lease applies it (addressing.h).
///
/// Thread:  used only from the thread that created it. Never blocks.
/// Errors:  everything arrives by signal.
/// Limits:  one discovery a second at most, for ever. A lease ends when its time is over, also where the client is
///          hung, stopped or gone; while it lasts, a client that died is started again and asks for the same address.
///          One that says more than kMostLines in kWindow is started again, too.
/// Owns:    the process; destruction kills it. Borrows the clock, which must outlive it.
/// Source:  udhcpc(8), RFC 2131
class DhcpClient final : public QObject {
    Q_OBJECT
public:
    static constexpr int kMostLines = 32;
    static constexpr std::chrono::seconds kWindow{10};

    struct Place {
        std::string client; ///< udhcpc
        std::string event; ///< sensor-lease, which udhcpc runs at events
        std::string launcher; ///< sensor-room
        std::vector<std::string> launcherOptions; ///< into which room: "run", "--network-namespace", …
    };
    struct Parts { ///< what a test has its own of
        std::unique_ptr<Process> process;
        std::unique_ptr<Alarm> restart, deadline;
    };

    DhcpClient(const std::string& interface, const Place& place, const Clock& clock, QObject* parent = nullptr);
    DhcpClient(std::string interface, const Place& place, Parts parts, const Clock& clock, QObject* parent = nullptr);
    ~DhcpClient() override;

    void start();
    void stop(); ///< lost() follows where there is a lease, and stopped() in any case
    void askAgain(); ///< the link came back, perhaps to another network: a lease stays until somebody answers

    [[nodiscard]] const std::optional<Lease>& lease() const noexcept { return m_lease; }
    [[nodiscard]] QString problem() const { return m_problem; } ///< one sentence for a person; empty: none
    [[nodiscard]] Life life() const noexcept { return m_supervisor->life(); }
    [[nodiscard]] std::int64_t pid() const { return m_supervisor->pid(); } ///< of udhcpc; 0: it does not run

Q_SIGNALS:
    void leased(const beacon::Lease& lease); ///< a new one, or the same for longer
    void lost(const QString& reason); ///< one sentence for a person
    void problemChanged(const QString& problem);
    void stopped();

private:
    void setCommand();
    void onOutput(Stream stream, const QByteArray& chunk);
    void onLine(const RawLine& line);
    bool isTooMuch();
    void take(const LeaseEvent& event);
    void refuse(const Error& why);
    void lose(const QString& reason);
    void setProblem(const QString& problem);
    void onStateChanged(Life now);
    void onDeadline();
    void armDeadline();

    std::string m_interface;
    Place m_place;
    const Clock& m_clock;
    std::unique_ptr<Supervisor> m_supervisor;
    std::unique_ptr<Alarm> m_deadline; ///< for the lease's end, and for a client that does not even begin
    LineSplitter m_lines, m_errors;
    std::string m_lastWords; ///< of its stderr, bounded and printable
    std::optional<Lease> m_lease;
    MonotonicTime m_leaseEnds{};
    std::optional<MonotonicTime> m_renewAt; ///< by our word: it is too short for the client to do it in time
    std::optional<MonotonicTime> m_beginsUntil; ///< it was started, and has not said anything yet
    MonotonicTime m_windowBegan{};
    int m_linesInWindow = 0;
    QString m_problem;
};

} // namespace beacon
