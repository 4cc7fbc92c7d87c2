#pragma once

#include "core/base/clock.h"
#include "service/sensor/addressing.h"
#include "service/sensor/dhcp_client.h"
#include "service/sensor/instrument_paths.h"
#include "service/sensor/sensor_document.h"
#include "service/sensor/wiring.h"
#include "service/sensor/work_queue.h"

#include <QObject>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace beacon {

/// The network of one Instrument: its namespaces, an interface for each attachment, addresses and resolvers.
///
/// Thread:  the thread that created it; what takes long runs in the WorkQueue.
/// Errors:  what cannot be had now is a problem of that interface, shown, and tried again at every lay().
/// Owns:    the clients of DHCP. Borrows the rest, which must outlive it.
class Wires final : public QObject {
    Q_OBJECT
public:
    struct Parts {
        const SensorSettings& settings;
        const Clock& clock;
        WorkQueue& work;
        Wiring& wiring;
    };
    /// One attachment, as it is.
    struct State {
        AttachmentSpec wanted;
        SegmentSpec segment;
        bool plugged = false;
        AddressFacts facts;
        std::optional<Lease> lease;
        std::string problem; ///< empty: none
        QString leaseProblem; ///< why there is no lease, one sentence; empty: none

        [[nodiscard]] std::vector<std::string> resolvers() const; ///< configured, else of the lease
    };

    Wires(const Parts& parts, InstrumentPaths paths, QString instrument);
    ~Wires() override;

    /// What it is to have from now on; what it no longer has is taken away.
    void want(const std::vector<AttachmentSpec>& attachments, const std::vector<SensorInterface>& interfaces);
    /// Makes the namespaces. An error: without them nothing can run.
    void makeRoom(std::function<void(const Result<>&)> done);
    /// Makes or mends what is wanted; `done` when it has been tried.
    void lay(std::function<void()> done = {});
    /// Gives everything back.
    void takeAway(std::function<void()> done = {});

    [[nodiscard]] const std::vector<State>& states() const noexcept { return m_states; }

Q_SIGNALS:
    void changed(); ///< addresses, leases or problems
    void drifted(const QString& what); ///< somebody had changed it by hand; it has been mended

private:
    struct Laid {
        std::string name;
        SegmentSpec segment;
        AttachmentSpec wanted;
        bool plugged = false;
        bool fresh = false; ///< it was not there, or not as it should be
        AddressFacts facts;
        std::string problem;
    };
    static Laid layOne(Wiring& wiring, const SegmentSpec& segment, const AttachmentSpec& wanted,
        const QString& instrument, const std::string& network);
    [[nodiscard]] State* find(const std::string& name);
    void unplug(const SegmentSpec& segment, const AttachmentSpec& wanted);
    void take(const std::vector<Laid>& laid);
    void runClients();
    void onLeased(const std::string& name, const Lease& lease);
    void onLost(const std::string& name, const QString& why);
    void tellResolvers();

    Parts m_parts;
    InstrumentPaths m_paths;
    QString m_instrument;
    std::vector<State> m_states;
    std::map<std::string, std::unique_ptr<DhcpClient>> m_clients; ///< by inside name
    bool m_laying = false;
};

/// The words of the document as wiring and addressing have them.
[[nodiscard]] SegmentSpec segmentOf(const SensorInterface& interface);
[[nodiscard]] PlugSpec plugOf(const AttachmentSpec& attachment, const QString& instrument);
[[nodiscard]] Addressing addressingOf(const AttachmentSpec& attachment);

} // namespace beacon
