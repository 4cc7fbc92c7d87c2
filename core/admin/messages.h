#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/event/severity.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>
#include <QStringList>
#include <QUuid>

#include <optional>

/// What an Instrument and beacon-admin say to each other over the admin socket (design section 7), typed.
///
/// Errors: every fromJson() gives BadInput with one sentence that names the key. Unknown keys are ignored.
namespace beacon::admin {

inline constexpr int kProtocol = 1;

inline constexpr auto kHelloMethod = QLatin1StringView("admin.hello");
inline constexpr auto kSubscribeMethod = QLatin1StringView("admin.subscribe");
inline constexpr auto kEventsMethod = QLatin1StringView("admin.events");
inline constexpr auto kHealthGetMethod = QLatin1StringView("health.get");
inline constexpr auto kHealthChangedMethod = QLatin1StringView("health.changed");

// Commands: for the role Admin, without params, each an audit event.
inline constexpr auto kStartMethod = QLatin1StringView("beacon.start"); // → {"life":…}, as the next two
inline constexpr auto kStopMethod = QLatin1StringView("beacon.stop");
inline constexpr auto kRestartMethod = QLatin1StringView("beacon.restart");
inline constexpr auto kSelfTestMethod = QLatin1StringView("selftest.run"); // → {"escaped":…}, may take 25 s
inline constexpr auto kBundleMethod = QLatin1StringView("support.bundle"); // → {"bundle":1,…}

enum class Role { Observer, Admin };

/// The answer to admin.hello; the question is {"protocol":1}.
struct Hello {
    int protocol = kProtocol;
    Role role = Role::Observer;
    QString instrument; ///< "beacon_0@plant7"
    QString interface;
    QString version;
    QUuid run; ///< another one: every seq starts over
    quint64 lastSeq = 0;
};
[[nodiscard]] QJsonObject toJson(const Hello& hello);
[[nodiscard]] Result<Hello> helloFromJson(const QJsonObject& object);

/// The params of admin.subscribe; the answer is {"last_seq":N}.
struct Subscription {
    QStringList types; ///< prefixes of event types; empty: all
    Severity severity = Severity::Informational; ///< of events, at least
    bool attempts = true; ///< the Beacon's lines, escapes among them
    std::optional<quint64> sinceSeq; ///< what came after it comes first; without it, from now on

    [[nodiscard]] bool wantsEvent(const QString& type, Severity of) const;
};
[[nodiscard]] QJsonObject toJson(const Subscription& subscription);
[[nodiscard]] Result<Subscription> subscriptionFromJson(const QJsonObject& object);

/// The params of an admin.events notification. Within one client seq rises strictly over both lists together.
struct EventBatch {
    QList<QJsonObject> events; ///< as eventFromJson() reads them
    QList<QJsonObject> attempts; ///< lines of design section 5 plus `at` (Unix seconds) and `seq`
    quint64 missed = 0; ///< dropped for this client since the batch before
};
[[nodiscard]] QJsonObject toJson(const EventBatch& batch);
[[nodiscard]] Result<EventBatch> eventBatchFromJson(const QJsonObject& object);

enum class Status { Pending, Ok, Warning, Error };
[[nodiscard]] QLatin1StringView statusName(Status status) noexcept; ///< "PENDING" …
[[nodiscard]] std::optional<Status> statusFromName(const QString& name) noexcept;

struct HealthReason {
    QString code;
    Severity severity = Severity::Informational;
    QString text; ///< one sentence for a person
    WallTime since{};
    bool operator==(const HealthReason&) const = default;
};
/// The answer to health.get and the params of health.changed.
struct Health {
    Status status = Status::Pending;
    QList<HealthReason> reasons; ///< worst first
    QJsonObject facts;
    bool operator==(const Health&) const = default;
};
[[nodiscard]] QJsonObject toJson(const Health& health);
[[nodiscard]] Result<Health> healthFromJson(const QJsonObject& object);

} // namespace beacon::admin
