#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/netlink/throwaway_network.h"
#include "core/supervision/process.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace beacon {

/// The Beacon under drill: started by beacon-launch as the Instrument starts it, in the far namespace.
///
/// Thread:  one thread; never blocks but in end().
/// Bounds:  lines of kMaxLine bytes, kAtOnce bytes a stream and call; what is longer is cut.
/// Owns:    the processes; destruction kills them.
class DrilledBeacon {
public:
    static constexpr std::size_t kMaxLine = 8'192;
    static constexpr std::size_t kAtOnce = 65'536;

    struct Setup {
        std::string launcher, beacon, interface;
        std::string config; ///< for BEACON_CONFIG
        std::optional<UserIds> user;
        bool netAdmin = false;
    };
    using OnLine = std::function<void(std::string_view line)>;

    [[nodiscard]] static Result<std::unique_ptr<DrilledBeacon>> start(
        const Setup& setup, const ThrowawayNetwork& network);
    DrilledBeacon(const DrilledBeacon&) = delete;
    DrilledBeacon& operator=(const DrilledBeacon&) = delete;
    ~DrilledBeacon();

    /// stdout, stderr, the launcher's report; -1: at its end.
    [[nodiscard]] std::array<int, 3> fds() const noexcept
    {
        return {m_out.fd.get(), m_err.fd.get(), m_report.fd.get()};
    }
    /// Hands each non-empty line of stdout to `onLine`. Whether there was anything to read.
    bool take(const OnLine& onLine);

    void terminate() const; ///< SIGTERM, as at every stop
    [[nodiscard]] bool running();
    /// Why there will be nothing more of it: it could not be executed, or how it ended; empty while it runs.
    [[nodiscard]] std::string ending() const;

private:
    struct Stream {
        UniqueFd fd;
        std::string line; ///< not yet at its end, cut at kMaxLine
    };
    DrilledBeacon() = default;
    bool read(Stream& stream, const OnLine& onLine);

    pid_t m_pid = 0; ///< of the launcher; 0: none, or reaped
    std::optional<int> m_status; ///< as waitpid(2) gave it
    std::array<char, kAtOnce> m_buffer{};
    Stream m_out, m_err, m_report;
    std::string m_lastWords; ///< on stderr
    int m_execErrno = 0;
};

} // namespace beacon
