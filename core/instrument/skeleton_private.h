#pragma once

#include "core/instrument/seen_uuids.h"
#include "core/instrument/skeleton.h"
#include "core/instrument/worker.h"

#include <deque>
#include <map>

namespace beacon {

/// What the files of the skeleton share.
struct Skeleton::Private {
    Private(Skeleton* skeleton, Manifest theManifest, Handlers theHandlers,
        std::unique_ptr<platform::PlatformLink> theLink, const Clock& theClock, Options theOptions)
        : q(skeleton)
        , manifest(std::move(theManifest))
        , handlers(std::move(theHandlers))
        , clock(theClock)
        , options(std::move(theOptions))
        , link(std::move(theLink))
        , source(identityOnTheBench(), clock)
        , model(clock)
        , push(clock)
    {
    }

    [[nodiscard]] EventSource::Identity identityOnTheBench() const;
    void hello();
    void onWelcome(const platform::Answer& answer);
    void firstWelcome();
    void helloFailed(const QString& why);
    void openOutbox();
    /// `told`: what was wrong; may be null.
    [[nodiscard]] platform::Answer apply(const QJsonObject& envelope, std::vector<Fault>* told);
    void announceApplied(const ConfigurationInForce::Applied& applied);
    void announceRejected(const std::vector<Fault>& faults, std::optional<qint64> version);
    void takeDefaults();
    void serve(const QString& name, const QJsonObject& params, platform::Responder responder);
    void serveRetention(const QJsonObject& params, platform::Responder responder);
    void serveDownload(const QJsonObject& params, platform::Responder responder);
    void serveDelivery(const QJsonObject& params, platform::Responder responder);
    void serveFindings(const QJsonObject& params, platform::Responder responder);
    void subscribeAt(const QString& match);
    void hangingMoved();
    void healthMoved();
    void pushHealth();
    void beginStop(std::chrono::milliseconds deadline, bool restart);
    void windUp();

    Skeleton* q;
    Manifest manifest;
    Handlers handlers;
    const Clock& clock;
    Options options;
    std::unique_ptr<platform::PlatformLink> link;
    std::unique_ptr<platform::Outbox> outbox;
    EventSource source;
    HealthModel model;
    HealthPush push;
    std::optional<Schema> schema;
    std::optional<ConfigurationInForce> inForce;
    std::optional<platform::Welcome> welcome;
    std::deque<Event> early; ///< made before the platform said who we are
    std::map<QString, int> subscriptions;
    SeenUuids seen;
    Worker retention, downloads;
    QTimer helloTimer, healthTimer, stopTimer;
    static constexpr std::chrono::milliseconds kHelloAgainFirst{500}; ///< doubles, up to 10 s
    std::chrono::milliseconds helloAgain = kHelloAgainFirst;
    bool defaultsTaken = false;
    quint64 undeclared = 0; ///< events outside of the manifest, dropped
    bool stopping = false, restart = false, wound = false, ended = false;
};

} // namespace beacon
