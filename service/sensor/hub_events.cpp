// Events of Instruments into the store, and out of it to those who subscribed: a part of hub.h.

#include "core/base/log.h"
#include "service/sensor/event_text.h"
#include "service/sensor/hub_private.h"

#include <QJsonArray>

#include <algorithm>

namespace beacon {

using rpc::Code;
using rpc::RpcError;

namespace {

constexpr std::chrono::milliseconds kOwnAgain{1'000};

QString sentence(const Error& error)
{
    return QString::fromStdString(describe(error));
}

/// As resources/schema/event.json has it: instruments.<type>.<name>, further words allowed.
bool isEventType(const QString& type, const QString& instrumentType)
{
    return platform::isPattern(type) && !type.endsWith(QLatin1Char('*')) && !type.endsWith(QLatin1Char('.'))
        && !type.contains(QLatin1StringView(".."))
        && type.startsWith(QLatin1StringView("instruments.") + instrumentType + QLatin1Char('.'));
}

/// The reader has looked at it and does not want it: the same again would help nothing.
bool isRefusal(Code code)
{
    return code == Code::InvalidParams || code == Code::InvalidRequest || code == Code::MethodNotFound
        || code == Code::TooLarge || code == Code::Denied;
}

} // namespace

QString Hub::Private::wrongWith(HubGuest& guest, const Event& event) const
{
    const QString& type = guest.spec.type;
    if (event.sourceInstrument != guest.spec.address)
        return QStringLiteral("source_instrument must be %1").arg(guest.spec.address);
    if (event.sourceSensor != sensor)
        return QStringLiteral("source_sensor must be %1").arg(sensor);
    if (event.instrumentType != type)
        return QStringLiteral("instrument_type must be %1").arg(type);
    if (!isEventType(event.type, type))
        return QStringLiteral("type must be instruments.%1.<name>").arg(type);
    if (event.message.isEmpty())
        return QStringLiteral("message is empty");
    if (event.seq == 0)
        return QStringLiteral("seq must be 1 or more");
    if (guest.types.contains(event.type))
        return {};
    if (!guest.manifest->produces(event.type))
        return QStringLiteral("type %1 is not among the events of its manifest").arg(event.type);
    if (guest.types.size() >= hub_limits::kTypes)
        return QStringLiteral("type %1 is one too many; %2 are the most").arg(event.type).arg(hub_limits::kTypes);
    guest.types.insert(event.type);
    return {};
}

void Hub::Private::takeEvents(const Shared& guest, const QJsonObject& params, rpc::Responder responder)
{
    if (params.value(QStringLiteral("events")).toArray().size() > hub_limits::kPublishEvents)
        return refuse(*guest, responder, Code::TooLarge,
            QStringLiteral("event.publish: %1 events are the most").arg(hub_limits::kPublishEvents));
    const auto events = platform::eventsFromJson(params);
    if (!events)
        return refuse(*guest, responder, Code::InvalidParams, sentence(events.error()));
    std::vector<StoredEvent> stored;
    stored.reserve(events->size());
    qint64 bytes = 0;
    for (const Event& event : *events) {
        if (const QString wrong = wrongWith(*guest, event); !wrong.isEmpty())
            return refuse(
                *guest, responder, Code::InvalidParams, QStringLiteral("events/%1: %2").arg(stored.size()).arg(wrong));
        stored.push_back(storedFrom(event));
        bytes += stored.back().json.size();
    }
    // What an event says of the Sensor's id is written by the store: a large one may grow by that.
    if (bytes > hub_limits::kPublishBytes && (stored.size() > 1 || bytes > kMaxEventBytes + kTextSlack))
        return refuse(*guest, responder, Code::TooLarge, QStringLiteral("event.publish: 256 KiB are the most"));
    if (guest->unstoredBytes > 0 && guest->unstoredBytes + bytes > hub_limits::kUnstoredBytes)
        return responder.fail(Code::Busy, QStringLiteral("Earlier events are still being stored; send them later"));
    guest->unstoredBytes += bytes;
    auto shared = std::make_shared<rpc::Responder>(std::move(responder));
    store.append(std::move(stored), [guest, bytes, shared](const Result<std::vector<qint64>>& ids) {
        guest->unstoredBytes -= bytes;
        if (!ids)
            return shared->fail(ids.error().code == Errc::Busy ? Code::Busy : Code::Internal,
                QStringLiteral("The events cannot be stored now: ") + sentence(ids.error()));
        QJsonArray list;
        for (const qint64 id : *ids)
            list.append(id);
        shared->answer(QJsonObject{{QStringLiteral("ids"), list}});
    });
}

void Hub::Private::subscribe(const Shared& guest, const QJsonObject& params, rpc::Responder responder)
{
    const auto wanted = platform::subscriptionFromJson(params);
    if (!wanted)
        return responder.fail(Code::InvalidParams, sentence(wanted.error()));
    const bool isNew = !guest->delivery || !guest->delivery->has(wanted->match);
    if (isNew && guest->delivery && guest->delivery->matches() >= hub_limits::kSubscriptions)
        return refuse(*guest, responder, Code::TooLarge,
            QStringLiteral("%1 subscriptions are the most; end one of them").arg(hub_limits::kSubscriptions));
    if (clock.now() - guest->lookBacksSince >= hub_limits::kLookBackSpell) {
        guest->lookBacksSince = clock.now();
        guest->lookBacks = 0;
    }
    if (wanted->history > 0 && ++guest->lookBacks > hub_limits::kLookBacks)
        return refuse(*guest, responder, Code::Busy,
            QStringLiteral("Too many subscriptions with a history at once; ask again in 10 s"));
    const auto after = store.before(wanted->match, 1, wanted->history);
    if (!after)
        return responder.fail(
            Code::Internal, QStringLiteral("Past events cannot be read now: ") + sentence(after.error()));
    if (!guest->delivery) {
        const std::weak_ptr<HubGuest> weak = guest;
        guest->delivery = std::make_unique<Delivery>(
            store, QStringList{}, 1, *after, [this, weak](const std::vector<StoredEvent>& batch, Delivery::Done done) {
                if (const auto at = weak.lock())
                    deliver(at, batch, std::move(done));
            });
        connect(guest->delivery.get(), &Delivery::missed, q, [weak](qint64 first, qint64 last) {
            if (const auto at = weak.lock())
                log::warning("an Instrument was too slow for its events, and the store has them no more",
                    {{"instrument", at->spec.address.toStdString()}, {"first", std::to_string(first)},
                        {"last", std::to_string(last)}});
        });
    }
    responder.answer(QJsonObject{});
    guest->delivery->add(wanted->match, *after);
}

void Hub::Private::unsubscribe(const Shared& guest, const QJsonObject& params, rpc::Responder responder)
{
    const auto wanted = platform::subscriptionFromJson(params);
    if (!wanted)
        return responder.fail(Code::InvalidParams, sentence(wanted.error()));
    if (guest->delivery)
        guest->delivery->remove(wanted->match);
    responder.answer(QJsonObject{});
}

void Hub::Private::deliver(const Shared& guest, const std::vector<StoredEvent>& batch, Delivery::Done done)
{
    if (!guest->live || !guest->live->canTake())
        return done(false);
    guest->live->callText(
        "event.deliver", eventsText(batch),
        [this, weak = std::weak_ptr{guest}, done = std::move(done), alive = QPointer{q}](
            const platform::Answer& answer) {
            const auto* error = std::get_if<RpcError>(&answer);
            const auto at = weak.lock(); // the connection belongs to it, and holds this
            if (error != nullptr && isRefusal(error->code) && alive && at)
                complain(*at, QStringLiteral("it refuses events that it subscribed to: ") + error->message);
            done(error == nullptr || isRefusal(error->code));
        },
        hub_limits::kDeliverWithin);
}

void Hub::publish(const Event& event)
{
    if (d->own.size() >= hub_limits::kOwnEvents) {
        d->own.erase(d->own.begin() + static_cast<std::ptrdiff_t>(d->ownUnderWay));
        ++d->ownDropped;
    }
    d->own.push_back(storedFrom(event));
    d->storeOwn();
}

/// One batch after another, until they are stored.
void Hub::Private::storeOwn()
{
    if (own.empty() || ownUnderWay > 0 || ownAgain.isActive())
        return;
    ownUnderWay = std::min<std::size_t>(own.size(), 64);
    std::vector<StoredEvent> batch{own.begin(), own.begin() + static_cast<std::ptrdiff_t>(ownUnderWay)};
    store.append(std::move(batch), [this, alive = QPointer{q}](const Result<std::vector<qint64>>& ids) {
        if (!alive)
            return;
        const std::size_t sent = std::exchange(ownUnderWay, 0);
        if (!ids) {
            ownAgain.start(kOwnAgain);
            return;
        }
        own.erase(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(sent));
        if (ownDropped > 0)
            log::warning("events of the Sensor were dropped while none could be stored",
                {{"count", std::to_string(std::exchange(ownDropped, 0))}});
        storeOwn();
    });
}

} // namespace beacon
