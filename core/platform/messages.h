#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/event/event.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>
#include <QStringList>

#include <chrono>
#include <optional>
#include <vector>

/// What an Instrument and the platform say to each other (design section 7), typed.
///
/// Errors: every fromJson() gives BadInput with one sentence that names the key. Unknown keys are ignored. Strings are
/// bounded (names 256, paths and URLs 4,096 UTF-16 units).
namespace beacon::platform {

namespace method {
inline constexpr auto kHello = QLatin1StringView("instrument.hello");
inline constexpr auto kHealthGet = QLatin1StringView("health.get");
inline constexpr auto kHealthChanged = QLatin1StringView("health.changed");
inline constexpr auto kConfigApply = QLatin1StringView("config.apply");
inline constexpr auto kRetentionApply = QLatin1StringView("retention.apply");
inline constexpr auto kDownloadRequest = QLatin1StringView("download.request");
inline constexpr auto kDownloadWithdraw = QLatin1StringView("download.withdraw");
inline constexpr auto kDownloadAvailable = QLatin1StringView("download.available");
inline constexpr auto kStop = QLatin1StringView("instrument.stop");
inline constexpr auto kRestart = QLatin1StringView("instrument.restart");
inline constexpr auto kEventPublish = QLatin1StringView("event.publish");
inline constexpr auto kEventDeliver = QLatin1StringView("event.deliver");
inline constexpr auto kEventSubscribe = QLatin1StringView("event.subscribe");
inline constexpr auto kEventUnsubscribe = QLatin1StringView("event.unsubscribe");
inline constexpr auto kFind = QLatin1StringView("instrument.find");
inline constexpr auto kMessageSend = QLatin1StringView("message.send");
inline constexpr auto kFindingsApply = QLatin1StringView("findings.apply");
inline constexpr auto kLedgerGet = QLatin1StringView("ledger.get");
inline constexpr auto kUplinkCounted = QLatin1StringView("uplink.counted"); ///< notification, S → I
} // namespace method

/// A network interface that the platform gives.
struct GivenInterface {
    QString name;
    QString type; ///< "phy", "bridge" or "mirror"
    QStringList capabilities; ///< of "rx" and "tx"
    [[nodiscard]] bool canSend() const { return capabilities.contains(QLatin1StringView("tx")); }
};

/// The answer to instrument.hello.
struct Welcome {
    QString address; ///< "beacon_0@plant7"
    std::optional<QJsonObject> configuration; ///< the envelope; nothing: none was ever saved
    QString transientStorage, persistentStorage, incoming; ///< absolute; empty: not given
    std::vector<GivenInterface> interfaces;

    [[nodiscard]] QString sensor() const { return address.section(QLatin1Char('@'), 1); }
};
[[nodiscard]] QJsonObject toJson(const Welcome& welcome);
[[nodiscard]] Result<Welcome> welcomeFromJson(const QJsonObject& object);

struct RetentionRequest {
    WallTime olderThan{}; ///< what is strictly older goes; what is exactly as old stays
    std::chrono::milliseconds deadline{30'000};
};
struct RetentionResult {
    qint64 deleted = 0;
    std::optional<WallTime> oldest; ///< of what is left; nothing: nothing is left
    bool complete = true; ///< false: the deadline came first, ask again
};
[[nodiscard]] QJsonObject toJson(const RetentionRequest& request); ///< older_than in RFC 3339, UTC, microseconds
[[nodiscard]] Result<RetentionRequest> retentionRequestFromJson(const QJsonObject& object);
[[nodiscard]] QJsonObject toJson(const RetentionResult& result);
[[nodiscard]] Result<RetentionResult> retentionResultFromJson(const QJsonObject& object);

/// A file that the Downloader fetched for this Instrument.
struct DownloadAvailable {
    QString resource;
    QString path; ///< absolute
    QString signature; ///< path of the .minisig that came with it; empty: none did
    qint64 size = 0;
    QByteArray sha512; ///< 64 bytes
    QJsonObject metadata;
};
[[nodiscard]] QJsonObject toJson(const DownloadAvailable& download);
[[nodiscard]] Result<DownloadAvailable> downloadAvailableFromJson(const QJsonObject& object);

/// What this Instrument wants fetched, again and again.
struct DownloadRequest {
    QString resource;
    QString url;
    std::chrono::seconds interval{3'600};
    QJsonObject headers; ///< name → value
    QString target;
    QJsonObject metadata;
    qint64 sizeLimit = 0; ///< bytes
    QString key; ///< that signs it; empty: unsigned
};
[[nodiscard]] QJsonObject toJson(const DownloadRequest& request);
[[nodiscard]] Result<DownloadRequest> downloadRequestFromJson(const QJsonObject& object);

/// What a Sensor that owns a bridge has seen leaving by its uplink, of this Instrument: the parameters of
/// uplink.counted. To be sent every 10 s or so, whether or not anything was counted: only a count that stays the same
/// proves that nothing leaves.
struct UplinkCounted {
    QString interface; ///< as the Instrument knows it
    qint64 frames = 0, tokens = 0; ///< since `since`; tokens: frames that carried one
    WallTime since{}; ///< another one: counting began anew
    std::optional<WallTime> last; ///< when the last token was seen; nothing: none was
};
[[nodiscard]] QJsonObject toJson(const UplinkCounted& counted); ///< times in Unix seconds
[[nodiscard]] Result<UplinkCounted> uplinkCountedFromJson(const QJsonObject& params);

/// {"deadline_s":10}; absent: 10 s, at most 300.
[[nodiscard]] Result<std::chrono::milliseconds> stopDeadlineFromJson(const QJsonObject& params);

/// {"events":[…]} of event.publish and event.deliver; the answer is {"ids":[…]}.
/// An event that is not one makes the whole a BadInput that names its index.
[[nodiscard]] Result<std::vector<Event>> eventsFromJson(const QJsonObject& params);

/// A type exactly, or those that begin with what stands before a last '*': "instruments.beacon.*". "*": all.
[[nodiscard]] bool matches(const QString& pattern, const QString& type);
[[nodiscard]] bool isPattern(const QString& pattern); ///< 1 to 128 of [a-z0-9_.], then perhaps '*'

struct EventSubscription {
    QString match;
    int history = 0; ///< this many of the past first, at most 10,000
};
[[nodiscard]] QJsonObject toJson(const EventSubscription& subscription);
[[nodiscard]] Result<EventSubscription> subscriptionFromJson(const QJsonObject& params);

/// RFC 3339, with any offset; nothing: it is none.
[[nodiscard]] std::optional<WallTime> timeFromRfc3339(const QString& text);
[[nodiscard]] QString toRfc3339(WallTime time);

} // namespace beacon::platform
