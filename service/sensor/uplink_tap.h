#pragma once

#include "core/base/address.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "service/sensor/token_shape.h"

#include <QObject>
#include <QSocketNotifier>
#include <QString>
#include <QTimer>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// What has left by an uplink, or an Instrument's share of it.
struct UplinkCount {
    std::uint64_t frames = 0;
    std::uint64_t tokens = 0; ///< frames with token-shaped bytes; nobody here has a key to judge them
    std::optional<WallTime> lastToken;

    bool operator==(const UplinkCount&) const = default;
};

/// An Instrument's end of a cable.
struct UplinkPort {
    QString instrument; ///< "beacon_0"
    MacAddress mac;

    bool operator==(const UplinkPort&) const = default;
};

/// Counts what leaves the Sensor by a segment's uplink: "left the Sensor" is a fact then, and no hope. What is dropped
/// on the way there, by a rule or by the bridge, is not counted.
///
/// Thread:  used only from the thread that created it; a turn of its event loop takes at most kFramesPerTurn frames.
/// Errors:  start(): what is knowable at once. An uplink that is gone is looked for once a second.
/// Limits:  frames are cut at kSnapBytes; per Instrument kMostKinds kinds of tokens have a count of their own. A token
///          is known by its form (token_shape.h); a mark without a token (TcpSyn) is a frame like any other. Frames
///          are read every kPause, and what does not fit into kQueueBytes meanwhile is counted as dropped. Frames with
///          a forged MAC address are nobody's, but the key id in a token still says whose it is.
/// Source:  packet(7)
class UplinkTap final : public QObject {
    Q_OBJECT
public:
    static constexpr unsigned kFramesPerTurn = 1'024;
    static constexpr std::size_t kSnapBytes = 512;
    static constexpr std::size_t kMostKinds = 256;
    static constexpr int kQueueBytes = 4 * 1024 * 1024;
    static constexpr std::chrono::milliseconds kPause{50};

    /// `networkNamespace` is the pin of the segment's; the clock must outlive this.
    UplinkTap(std::string networkNamespace, std::string device, const Clock& clock, QObject* parent = nullptr);
    ~UplinkTap() override;

    Result<> start(); ///< begins anew, with all counts at 0. NotFound: no uplink yet; it is looked for all the same.
    void stop();
    /// Whose frames are whose; what was counted for an Instrument stays its own.
    void setPorts(const std::vector<UplinkPort>& ports);

    [[nodiscard]] bool isOpen() const noexcept { return static_cast<bool>(m_socket); }
    [[nodiscard]] WallTime since() const noexcept { return m_since; }
    [[nodiscard]] const UplinkCount& whole() const noexcept { return m_whole; }
    [[nodiscard]] UplinkCount of(const QString& instrument) const;
    [[nodiscard]] UplinkCount others() const
    {
        return of({});
    } ///< from MAC addresses of no Instrument, forged ones too
    [[nodiscard]] std::map<TokenKind, std::uint64_t> kindsOf(const QString& instrument) const;
    [[nodiscard]] std::uint64_t dropped() const noexcept
    {
        return m_dropped;
    } ///< by the kernel, for want of room: at
      ///< least that many more have left

Q_SIGNALS:
    void counted(); ///< at most once a second

private:
    struct Share {
        UplinkCount count;
        std::map<TokenKind, std::uint64_t> kinds;
    };
    struct Buffer;

    Result<> open();
    void close();
    [[nodiscard]] bool isStale() const;
    void watch();
    void drain();
    void take(ByteView frame);
    void tell();

    std::string m_networkNamespace;
    std::string m_device;
    const Clock& m_clock;
    UniqueFd m_socket;
    std::unique_ptr<QSocketNotifier> m_notifier;
    std::unique_ptr<Buffer> m_buffer;
    QTimer m_pause, m_watch, m_report;
    std::uint64_t m_namespaceInode = 0;
    unsigned m_index = 0;
    bool m_changed = false;
    WallTime m_now{}; ///< of the frames that are being read
    WallTime m_since{};
    UplinkCount m_whole;
    std::uint64_t m_dropped = 0;
    std::map<MacAddress, QString> m_ports;
    std::map<QString, Share> m_shares; ///< of nobody: ""
};

} // namespace beacon
