#pragma once

#include "core/base/clock.h"
#include "core/escape/technique.h"
#include "core/lines/line.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace beacon {

/// What becomes of the attempts in flight: turns what the tap and the sockets saw into attempt and escape lines.
///
/// An attempt line is written once a verdict is there, or kVerdict after sending: `sent` then means that the frame left
/// and that nothing came back. A reply that comes later than that, up to kLate, still is an escape.
///
/// Thread:  used from one thread; time is given.
/// Memory:  at most kMaxEntries attempts; the oldest are settled early.
class AttemptBook {
public:
    static constexpr std::chrono::milliseconds kVerdict{900};
    static constexpr std::chrono::seconds kLate{10};
    static constexpr std::size_t kMaxEntries = 65'536;

    explicit AttemptBook(const TokenKey& key)
        : m_key(key)
    {
    }

    /// `attempt` is about to be sent. Numbers rise; `via` as in lines, of the path that the token names.
    void open(const Technique& technique, const Attempt& attempt, std::string via, MonotonicTime now);

    /// The kernel's TCP gave `n` this source port; so its SYN is known on the tap.
    void bindTcp(std::uint32_t n, std::uint16_t sourcePort);

    /// It never left: this is its outcome.
    void fail(std::uint32_t n, Outcome outcome, std::string errnoName, std::string reason = {});

    /// What a frame on the tap was: somebody else's, an attempt's first that left, or one more of the kind.
    enum class Frame : std::uint8_t { Foreign, First, Further };

    /// An IP packet that was seen on our own tap. `outgoing`: it left this host.
    Frame onFrame(ByteView ip, bool outgoing, MonotonicTime now);

    /// What the kernel's TCP said.
    void onTcpRefused(std::uint32_t n);
    void onTcpUnreachable(std::uint32_t n);
    void onTcpReply(std::uint32_t n, ByteView data, MonotonicTime now);

    /// Settles what is due. See nextDue().
    void settle(MonotonicTime now);

    /// Settles everything at once, as at the end of a run.
    void settleAll();

    /// Lines since the last call, in order of their becoming known.
    [[nodiscard]] std::vector<Line> takeLines() { return std::exchange(m_lines, {}); }

    /// Attempts whose reply has just been verified and which want a confirm token sent.
    [[nodiscard]] std::vector<Attempt> takeConfirms() { return std::exchange(m_confirms, {}); }

    /// When settle() is due next; nullopt: nothing is in flight.
    [[nodiscard]] std::optional<MonotonicTime> nextDue() const;

    [[nodiscard]] bool idle() const noexcept { return m_unsettled == 0; }
    [[nodiscard]] std::uint64_t errors() const noexcept { return m_errors; } ///< settled as local_error or no_next_hop

private:
    struct Entry {
        std::uint32_t n = 0;
        const Technique* technique = nullptr;
        Attempt attempt;
        std::string via;
        MonotonicTime sentAt;
        std::optional<Outcome> verdict;
        std::string errnoName, reason;
        std::uint64_t tcpFlow = 0; ///< family, source port and destination port; 0: no TCP
        bool seen = false;
        bool settled = false;
        bool escaped = false;
    };
    Entry* find(std::uint32_t n);
    Entry* findToken(ByteView payload, bool dns);
    Entry* findTarget(const IpAddress& address, std::uint8_t protocol, std::uint16_t port);
    void judge(Entry& entry, Outcome outcome);
    void escaped(Entry& entry, MonotonicTime now);
    void settle(Entry& entry);
    void forgetOldest();
    void takeReply(ByteView payload, bool dns, const IpAddress& from, std::uint8_t protocol, std::uint16_t port,
        MonotonicTime now);
    void takeError(ByteView quoted, bool portUnreachable);
    Frame onOutgoing(const struct IpView& ip);
    [[nodiscard]] static AttemptTarget targetOf(const Entry& entry);

    const TokenKey& m_key;
    std::deque<Entry> m_entries; ///< by n
    std::size_t m_firstUnsettled = 0; ///< those before it are settled; some behind it may be
    std::size_t m_unsettled = 0;
    std::unordered_map<std::uint64_t, std::uint32_t> m_tcpFlows; ///< Entry::tcpFlow → n
    std::vector<Line> m_lines;
    std::vector<Attempt> m_confirms;
    std::uint64_t m_errors = 0;
};

} // namespace beacon
