#pragma once

#include "service/sensor/delivery.h"
#include "service/sensor/guest_socket.h"
#include "service/sensor/hub.h"
#include "service/sensor/hub_downloads.h"

#include <QHash>
#include <QPointer>
#include <QSet>
#include <QTimer>

#include <deque>
#include <map>

namespace beacon {

/// What the hub knows of one Instrument.
struct HubGuest {
    Hub::Guest spec;
    std::unique_ptr<GuestSocket> socket;
    QPointer<rpc::Peer> live; ///< the connection whose hello was answered
    std::optional<Manifest> manifest;
    QString version;
    std::chrono::milliseconds slowestHealth{0}; ///< answer, on this connection

    std::unique_ptr<Delivery> delivery;
    QSet<QString> types; ///< of events that it has published
    qint64 unstoredBytes = 0; ///< of events that are on their way into the store
    int forwarded = 0; ///< messages of others that it has not answered
    int lookBacks = 0; ///< subscriptions with history in this spell
    MonotonicTime lookBacksSince{};

    std::optional<QJsonObject> health; ///< pushed too soon after the one before
    QTimer healthPause;

    MonotonicTime complained{};
    quint64 unsaidComplaints = 0;
};

/// What the files of the hub share.
struct Hub::Private {
    Private(Hub* hub, EventStore& eventStore, const Clock& theClock, QString sensorName)
        : q(hub)
        , store(eventStore)
        , clock(theClock)
        , sensor(std::move(sensorName))
    {
    }
    using Shared = std::shared_ptr<HubGuest>; ///< a message that is under way may outlive the guest

    // hub.cpp
    [[nodiscard]] Shared find(const QString& address) const;
    [[nodiscard]] Shared connectedOne(const QString& type) const;
    void adopt(const Shared& guest, rpc::Peer* peer);
    void serve(const Shared& guest, rpc::Peer* peer, const QString& method, const QJsonObject& params,
        rpc::Responder responder);
    void hello(const Shared& guest, rpc::Peer* peer, const QJsonObject& params, rpc::Responder responder);
    void greet(const Shared& guest, rpc::Peer* peer, rpc::Responder responder);
    void lose(const Shared& guest, const QString& reason);
    [[nodiscard]] platform::Reply timed(const Shared& guest, platform::Reply reply) const;
    void takeHealth(const Shared& guest, const QJsonObject& health);
    void complain(HubGuest& guest, const QString& what);
    /// Refuses with a complaint.
    void refuse(HubGuest& guest, rpc::Responder& responder, rpc::Code code, const QString& why);

    // hub_events.cpp
    void takeEvents(const Shared& guest, const QJsonObject& params, rpc::Responder responder);
    [[nodiscard]] QString wrongWith(HubGuest& guest, const Event& event) const;
    void subscribe(const Shared& guest, const QJsonObject& params, rpc::Responder responder);
    void unsubscribe(const Shared& guest, const QJsonObject& params, rpc::Responder responder);
    void deliver(const Shared& guest, const std::vector<StoredEvent>& batch, Delivery::Done done);
    void storeOwn();

    // hub_routes.cpp
    void findOthers(const Shared& guest, const QJsonObject& params, rpc::Responder responder);
    void sendMessage(const Shared& guest, const QJsonObject& params, rpc::Responder responder);
    void takeDownload(const Shared& guest, const QJsonObject& params, rpc::Responder responder);
    void withdrawDownload(const Shared& guest, const QJsonObject& params, rpc::Responder responder);
    void askDownloader(const QString& method, const QJsonObject& params, platform::Reply reply);

    Hub* q;
    EventStore& store;
    const Clock& clock;
    const QString sensor;
    std::map<QString, Shared> guests;
    HubDownloads downloads;

    std::deque<StoredEvent> own; ///< the Sensor's events that are not stored yet; the first are under way
    std::size_t ownUnderWay = 0;
    quint64 ownDropped = 0;
    QTimer ownAgain;
};

/// Of one Instrument.
namespace hub_limits {
inline constexpr std::chrono::seconds kHelloWithin{10};
inline constexpr std::chrono::seconds kAnswerWithin{310}; ///< all that is served has a shorter deadline of its own
inline constexpr std::chrono::seconds kDeliverWithin{30};
inline constexpr std::chrono::milliseconds kHealthPause{100}; ///< between two pushes that are passed on
inline constexpr std::chrono::seconds kComplaintPause{10};
inline constexpr std::size_t kSubscriptions = 64;
inline constexpr int kLookBacks = 128; ///< subscriptions with history in kLookBackSpell
inline constexpr std::chrono::seconds kLookBackSpell{10};
inline constexpr qsizetype kTypes = 256; ///< of events
inline constexpr qint64 kPublishBytes = 256LL * 1024;
inline constexpr qint64 kUnstoredBytes = 1024LL * 1024;
inline constexpr qsizetype kPublishEvents = 1'024;
inline constexpr int kForwarded = 16;
inline constexpr std::size_t kOwnEvents = 1'000; ///< of the Sensor, while nothing can be stored
} // namespace hub_limits

} // namespace beacon
