#include "core/platform/messages.h"

#include "core/event/object_reader.h"

#include <QDateTime>

#include <algorithm>
#include <cmath>

namespace beacon::platform {

namespace {

constexpr qsizetype kMostName = 256, kMostPath = 4'096, kMostInterfaces = 64;
constexpr qint64 kMostNumber = 9'007'199'254'740'992; // 2^53: JSON's exact integers

class Reader : public ObjectReader {
public:
    using ObjectReader::ObjectReader;

    QString path(Key key, bool needed)
    {
        QString read = name(key, kMostPath, needed);
        if (!read.isEmpty() && !read.startsWith(QLatin1Char('/')))
            complain(key, "must be an absolute path");
        return read;
    }
    WallTime unixTime(Key key)
    {
        constexpr double kMostSeconds = 1e11;
        return fromUnixSeconds(number(key, 0, kMostSeconds));
    }
    WallTime time(Key key)
    {
        const auto read = timeFromRfc3339(string(key, kMostName));
        if (!read)
            complain(key, "must be a time as RFC 3339 has it, such as 2026-11-24T12:00:00Z");
        return read.value_or(WallTime{});
    }
};

QJsonValue textOrNull(const QString& text)
{
    return text.isEmpty() ? QJsonValue{QJsonValue::Null} : QJsonValue{text};
}

using K = QLatin1StringView;
constexpr K kAddress{"address"}, kConfiguration{"configuration"}, kStorage{"storage"}, kTransient{"transient"},
    kPersistent{"persistent"}, kIncoming{"incoming"}, kInterfaces{"interfaces"}, kName{"name"}, kType{"type"},
    kCapabilities{"capabilities"}, kOlderThan{"older_than"}, kDeadline{"deadline_s"}, kDeleted{"deleted"},
    kOldest{"oldest"}, kComplete{"complete"}, kResource{"resource"}, kPath{"path"}, kSignature{"signature"},
    kSize{"size"}, kSha512{"sha512"}, kMetadata{"metadata"}, kUrl{"url"}, kInterval{"interval_s"}, kHeaders{"headers"},
    kTarget{"target"}, kSizeLimit{"size_limit"}, kKey{"key"}, kEvents{"events"}, kMatch{"match"}, kHistory{"history"},
    kInterface{"interface"}, kFrames{"frames"}, kTokens{"tokens"}, kSince{"since"}, kLast{"last"};

} // namespace

QJsonObject toJson(const Welcome& welcome)
{
    QJsonArray interfaces;
    for (const GivenInterface& interface : welcome.interfaces)
        interfaces.append(QJsonObject{{kName, interface.name}, {kType, interface.type},
            {kCapabilities, QJsonArray::fromStringList(interface.capabilities)}});
    return {{kAddress, welcome.address},
        {kConfiguration, welcome.configuration ? QJsonValue{*welcome.configuration} : QJsonValue{}},
        {kStorage,
            QJsonObject{{kTransient, textOrNull(welcome.transientStorage)},
                {kPersistent, textOrNull(welcome.persistentStorage)}}},
        {kIncoming, textOrNull(welcome.incoming)}, {kInterfaces, interfaces}};
}

Result<Welcome> welcomeFromJson(const QJsonObject& object)
{
    Reader reader{"instrument.hello", object};
    Welcome welcome;
    welcome.address = reader.name(kAddress, kMostName);
    if (welcome.address.count(QLatin1Char('@')) != 1 || welcome.address.contains(QLatin1Char('/')))
        reader.complain(kAddress, "must be <type>_<n>@<sensor>");
    if (const QJsonValue configuration = object.value(kConfiguration); configuration.isObject())
        welcome.configuration = configuration.toObject();
    else
        (void)reader.object(kConfiguration, false);
    const QJsonObject storage = reader.object(kStorage, false);
    Reader paths{"instrument.hello: storage", storage};
    welcome.transientStorage = paths.path(kTransient, false);
    welcome.persistentStorage = paths.path(kPersistent, false);
    if (const auto read = paths.result(0); !read)
        return read.error();
    welcome.incoming = reader.path(kIncoming, false);
    const QJsonArray interfaces = reader.array(kInterfaces, kMostInterfaces);
    for (const auto& value : interfaces) {
        const QJsonObject item = value.toObject();
        Reader each{"instrument.hello: interfaces", item};
        GivenInterface interface {
            each.name(kName, 15), each.name(kType, kMostName), { }
        };
        const QJsonArray capabilities = each.array(kCapabilities, 16);
        for (const auto& capability : capabilities) {
            if (!capability.isString() || capability.toString().size() > kMostName)
                each.complain(kCapabilities, "must hold strings");
            interface.capabilities.append(capability.toString());
        }
        if (interface.name.contains(QLatin1Char('/')) || interface.name.contains(QLatin1Char(' ')))
            each.complain(kName, "must be the name of a network interface");
        if (const auto read = each.result(0); !read)
            return read.error();
        welcome.interfaces.push_back(std::move(interface));
    }
    return reader.result(std::move(welcome));
}

QJsonObject toJson(const RetentionRequest& request)
{
    return {{kOlderThan, toRfc3339(request.olderThan)},
        {kDeadline, std::chrono::duration<double>(request.deadline).count()}};
}

Result<RetentionRequest> retentionRequestFromJson(const QJsonObject& object)
{
    Reader reader{"retention.apply", object};
    RetentionRequest request;
    request.olderThan = reader.time(kOlderThan);
    request.deadline = std::chrono::milliseconds{std::llround(reader.number(kDeadline, 0.1, 86'400, 30) * 1'000)};
    return reader.result(request);
}

QJsonObject toJson(const RetentionResult& result)
{
    return {{kDeleted, result.deleted}, {kOldest, result.oldest ? QJsonValue{toRfc3339(*result.oldest)} : QJsonValue{}},
        {kComplete, result.complete}};
}

Result<RetentionResult> retentionResultFromJson(const QJsonObject& object)
{
    Reader reader{"retention.apply", object};
    RetentionResult result;
    result.deleted = reader.integer(kDeleted, 0, kMostNumber);
    if (!object.value(kOldest).isNull() && !object.value(kOldest).isUndefined())
        result.oldest = reader.time(kOldest);
    result.complete = reader.boolean(kComplete);
    return reader.result(result);
}

QJsonObject toJson(const DownloadAvailable& download)
{
    return {{kResource, download.resource}, {kPath, download.path}, {kSignature, textOrNull(download.signature)},
        {kSize, download.size}, {kSha512, QString::fromLatin1(download.sha512.toHex())},
        {kMetadata, download.metadata}};
}

Result<DownloadAvailable> downloadAvailableFromJson(const QJsonObject& object)
{
    Reader reader{"download.available", object};
    DownloadAvailable download;
    download.resource = reader.name(kResource, kMostName);
    download.path = reader.path(kPath, true);
    download.signature = reader.path(kSignature, false);
    download.size = reader.integer(kSize, 0, kMostNumber);
    const QString sha512 = reader.name(kSha512, 128);
    download.sha512 = QByteArray::fromHex(sha512.toLatin1());
    if (download.sha512.size() != 64 || QString::fromLatin1(download.sha512.toHex()) != sha512.toLower())
        reader.complain(kSha512, "must be 128 hexadecimal digits");
    download.metadata = reader.object(kMetadata, false);
    return reader.result(std::move(download));
}

QJsonObject toJson(const DownloadRequest& request)
{
    return {{kResource, request.resource}, {kUrl, request.url},
        {kInterval, static_cast<qint64>(request.interval.count())}, {kHeaders, request.headers},
        {kTarget, request.target}, {kMetadata, request.metadata}, {kSizeLimit, request.sizeLimit},
        {kKey, textOrNull(request.key)}};
}

Result<DownloadRequest> downloadRequestFromJson(const QJsonObject& object)
{
    Reader reader{"download.request", object};
    DownloadRequest request;
    request.resource = reader.name(kResource, kMostName);
    request.url = reader.name(kUrl, kMostPath);
    request.interval = std::chrono::seconds{reader.integer(kInterval, 1, 31'536'000, 3'600)};
    request.headers = reader.object(kHeaders, false);
    request.target = reader.name(kTarget, kMostName, false);
    request.metadata = reader.object(kMetadata, false);
    request.sizeLimit = reader.integer(kSizeLimit, 0, kMostNumber, 0);
    request.key = reader.name(kKey, kMostPath, false);
    return reader.result(std::move(request));
}

QJsonObject toJson(const UplinkCounted& counted)
{
    return {{kInterface, counted.interface}, {kFrames, counted.frames}, {kTokens, counted.tokens},
        {kSince, toUnixSeconds(counted.since)},
        {kLast, counted.last ? QJsonValue{toUnixSeconds(*counted.last)} : QJsonValue{}}};
}

Result<UplinkCounted> uplinkCountedFromJson(const QJsonObject& params)
{
    Reader reader{"uplink.counted", params};
    UplinkCounted counted;
    counted.interface = reader.name(kInterface, 15);
    counted.frames = reader.integer(kFrames, 0, kMostNumber);
    counted.tokens = reader.integer(kTokens, 0, kMostNumber);
    counted.since = reader.unixTime(kSince);
    if (const QJsonValue last = params.value(kLast); !last.isNull() && !last.isUndefined())
        counted.last = reader.unixTime(kLast);
    return reader.result(std::move(counted));
}

Result<std::chrono::milliseconds> stopDeadlineFromJson(const QJsonObject& params)
{
    Reader reader{"instrument.stop", params};
    return reader.result(std::chrono::milliseconds{std::llround(reader.number(kDeadline, 0, 300, 10) * 1'000)});
}

Result<std::vector<Event>> eventsFromJson(const QJsonObject& params)
{
    const QJsonValue value = params.value(kEvents);
    if (!value.isArray())
        return Error{Errc::BadInput, 0, "events must be an array"};
    std::vector<Event> events;
    const QJsonArray array = value.toArray();
    for (const auto& item : array) {
        auto event = eventFromJson(item.toObject());
        if (!event)
            return Error{Errc::BadInput, 0, "events/" + std::to_string(events.size()) + ": " + event.error().context};
        events.push_back(*std::move(event));
    }
    return events;
}

bool matches(const QString& pattern, const QString& type)
{
    return pattern.endsWith(QLatin1Char('*')) ? type.startsWith(QStringView{pattern}.chopped(1)) : type == pattern;
}

bool isPattern(const QString& pattern)
{
    QStringView name{pattern};
    if (name.endsWith(QLatin1Char('*')))
        name.chop(1);
    const bool fits = std::all_of(name.begin(), name.end(),
        [](QChar c) { return (c >= u'a' && c <= u'z') || (c >= u'0' && c <= u'9') || c == u'_' || c == u'.'; });
    return fits && !pattern.isEmpty() && name.size() <= 128;
}

QJsonObject toJson(const EventSubscription& subscription)
{
    return {{kMatch, subscription.match}, {kHistory, subscription.history}};
}

Result<EventSubscription> subscriptionFromJson(const QJsonObject& params)
{
    Reader reader{"event.subscribe", params};
    EventSubscription subscription;
    subscription.match = reader.name(kMatch, kMostName);
    if (!isPattern(subscription.match))
        reader.complain(kMatch, "must be an event type, or its beginning and '*'");
    subscription.history = static_cast<int>(reader.integer(kHistory, 0, 10'000, 0));
    return reader.result(std::move(subscription));
}

std::optional<WallTime> timeFromRfc3339(const QString& text)
{
    // QDateTime knows milliseconds only: the fraction is read by hand.
    const auto dot = text.indexOf(QLatin1Char('.'));
    qsizetype end = dot < 0 ? -1 : dot + 1;
    qint64 micros = 0;
    if (dot >= 0 && dot != 19) // behind the seconds only
        return std::nullopt;
    if (dot >= 0) {
        qint64 scale = 100'000;
        for (; end < text.size() && text[end] >= u'0' && text[end] <= u'9'; ++end, scale /= 10)
            micros += (text[end].unicode() - u'0') * scale;
        if (end == dot + 1)
            return std::nullopt;
    }
    const QString whole = dot < 0 ? text : text.left(dot) + text.mid(end);
    const QDateTime time = QDateTime::fromString(whole.toUpper(), Qt::ISODate);
    const bool zoned = whole.endsWith(QLatin1Char('Z'), Qt::CaseInsensitive)
        || (whole.size() == 25 && (whole[19] == QLatin1Char('+') || whole[19] == QLatin1Char('-')));
    if (!time.isValid() || !zoned || whole.size() < 20 || whole.contains(QLatin1Char(',')))
        return std::nullopt;
    return WallTime{std::chrono::microseconds{time.toSecsSinceEpoch() * 1'000'000 + micros}};
}

QString toRfc3339(WallTime time)
{
    const auto since = time.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const QDateTime whole = QDateTime::fromSecsSinceEpoch(seconds.count(), Qt::UTC);
    return whole.toString(QStringLiteral("yyyy-MM-ddTHH:mm:ss"))
        + QStringLiteral(".%1Z").arg((since - seconds).count(), 6, 10, QLatin1Char('0'));
}

} // namespace beacon::platform
