#pragma once

#include "core/base/clock.h"
#include "core/event/event.h"
#include "core/platform/link.h"

#include <QObject>
#include <QTimer>

#include <memory>
#include <optional>

namespace beacon {
class Spool;
}

namespace beacon::platform {

/// Brings events to the platform: in order within a lane, kept until acknowledged, sent again until they are. The
/// platform drops what it has by `uuid`, so that each arrives once.
///
/// One batch per lane is under way at a time (order survives a failure); bulk never delays the rest. Priority events
/// are on disk before they are sent; bulk goes to disk when it was not acknowledged within Limits::writeAfter. What
/// does not fit in memory waits on disk alone.
///
/// Thread:  one thread; SQLite calls included (well under 1 ms each; batched).
/// Errors:  a disk that is full or broken is told by spoolFailed(); events then wait in memory. An event that the
///          platform refuses by itself is dropped and counted, so that it does not block the rest.
/// Memory:  Limits; over it the oldest bulk goes first, then the oldest of the rest, and is counted.
class Outbox final : public QObject {
    Q_OBJECT
public:
    struct Limits {
        std::size_t memoryEvents = 4'096; ///< per lane
        qint64 memoryBytes = 8 * 1024 * 1024; ///< per lane
        std::size_t batchEvents = 32;
        qint64 batchBytes = 64 * 1024; ///< of one event.publish; a larger event goes alone
        std::chrono::milliseconds writeAfter{50};
        std::chrono::milliseconds retryFirst{200}, retryMost{10'000};
        std::chrono::milliseconds deadline{5'000};
    };
    struct Counts {
        quint64 published = 0, acknowledged = 0;
        quint64 dropped = 0; ///< for want of room
        quint64 refused = 0; ///< by the platform, one by one
    };
    /// `link` must outlive this. `spool` may be null: memory only.
    Outbox(PlatformLink& link, std::unique_ptr<Spool> spool, Limits limits, QObject* parent = nullptr);
    ~Outbox() override; ///< writes what is unacknowledged to the spool

    void publish(const Event& event);
    /// The platform has said welcome: sending may begin. Ends when the link goes down.
    void resume();
    [[nodiscard]] Counts counts() const noexcept;
    [[nodiscard]] std::size_t waiting() const; ///< unacknowledged, on disk and in memory

Q_SIGNALS:
    void spoolFailed(const QString& why); ///< once per outage
    void spoolRecovered();
    void dropped(quint64 total); ///< at most once a second
    void idle(); ///< everything is acknowledged
private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace beacon::platform
