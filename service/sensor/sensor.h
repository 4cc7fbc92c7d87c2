#pragma once

#include "core/event/event_source.h"
#include "core/store/event_store.h"
#include "service/sensor/configurations.h"
#include "service/sensor/health_board.h"
#include "service/sensor/hub.h"
#include "service/sensor/instrument_run.h"
#include "service/sensor/segments.h"
#include "service/sensor/settings.h"

#include <QObject>
#include <QSet>
#include <QTimer>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace beacon {

/// The Sensor as a whole: what its document wants, and what is there.
///
/// Thread:  the thread that created it.
/// Errors:  start() reports what makes a run pointless; all else is health, drift, or the answer to whoever asked.
/// Owns:    everything that it runs; destruction kills it.
class Sensor final : public QObject {
    Q_OBJECT
public:
    Sensor(SensorSettings settings, const Clock& clock, QObject* parent = nullptr);
    ~Sensor() override;

    Result<> start();
    void stop(); ///< finished() follows within 10 s

    [[nodiscard]] const SensorSettings& settings() const noexcept { return m_settings; }
    [[nodiscard]] const Clock& clock() const noexcept { return m_clock; }
    [[nodiscard]] const SensorDocument& document() const noexcept { return m_document; }
    [[nodiscard]] Configurations& configurations() noexcept { return *m_configurations; }
    [[nodiscard]] EventStore& events() noexcept { return *m_events; }
    [[nodiscard]] HealthBoard& board() noexcept { return *m_board; }
    [[nodiscard]] const Segments& segments() const noexcept { return *m_segments; }
    [[nodiscard]] Hub& hub() noexcept { return *m_hub; }
    [[nodiscard]] WorkQueue& work() noexcept { return *m_work; }
    [[nodiscard]] WorkQueue& asking() noexcept { return *m_asking; } ///< for programs that nobody knows yet
    [[nodiscard]] Wiring& wiring() noexcept { return *m_wiring; }
    [[nodiscard]] InstrumentRun* find(const QString& name); ///< nullptr: there is none
    [[nodiscard]] QString addressOf(const QString& name) const;
    [[nodiscard]] const Manifest* manifestOf(const QString& name) const; ///< nullptr: not known yet
    [[nodiscard]] QString versionOf(const QString& name) const; ///< of its program, as hello said
    [[nodiscard]] std::set<int> takenSlots() const; ///< of Instruments that are being removed
    [[nodiscard]] MonotonicTime startedAt() const noexcept { return m_startedAt; }

    /// health.get of an Instrument; also a late answer tells which configuration it runs on.
    void askHealth(const QString& address, std::chrono::milliseconds deadline, platform::Reply reply);
    /// Knows an Instrument that is about to be added: its configuration can be saved.
    void introduce(const QString& name, Manifest manifest);
    void forget(const QString& name); ///< of one that was not added after all, or is gone
    void forgetDocuments(const QString& name, bool purge); ///< and its configuration
    /// Edits the Sensor's document, as JSON, into a new version of it. An error's context is the answer.
    using Edit = std::function<Result<>(QJsonObject& document)>;
    void change(const Edit& edit, const Configurations::Change& by, platform::Reply reply);
    /// Whether its storage, its log and its configuration go, too, when it is removed; say so before.
    void setPurge(const QString& name, bool purge)
    {
        if (purge)
            m_purge.insert(name);
        else
            m_purge.remove(name);
    }

Q_SIGNALS:
    void finished(int code);
    void changed(); ///< whatever status shows

private:
    struct Kept {
        Manifest manifest;
        QString version;
    };
    [[nodiscard]] Result<> openStores();
    [[nodiscard]] std::vector<Fault> takeDocument(const QJsonObject& config);
    void reconcile();
    void sweep();
    void tellDamaged(const QString& code, const QString& what, const QString& setAside);
    void run(const InstrumentSpec& spec);
    void drop(const QString& name);
    void onStopped(const QString& name);
    void endWhenStopped();
    void onConfigApplied(
        const QString& name, qint64 version, std::optional<qint64> previous, const QStringList& changed);
    void onConfigRejected(const QString& name, qint64 version, const QJsonArray& faults);
    void onArrived(const QString& address, const QString& version);
    void onHealth(const QString& address);
    void noteVersion(const QString& address, const QJsonObject& health);
    void learn(const InstrumentSpec& spec);
    void keepManifest(const QString& name, const Manifest& manifest);
    void setTarget(const QString& name);
    [[nodiscard]] platform::Welcome welcome(const QString& name) const;
    void tellStarted(const QString& name, qint64 pid);
    void tellEnded(const QString& name, const Exit& exit);
    void tellHealth(HealthStatus now, const QJsonObject& data);
    [[nodiscard]] std::chrono::seconds periodOf(const QString& name) const;
    void setPorts(const QString& interface);
    void tellUplink(const QString& interface);
    void judge(const QString& name);
    void publish(EventId id, const QString& message, const QJsonObject& data, std::optional<Severity> severity = {});
    [[nodiscard]] std::optional<QString> nameOf(const QString& address) const;

    SensorSettings m_settings;
    const Clock& m_clock;
    MonotonicTime m_startedAt;
    EventSource m_source;
    std::optional<Cgroup> m_cgroup;
    std::string m_noCgroup; ///< why there is none
    std::unique_ptr<Documents> m_documents;
    std::unique_ptr<EventStore> m_events;
    std::unique_ptr<Configurations> m_configurations;
    std::unique_ptr<Hub> m_hub;
    std::unique_ptr<HealthBoard> m_board;
    std::unique_ptr<Wiring> m_wiring; // outlives the jobs that use it
    std::unique_ptr<WorkQueue> m_work, m_asking;
    std::unique_ptr<Segments> m_segments;
    SensorDocument m_document;
    std::map<QString, std::unique_ptr<InstrumentRun>> m_runs; ///< by name; also those that are being stopped for good
    std::map<QString, Kept> m_known;
    QSet<QString> m_purge;
    bool m_stopping = false;
    QTimer m_uplinks; ///< also a count that stays the same tells something
};

} // namespace beacon
