#include "core/instrument/manifest.h"

#include "core/base/log.h"
#include "core/instrument/schema.h"
#include "core/platform/messages.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <cstdlib>

namespace beacon {

namespace {

constexpr qsizetype kMostBytes = 256 * 1024;

QStringList texts(const QJsonValue& value)
{
    QStringList list;
    const QJsonArray array = value.toArray();
    for (const auto& item : array)
        list.append(item.toString());
    return list;
}

} // namespace

bool Manifest::produces(const QString& eventType) const
{
    return std::any_of(
        events.begin(), events.end(), [&](const QString& pattern) { return platform::matches(pattern, eventType); });
}

Result<Manifest> manifestFromJson(const QByteArray& text)
{
    if (text.size() > kMostBytes)
        return Error{Errc::TooLarge, 0, "the manifest is over 256 KiB"};
    QJsonParseError problem;
    const QJsonDocument parsed = QJsonDocument::fromJson(text, &problem);
    if (!parsed.isObject())
        return Error{Errc::BadInput, 0, "the manifest is no JSON object: " + problem.errorString().toStdString()};
    const QJsonObject object = parsed.object();
    std::string wrong;
    for (const Fault& fault : Schema::ofManifests().check(object))
        wrong += (wrong.empty() ? "" : "; ") + fault.pointer.toStdString() + ' ' + fault.text.toStdString();
    if (!wrong.empty())
        return Error{Errc::BadInput, 0, "the manifest: " + wrong};

    const auto textOf = [&object](const char* key) { return object.value(QLatin1StringView{key}).toString(); };
    Manifest manifest;
    manifest.name = textOf("name");
    manifest.type = textOf("type");
    manifest.title = textOf("title");
    manifest.developer = textOf("developer");
    manifest.description = textOf("description");
    manifest.categories = texts(object.value(QLatin1StringView{"categories"}));
    manifest.networkAccess = textOf("network_access");
    const QJsonArray interfaces = object.value(QLatin1StringView{"interfaces"}).toArray();
    for (const auto& item : interfaces)
        manifest.interfaces.push_back({item[QLatin1StringView{"purpose"}].toString(),
            item[QLatin1StringView{"type"}].toString(), texts(item[QLatin1StringView{"capabilities"}])});
    const QJsonArray relations = object.value(QLatin1StringView{"relations"}).toArray();
    for (const auto& item : relations) {
        const QStringList permissions = texts(item[QLatin1StringView{"permissions"}]);
        manifest.relations.push_back(
            {item[QLatin1StringView{"type"}].toString(), permissions.contains(QLatin1StringView{"find"}),
                permissions.contains(QLatin1StringView{"direct_message"})});
    }
    manifest.events = texts(object.value(QLatin1StringView{"events"}));
    manifest.retention = textOf("retention");
    manifest.configuration = object.value(QLatin1StringView{"configuration"}).toObject();
    manifest.healthPeriod = std::chrono::seconds{object.value(QLatin1StringView{"health_period_s"}).toInt(30)};
    const QJsonObject limits = object.value(QLatin1StringView{"limits"}).toObject();
    manifest.memoryBytes = limits.value(QLatin1StringView{"memory_bytes"}).toInteger();
    manifest.processes = limits.value(QLatin1StringView{"processes"}).toInt();
    manifest.user = textOf("user");
    manifest.document = object;
    if (!manifest.configuration.isEmpty())
        if (const auto schema = Schema::parse(QJsonDocument{manifest.configuration}.toJson()); !schema)
            return Error{
                Errc::BadInput, 0, "the manifest: /configuration is no usable schema: " + schema.error().context};
    return manifest;
}

std::string manifestText(const Manifest& manifest)
{
    return QJsonDocument{manifest.document}.toJson().toStdString();
}

Manifest builtInManifest(const char* metadata, const std::string& configurationSchema)
{
    QJsonObject document = QJsonDocument::fromJson(metadata).object();
    document.insert(QStringLiteral("configuration"),
        QJsonDocument::fromJson(QByteArray::fromStdString(configurationSchema)).object());
    auto manifest = manifestFromJson(QJsonDocument{document}.toJson());
    if (!manifest) {
        log::error("the built-in manifest is broken", {{"error", describe(manifest.error())}});
        std::abort();
    }
    return *std::move(manifest);
}

} // namespace beacon
