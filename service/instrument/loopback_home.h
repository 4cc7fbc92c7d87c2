#pragma once

#include "core/base/clock.h"
#include "core/base/unique_fd.h"
#include "core/escape/identity.h"
#include "core/observe/capture.h"
#include "core/observe/classifier.h"
#include "core/observe/responder.h"
#include "service/instrument/drill_figures.h"

#include <map>
#include <memory>
#include <set>
#include <span>

namespace beacon {

/// A Home for one Beacon and a quarter of a minute: sees everything that arrives on its interface, at whichever
/// address, and answers valid tokens in UDP, ICMP and, on `ports`, TCP. DNS questions are seen and not answered.
///
/// Thread:  one thread; never blocks: call take() when fd() is readable, and now and then.
/// Bounds:  kMaxConnections TCP connections at a time, kLifetime each; the classifier's kTokens.
class LoopbackHome {
public:
    static constexpr std::size_t kMaxConnections = 64;
    static constexpr std::chrono::seconds kLifetime{2};
    static constexpr std::size_t kTokens = 1U << 14;

    struct Setup {
        std::string interface;
        Identity identity;
        std::vector<std::uint16_t> ports;
        bool ipv6 = true;
    };
    /// `clock` and `figures` must outlive it.
    [[nodiscard]] static Result<std::unique_ptr<LoopbackHome>> open(
        const Setup& setup, const Clock& clock, DrillFigures& figures);

    [[nodiscard]] int fd() const noexcept { return m_epoll.get(); }
    void take();

private:
    struct Connection {
        UniqueFd socket;
        MonotonicTime since;
        std::array<Byte, kTokenBytes> data{};
        std::size_t bytes = 0;
    };
    LoopbackHome(const Setup& setup, const Clock& clock, DrillFigures& figures, Responder responder);
    Result<> listen(const Setup& setup);
    [[nodiscard]] Result<> watch(int fd);
    void onPacket(ByteView bytes);
    void answer(const PacketView& packet, const Token& token, const TokenFields& fields);
    void accept(int listener);
    void read(int fd);
    void sweep();

    const Clock& m_clock;
    DrillFigures& m_figures;
    Keyring m_keyring;
    Classifier m_classifier;
    std::string m_zone;
    Responder m_responder;
    UniqueFd m_epoll;
    std::unique_ptr<Capture> m_capture;
    std::vector<UniqueFd> m_absorbers; ///< UDP: without a socket the kernel would call its port unreachable
    std::map<int, UniqueFd> m_listeners;
    std::map<int, Connection> m_open;
};

} // namespace beacon
