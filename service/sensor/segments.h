#pragma once

#include "core/base/clock.h"
#include "service/sensor/sensor_document.h"
#include "service/sensor/uplink_tap.h"
#include "service/sensor/wiring.h"
#include "service/sensor/work_queue.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace beacon {

/// The interfaces of the Sensor: each segment's uplink and bridge, and what was seen leaving by it.
///
/// Thread:  the thread that created it; what takes long runs in the WorkQueue.
/// Errors:  what cannot be had now is that interface's problem, shown, and tried again every kLookAgain.
/// Owns:    the taps. Borrows the rest, which must outlive it.
class Segments final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::seconds kLookAgain{10};

    struct State {
        SensorInterface wanted;
        SegmentSpec spec;
        SegmentFacts facts;
        std::string problem; ///< empty: none
        bool opened = false;
        std::unique_ptr<UplinkTap> tap; ///< where the bridge is ours
    };

    Segments(WorkQueue& work, Wiring& wiring, const Clock& clock, QObject* parent = nullptr);
    ~Segments() override;

    void want(const std::vector<SensorInterface>& interfaces); ///< what is no longer wanted is given back
    void giveBack(std::function<void()> done); ///< all of it
    /// Whose frames are whose at an uplink that is counted.
    void setPorts(const QString& interface, const std::vector<UplinkPort>& ports);
    [[nodiscard]] const std::vector<State>& states() const noexcept { return m_states; }

Q_SIGNALS:
    void changed();
    void tapped(const QString& interface); ///< its uplink is counted from now on: set its ports
    void counted(const QString& interface); ///< its tap has news, at most once a second
    void drifted(const QString& interface, const QString& what); ///< changed by hand, and mended

private:
    struct Seen {
        QString name;
        bool opened = false, fresh = false;
        SegmentFacts facts;
        std::string problem, network;
    };
    static Seen lookAt(Wiring& wiring, const QString& name, const SegmentSpec& spec);
    void look();
    void take(const std::vector<Seen>& seen);
    void tap(State& state, const std::string& network);
    void close(const SegmentSpec& spec);

    WorkQueue& m_work;
    Wiring& m_wiring;
    const Clock& m_clock;
    std::vector<State> m_states;
    QTimer m_again;
};

} // namespace beacon
