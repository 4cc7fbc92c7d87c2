#pragma once

#include "core/instrument/skeleton.h"
#include "core/netlink/link_monitor.h"
#include "service/listener/frame_tap.h"
#include "service/listener/host_store.h"

#include <QObject>
#include <QSocketNotifier>
#include <QTimer>

#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace beacon {

/// A small passive Instrument: counts the hosts that it hears into its storage, deletes them by age, and answers a leak
/// of a Beacon with the hosts that were active then.
///
/// Thread:  the thread that created it; retention runs in a worker thread with a store of its own.
/// Errors:  become health.
/// Owns:    all parts; borrows the Clock.
class Listener final : public QObject {
    Q_OBJECT
public:
    struct Place {
        std::string interface; ///< where none is configured and no platform gives one
        QString stateDir; ///< where no platform gives storage
    };
    using MakeLinkMonitor = std::function<std::unique_ptr<LinkMonitor>()>;
    Listener(std::unique_ptr<platform::PlatformLink> link, Place place, MakeLinkMonitor makeLinkMonitor,
        const Clock& clock, QObject* parent = nullptr);
    ~Listener() override;

    [[nodiscard]] Skeleton& skeleton() noexcept { return *m_skeleton; }

private:
    [[nodiscard]] Handlers handlers();
    void configure(const QJsonObject& config, const QStringList& changed);
    void choose(const QJsonObject& config); ///< the interface, as configuration and platform have it
    void follow(const std::string& interface);
    void followNone();
    void onLink();
    void onFrame(ByteView frame);
    void flush();
    void onLeak(const Event& leak);
    [[nodiscard]] QString storePath() const;

    static constexpr std::size_t kMostUnwritten = 4'096; ///< hosts between two flushes; over it they are counted only

    Place m_place;
    MakeLinkMonitor m_makeLinkMonitor;
    const Clock& m_clock;
    std::unique_ptr<Skeleton> m_skeleton;
    std::unique_ptr<HostStore> m_store;
    std::unique_ptr<LinkMonitor> m_link;
    std::optional<FrameTap> m_tap;
    int m_tapIndex = 0;
    std::unique_ptr<QSocketNotifier> m_notifier;
    QTimer m_flush;
    std::map<MacAddress, Host> m_unwritten;
    std::string m_interface;
    std::chrono::seconds m_activeWithin{300};
    int m_reportHosts = 100;
    quint64 m_frames = 0, m_overflow = 0;
};

} // namespace beacon
