#pragma once

#include "core/event/event_source.h"
#include "core/instrument/configuration.h"
#include "core/instrument/health_push.h"
#include "core/instrument/manifest.h"
#include "core/platform/messages.h"
#include "core/platform/outbox.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <stop_token>

namespace beacon {

/// What an Instrument does by itself. Whatever is left empty has a right default.
struct Handlers {
    /// A configuration came into force. `changed`: keys of its first level; act on these only.
    std::function<void(const QJsonObject& config, const QStringList& changed)> configure;
    /// What the schema cannot say of a document. Default: nothing.
    std::function<std::vector<Fault>(const QJsonObject& config)> check;
    /// Rows for the health page. Default: none.
    std::function<QJsonObject()> facts;
    /// Deletes what is strictly older, until `stop` is requested. Runs in a worker thread, one at a time.
    /// Default: deleted 0, complete: nothing here ages.
    std::function<Result<platform::RetentionResult>(const platform::RetentionRequest&, std::stop_token stop)> retain;
    /// A file was fetched for us; runs in a worker thread. An Error is the reason of a refusal. Default: refused.
    std::function<Result<>(const platform::DownloadAvailable&, std::stop_token stop)> takeDownload;
    /// An event that we subscribed to; each once. Default: passed over.
    std::function<void(const Event&)> onEvent;
    /// Home's findings and its retest list. Default: refused.
    std::function<Result<>(const QJsonObject&)> applyFindings;
    /// A message of another Instrument, or a method of our own. Default: MethodNotFound.
    std::function<void(const QString& method, const QJsonObject& params, platform::Responder)> onMessage;
    /// Winds down; `done` may be called at once or later. Default: done.
    std::function<void(std::function<void()> done)> stop;
};

/// What every Instrument has in common: it says hello, keeps configuration, health, events and subscriptions, and
/// answers the platform. See core/instrument/README.md.
///
/// Thread:  the thread that created it. Handlers that may take long run in one worker thread; health is answered from
///          this one whatever they do.
/// Errors:  what goes wrong becomes health; start() cannot fail.
/// Owns:    link and outbox; borrows the Clock, which must outlive it.
class Skeleton final : public QObject {
    Q_OBJECT
public:
    struct Options {
        QString version; ///< of the program
        QString name; ///< stand-alone: "<type>_0@<host>" where empty
        QString spoolPath; ///< on a platform without persistent storage of its own; empty: memory only
        std::chrono::milliseconds retentionMost{300'000}; ///< bound of deadline_s
        std::chrono::milliseconds downloadWithin{60'000};
    };
    /// Without a link the Instrument is stand-alone: configuration comes by applyLocal(), events go to published()
    /// only.
    Skeleton(Manifest manifest, Handlers handlers, std::unique_ptr<platform::PlatformLink> link, const Clock& clock,
        Options options, QObject* parent = nullptr);
    ~Skeleton() override;

    void start();
    /// Winds down as if the platform had asked; stopped() follows within `deadline`.
    void stop(std::chrono::milliseconds deadline = std::chrono::seconds{10});

    /// Stand-alone: what the program's options table made of command line and file, JSON text or what is wrong with it.
    void applyFile(const std::variant<std::string, std::vector<Complaint>>& read);
    /// Stand-alone: the document of a file; its version is counted here, and only where something changed.
    [[nodiscard]] std::vector<Fault> applyLocal(const QJsonObject& config);

    /// Stand-alone: the file could not even be read as a document; the earlier one stays in force.
    void reject(const std::vector<Fault>& faults);

    [[nodiscard]] bool standAlone() const noexcept;
    [[nodiscard]] const std::optional<platform::Welcome>& welcome() const noexcept;
    [[nodiscard]] const QJsonObject& config() const;
    [[nodiscard]] qint64 configVersion() const;

    /// Raises or clears; what changed is pushed within 100 ms.
    void raise(Reason reason, const std::string& detail = {});
    void clear(Reason reason);
    void noteWorking();
    [[nodiscard]] bool working() const;
    [[nodiscard]] HealthSnapshot health() const;
    [[nodiscard]] QJsonObject healthJson() const; ///< the answer to health.get

    [[nodiscard]] EventSource& events();
    /// An event whose type the manifest does not name is dropped and counted, for the platform would refuse it.
    void publish(const Event& event);
    /// Kept over the platform's restarts. `match`: exact, or with a last '*'.
    void subscribe(const QString& match, int history = 0);
    void unsubscribe(const QString& match);

    /// Any method of the platform: instrument.find, message.send, download.request …
    void request(const QString& method, const QJsonObject& params, platform::Reply reply,
        std::chrono::milliseconds deadline = platform::kRequestDeadline);

Q_SIGNALS:
    void welcomed(); ///< the first hello was answered: address, storage and interfaces are known
    void
    placeChanged(); ///< a later one was, and gives other interfaces or storage; after its configuration is in force
    void platformWent(); ///< the link to it went down; hello is said again when it is back
    void published(const beacon::Event& event); ///< every event of ours, as it was made
    void healthChanged(); ///< pushed just now
    void stopped(bool restart); ///< end the process

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace beacon
