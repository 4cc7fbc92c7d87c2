// Who may speak to whom: a part of hub.h.

#include "core/event/object_reader.h"
#include "service/sensor/hub_private.h"

#include <QJsonArray>

#include <algorithm>
#include <array>
#include <cmath>

namespace beacon {

using rpc::Code;
using rpc::RpcError;

namespace {

constexpr auto kDownloader = QLatin1StringView("downloader");
constexpr qsizetype kMostName = 256;
constexpr double kLeastDeadline = 0.1, kMostDeadline = 300, kDeadline = 5;

/// First words of what the platform and beacon-admin say to an Instrument: no other Instrument does.
constexpr auto kReserved = std::to_array<QLatin1StringView>({QLatin1StringView("admin"), QLatin1StringView("beacon"),
    QLatin1StringView("config"), QLatin1StringView("control"), QLatin1StringView("coverage"),
    QLatin1StringView("download"), QLatin1StringView("event"), QLatin1StringView("events"),
    QLatin1StringView("findings"), QLatin1StringView("health"), QLatin1StringView("instrument"),
    QLatin1StringView("ledger"), QLatin1StringView("log"), QLatin1StringView("logs"), QLatin1StringView("message"),
    QLatin1StringView("retention"), QLatin1StringView("rpc"), QLatin1StringView("selftest"),
    QLatin1StringView("support"), QLatin1StringView("update")});

bool isReserved(const QString& name)
{
    const QString word = name.section(QLatin1Char('.'), 0, 0);
    return std::ranges::any_of(kReserved, [&](QLatin1StringView one) { return word == one; });
}

bool allows(const std::optional<Manifest>& manifest, const QString& type, bool Manifest::Relation::*permission)
{
    return manifest && std::ranges::any_of(manifest->relations, [&](const Manifest::Relation& relation) {
        return relation.type == type && relation.*permission;
    });
}

/// "beacon" of "beacon_0@plant7".
QString typeOf(const QString& address)
{
    return address.section(QLatin1Char('@'), 0, 0).section(QLatin1Char('_'), 0, -2);
}

platform::Reply passOn(rpc::Responder responder)
{
    return [shared = std::make_shared<rpc::Responder>(std::move(responder))](const platform::Answer& answer) {
        if (const auto* error = std::get_if<RpcError>(&answer))
            shared->fail(error->code == Code::Closed ? Code::Busy : error->code, error->message, error->data);
        else
            shared->answer(std::get<QJsonValue>(answer));
    };
}

QString sentence(const Error& error)
{
    return QString::fromStdString(describe(error));
}

} // namespace

void Hub::Private::findOthers(const Shared& guest, const QJsonObject& params, rpc::Responder responder)
{
    ObjectReader reader{"instrument.find", params};
    const QString type = reader.name(QLatin1StringView("type"), kMostName);
    if (const auto read = reader.result(0); !read)
        return responder.fail(Code::InvalidParams, sentence(read.error()));
    if (!allows(guest->manifest, type, &Manifest::Relation::find))
        return refuse(*guest, responder, Code::Denied,
            QStringLiteral("The manifest of %1 has no permission to find %2").arg(guest->spec.type, type.left(64)));
    QJsonArray addresses;
    bool isDenied = false;
    for (const auto& [address, other] : guests) {
        if (other->spec.type != type || !other->manifest)
            continue;
        if (allows(other->manifest, guest->spec.type, &Manifest::Relation::find))
            addresses.append(address);
        else
            isDenied = true;
    }
    if (addresses.isEmpty() && isDenied)
        return refuse(*guest, responder, Code::Denied,
            QStringLiteral("The manifest of %1 does not let %2 find it").arg(type, guest->spec.type));
    responder.answer(QJsonObject{{QStringLiteral("addresses"), addresses}});
}

void Hub::Private::sendMessage(const Shared& guest, const QJsonObject& params, rpc::Responder responder)
{
    ObjectReader reader{"message.send", params};
    const QString to = reader.name(QLatin1StringView("to"), kMostName);
    const QString name = reader.name(QLatin1StringView("method"), rpc::kMaxMethodLength);
    QJsonObject message = reader.object(QLatin1StringView("params"), false);
    const double seconds = reader.number(QLatin1StringView("deadline_s"), kLeastDeadline, kMostDeadline, kDeadline);
    if (const auto read = reader.result(0); !read)
        return responder.fail(Code::InvalidParams, sentence(read.error()));
    const QString type = typeOf(to);
    if (isReserved(name))
        return refuse(*guest, responder, Code::Denied,
            QStringLiteral("%1 is for the platform to say, not for another Instrument").arg(name));
    if (!allows(guest->manifest, type, &Manifest::Relation::directMessage))
        return refuse(*guest, responder, Code::Denied,
            QStringLiteral("The manifest of %1 has no permission to send messages to %2")
                .arg(guest->spec.type, type.left(64)));
    const auto other = find(to);
    if (!other)
        return responder.fail(Code::InvalidParams, QStringLiteral("There is no Instrument %1").arg(to));
    if (!other->manifest || !other->live)
        return responder.fail(Code::Busy, QStringLiteral("%1 is not connected").arg(to));
    if (!allows(other->manifest, guest->spec.type, &Manifest::Relation::directMessage))
        return refuse(*guest, responder, Code::Denied,
            QStringLiteral("The manifest of %1 takes no messages of %2").arg(type, guest->spec.type));
    if (other->forwarded >= hub_limits::kForwarded || !other->live->canTake())
        return responder.fail(Code::Busy, QStringLiteral("%1 has too many messages to answer").arg(to));
    message.insert(QStringLiteral("source_instrument"), guest->spec.address); // whatever stood there
    ++other->forwarded;
    other->live->call(
        name, message,
        [weak = std::weak_ptr{other}, reply = passOn(std::move(responder))](const platform::Answer& answer) {
            if (const auto at = weak.lock())
                --at->forwarded;
            reply(answer);
        },
        std::chrono::milliseconds{std::llround(seconds * 1'000)});
}

void Hub::Private::takeDownload(const Shared& guest, const QJsonObject& params, rpc::Responder responder)
{
    auto request = platform::downloadRequestFromJson(params);
    if (!request)
        return responder.fail(Code::InvalidParams, sentence(request.error()));
    if (request->target.isEmpty())
        request->target = guest->spec.address;
    if (request->target != guest->spec.address)
        return refuse(*guest, responder, Code::Denied,
            QStringLiteral("download.request: target must be %1 itself").arg(guest->spec.address));
    downloads.request(guest->spec.address, request->resource, toJson(*request), passOn(std::move(responder)));
}

void Hub::Private::withdrawDownload(const Shared& guest, const QJsonObject& params, rpc::Responder responder)
{
    ObjectReader reader{"download.withdraw", params};
    const QString resource = reader.name(QLatin1StringView("resource"), kMostName);
    const QString target = reader.name(QLatin1StringView("target"), kMostName, false);
    if (const auto read = reader.result(0); !read)
        return responder.fail(Code::InvalidParams, sentence(read.error()));
    if (!target.isEmpty() && target != guest->spec.address)
        return refuse(*guest, responder, Code::Denied,
            QStringLiteral("download.withdraw: target must be %1 itself").arg(guest->spec.address));
    downloads.withdraw(guest->spec.address, resource, passOn(std::move(responder)));
}

void Hub::Private::askDownloader(const QString& name, const QJsonObject& params, platform::Reply reply)
{
    const auto downloader = connectedOne(kDownloader);
    q->request(downloader ? downloader->spec.address : QString{kDownloader}, name, params, std::move(reply));
}

} // namespace beacon
