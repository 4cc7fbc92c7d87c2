#pragma once

#include "core/base/unique_fd.h"
#include "core/instrument/skeleton.h"
#include "service/instrument/instrument.h"
#include "service/instrument/settings.h"

#include <QObject>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace beacon {

/// beacon-instrument as a whole: finds out whether a platform is there, gets a configuration from it or from the file,
/// and runs the Instrument on it.
///
/// Thread:  the thread that created it.
/// Errors:  what makes the run pointless ends it through finished(), with a code of sysexits.h; all else is health.
/// Owns:    the Skeleton, the Instrument and the lock; borrows the Clock.
class Service final : public QObject {
    Q_OBJECT
public:
    /// `arguments`: the command line without the program's name; they must outlive this.
    Service(std::span<char* const> arguments, const Clock& clock, Instrument::Parts parts, QObject* parent = nullptr);
    ~Service() override;

    void start();
    void reload(); ///< SIGHUP: on the bench, reads the file again
    void stop(); ///< finished() follows within 10 s; asked again, at once

Q_SIGNALS:
    void finished(int code, bool restart);

private:
    [[nodiscard]] Handlers handlers();
    /// Where it runs, as the platform says it; a Fault where `config` names an interface that cannot be used.
    [[nodiscard]] std::variant<Place, Fault> placeFor(const QJsonObject& config) const;
    /// The platform gives no interface that may send, and none is configured.
    [[nodiscard]] bool hasNoInterface(const QJsonObject& config) const;
    [[nodiscard]] std::variant<Settings, std::vector<Fault>> settingsFor(const QJsonObject& config) const;
    [[nodiscard]] Result<> takeFindings(const QJsonObject& params);
    void serveMessage(const QString& method, const QJsonObject& params, platform::Responder responder);
    void settle(); ///< brings what runs to what the configuration and the place say
    [[nodiscard]] bool stillGiven(const std::string& interface) const; ///< by the platform, to send on
    [[nodiscard]] Result<> begin(Settings settings);
    void endInstrument(); ///< settle() follows
    void onInstrumentStopped();

    std::span<char* const> m_arguments;
    const Clock& m_clock;
    Instrument::Parts m_parts;
    std::optional<UniqueFd> m_lock;
    std::unique_ptr<Skeleton> m_skeleton;
    std::unique_ptr<Instrument> m_instrument; ///< none until there is a configuration and an interface
    std::optional<QJsonObject> m_config; ///< in force
    std::optional<WallTime>
        m_stoppedByHand; ///< the Beacon of an Instrument that has ended: the next one's is not started
    bool m_ending = false; ///< the Instrument, which another one may follow
    std::function<void()> m_stopped;
    struct Findings {
        qint64 findings = 0, retests = 0;
    };
    std::optional<Findings> m_findings; ///< what Home said last
};

} // namespace beacon
