#pragma once

#include "core/escape/attempt_book.h"
#include "core/escape/burst.h"
#include "core/escape/identity.h"
#include "core/escape/schedule.h"
#include "service/beacon/held_ports.h"
#include "service/beacon/neighbours.h"
#include "service/beacon/pace.h"
#include "service/beacon/routes.h"
#include "service/beacon/tap.h"
#include "service/beacon/tcp_exchanges.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace beacon {

/// Sends attempts on one interface, one after the other, for ever or for one cycle.
///
/// Thread:  used from one thread; run() returns on SIGTERM, SIGINT, at the end of a single cycle, or on an error.
/// Errors:  NotFound: the interface is not there, or is gone. Denied: CAP_NET_RAW is missing. Unsupported: no Ethernet.
/// Source:  design section 5 for the lines.
class Prober final : private TcpObserver, private PacketSink {
public:
    struct Setup {
        std::string interface;
        Identity identity;
        PortSet ports;
        std::vector<const Technique*> techniques;
        double rate = 1; ///< frames per second, all counted
        bool once = false; ///< end after one cycle
        std::string stopFile; ///< while it exists nothing is sent; empty: none
    };
    /// Takes lines as they become known; false: nobody reads any more, and run() ends.
    using WriteLines = std::function<bool(const std::vector<Line>&)>;

    [[nodiscard]] static Result<std::unique_ptr<Prober>> open(Setup setup, WriteLines write);
    Result<> run();

private:
    struct Opened {
        Routes routes;
        LinkFacts link;
        Tap tap;
        TcpExchanges tcp;
        HeldPorts ports;
        UniqueFd signals;
    };
    struct Waiting {
        const Technique* technique;
        Probe probe;
    };
    Prober(Setup setup, WriteLines write, Opened opened);

    bool sayHello();
    Result<> refreshLink(MonotonicTime now);
    void refreshAim(MonotonicTime now);
    /// How Home is reached now; nullopt where it is not.
    [[nodiscard]] std::vector<std::optional<Hop>> waysHome();
    /// Tests again at once what a change of the network may have opened.
    void burstWhereWaysChanged(bool linkCameUp, MonotonicTime now);
    void probeBurst(MonotonicTime now);
    void takeFrames();
    void takeFrame(const Tap::Frame& frame, MonotonicTime now);
    void askNeighbours(MonotonicTime now);
    void probeWhatIsDue(MonotonicTime now);
    bool launch(const Technique& technique, const Probe& probe, MonotonicTime now);
    void sendConfirms();
    void endCycle(MonotonicTime now);
    bool flush(MonotonicTime now);
    void wait(MonotonicTime now);
    [[nodiscard]] std::string pauseReason() const;

    Result<> sendIp(ByteView packet) override;
    Result<> exchangeTcp(const Attempt& attempt, ByteView payload) override;
    void onTcpRefused(std::uint32_t n) override { m_book.onTcpRefused(n); }
    void onTcpUnreachable(std::uint32_t n) override { m_book.onTcpUnreachable(n); }
    void onTcpReply(std::uint32_t n, ByteView data) override;

    Setup m_setup;
    WriteLines m_write;
    Opened m_opened;
    TokenKey m_key;
    AttemptBook m_book;
    RoundRobin m_schedule;
    Burst m_burst;
    std::vector<std::optional<Hop>> m_waysHome;
    Pace m_pace;
    Neighbours m_neighbours;
    Aim m_aim;
    std::deque<Waiting> m_waiting; ///< for their next hop's MAC; bounded
    std::vector<Line> m_lines;
    MacAddress m_nextHop; ///< of what is being sent now
    std::uint32_t m_run = 0;
    std::uint32_t m_counter = 0;
    bool m_stopping = false;
    bool m_cycleDone = false;
    bool m_stopFileSeen = false;
    std::string m_paused; ///< why; empty: not
    MonotonicTime m_pausedSince, m_lastLine, m_lastAim, m_lastLink, m_cycleSince;
    std::uint64_t m_cycle = 0, m_cycleAttempts = 0, m_errorsBefore = 0;
};

} // namespace beacon
