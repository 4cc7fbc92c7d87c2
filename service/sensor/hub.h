#pragma once

#include "core/base/clock.h"
#include "core/base/user_ids.h"
#include "core/event/event.h"
#include "core/instrument/manifest.h"
#include "core/platform/link.h"
#include "core/platform/messages.h"
#include "core/store/event_store.h"

#include <QObject>

#include <functional>
#include <memory>
#include <optional>

namespace beacon {

/// Where all messages of a Sensor meet: one socket per Instrument, and what each may say to whom. See
/// service/sensor/hub.md for what it answers.
///
/// Thread:  that of the store. Never blocks: a slow or hung Instrument delays nobody.
/// Errors:  admit() reports; what an Instrument does wrong is answered to it, and logged at a bounded rate.
/// Bounds:  per Instrument: connections, requests in flight, events that are not stored yet, subscriptions, types of
///          events, requests for downloads.
/// Owns:    sockets and connections; borrows store and clock, which must outlive it.
class Hub final : public QObject {
    Q_OBJECT
public:
    Hub(EventStore& store, const Clock& clock, QString sensor, QObject* parent = nullptr);
    ~Hub() override;

    struct Guest {
        QString address; ///< "beacon_0@plant7"
        QString type; ///< "beacon"
        QString socket; ///< path; its directory is made, 0700, and nothing that an Instrument left there is followed
        std::optional<UserIds> owner{}; ///< of socket and directory: the base of its 65,536 ids; nothing: our own
        std::function<platform::Welcome()> welcome{}; ///< asked at each hello
    };
    /// Begins to listen. Busy: it is admitted already. BadInput: address, type or path are none.
    [[nodiscard]] Result<> admit(Guest guest);
    /// Ends its connection and removes its socket; no left() follows.
    void dismiss(const QString& address);

    /// `reply` is called exactly once, never from within: the Instrument's answer, Timeout at `deadline`, Closed where
    /// it is not connected or goes, Busy where it does not read what it is sent.
    void request(const QString& address, const QString& method, const QJsonObject& params, platform::Reply reply,
        std::chrono::milliseconds deadline = platform::kRequestDeadline);

    /// No answer comes. Nothing is sent where it is not connected, or does not read what it is sent.
    void notify(const QString& address, const QString& method, const QJsonObject& params);

    [[nodiscard]] bool isAdmitted(const QString& address) const;
    [[nodiscard]] bool isConnected(const QString& address) const; ///< its hello was answered
    /// What it said of itself at its last hello, also when it has gone since. nullptr: it never came.
    [[nodiscard]] const Manifest* manifestOf(const QString& address) const;
    /// The longest that it has taken to answer health.get on this connection, what it left unanswered included.
    [[nodiscard]] std::chrono::milliseconds slowestHealth(const QString& address) const;
    [[nodiscard]] QString versionOf(const QString& address) const; ///< of its program; empty: it never came

    /// An event of the Sensor's own: stored as soon as the store can, in order.
    void publish(const Event& event);

Q_SIGNALS:
    void arrived(const QString& address, const QString& version); ///< it has had its Welcome
    void left(const QString& address, const QString& reason); ///< for a person
    void healthPushed(const QString& address, const QJsonObject& health);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace beacon
