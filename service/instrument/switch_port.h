#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/packet/lldp.h"

#include <QJsonObject>
#include <QObject>
#include <QSocketNotifier>

#include <memory>
#include <optional>

namespace beacon {

/// Which switch port the interface is plugged into, where the switch tells by LLDP. It only listens: nothing is sent.
///
/// Thread:  used only from the thread that created it. Never blocks.
/// Errors:  follow() reports them; a frame that is no LLDPDU is passed over, a stranger sent it.
/// Limits:  kMostFrames a turn of the event loop; another neighbour at most once in kBetween, so that many of them, or
/// one
///          that lies, make no storm; texts of at most 255 characters.
/// Owns:    a packet socket, from follow() to follow(0). No timer: a neighbour whose time is over is left out when
/// asked.
class SwitchPort final : public QObject {
    Q_OBJECT
public:
    static constexpr int kMostFrames = 32;
    static constexpr std::chrono::seconds kBetween{1};

    explicit SwitchPort(const Clock& clock, QObject* parent = nullptr);

    /// Listens on this interface and forgets what was heard on another; 0: on none. Another cable is known by its
    /// carrier's absence only: follow(0) then. Denied: CAP_NET_RAW is missing. NotFound: no such interface (any more).
    Result<> follow(int interfaceIndex);

    [[nodiscard]] std::optional<LldpNeighbour> now() const; ///< raw strings; nullopt: none, or its time is over
    /// "switch" (system name, or chassis), "switch_port" and "vlan" ("10 (plant)"): printable text, each only where
    /// known.
    [[nodiscard]] QJsonObject facts() const;

Q_SIGNALS:
    void changed(); ///< facts() differ, by a frame or by follow(); not where only time has passed

private:
    void onReadable();
    void take(ByteView frame);
    Result<> open(int interfaceIndex);

    const Clock& m_clock;
    int m_index = 0;
    UniqueFd m_socket;
    std::unique_ptr<QSocketNotifier> m_notifier; ///< goes before the socket does
    std::optional<LldpNeighbour> m_neighbour;
    MonotonicTime m_heardAt{};
    std::optional<MonotonicTime> m_replacedAt;
};

} // namespace beacon
