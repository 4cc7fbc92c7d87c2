#include "service/sensor/hub.h"

#include "core/base/log.h"
#include "service/sensor/hub_private.h"

#include <QJsonDocument>

namespace beacon {

using rpc::Code;
using rpc::RpcError;
namespace method = platform::method;

namespace {

constexpr qsizetype kMostVersion = 256;

QString sentence(const Error& error)
{
    return QString::fromStdString(describe(error));
}

bool isAddress(const QString& address, const QString& type)
{
    return address.count(QLatin1Char('@')) == 1 && !type.isEmpty() && address.startsWith(type + QLatin1Char('_'));
}

void answerLater(QObject* context, platform::Reply reply, Code code, const QString& why)
{
    QMetaObject::invokeMethod(
        context,
        [reply = std::move(reply), code, why] {
            reply(RpcError{code, why, QJsonValue::Undefined});
        },
        Qt::QueuedConnection);
}

} // namespace

Hub::Hub(EventStore& store, const Clock& clock, QString sensor, QObject* parent)
    : QObject(parent)
    , d(std::make_unique<Private>(this, store, clock, std::move(sensor)))
{
    d->ownAgain.setSingleShot(true);
    connect(&d->ownAgain, &QTimer::timeout, this, [this] { d->storeOwn(); });
    d->downloads.setAsk([this](const QString& name, const QJsonObject& params, platform::Reply reply) {
        d->askDownloader(name, params, std::move(reply));
    });
}

Hub::~Hub()
{
    for (const auto& [address, guest] : std::exchange(d->guests, {})) {
        if (guest->live)
            guest->live->disconnect(this); // nothing is told any more
        guest->socket->disconnect(this);
        guest->delivery.reset();
        guest->socket->close();
    }
}

Result<> Hub::admit(Guest spec)
{
    if (!isAddress(spec.address, spec.type))
        return Error{Errc::BadInput, 0, "admit " + spec.address.toStdString() + ": it is not <type>_<n>@<sensor>"};
    if (isAdmitted(spec.address))
        return Error{Errc::Busy, 0, "admit " + spec.address.toStdString() + ": it is admitted already"};
    auto guest = std::make_shared<HubGuest>();
    guest->socket = std::make_unique<GuestSocket>();
    if (auto opened = guest->socket->open(spec.socket, spec.owner); !opened)
        return opened;
    guest->spec = std::move(spec);
    guest->healthPause.setSingleShot(true);
    const std::weak_ptr<HubGuest> weak = guest; // it owns what calls
    connect(&guest->healthPause, &QTimer::timeout, this, [this, weak] {
        if (const auto at = weak.lock(); at && at->health)
            d->takeHealth(at, *std::exchange(at->health, std::nullopt));
    });
    connect(guest->socket.get(), &GuestSocket::accepted, this, [this, weak](rpc::Peer* peer) {
        if (const auto at = weak.lock())
            d->adopt(at, peer);
    });
    connect(guest->socket.get(), &GuestSocket::refused, this, [this, weak](qint64 uid) {
        if (const auto at = weak.lock())
            d->complain(*at, QStringLiteral("user %1 has connected to its socket and was let go").arg(uid));
    });
    connect(
        guest->socket.get(), &GuestSocket::descriptorsExhausted, this, [address = guest->spec.address.toStdString()] {
            log::warning("no file descriptor is free for a connection", {{"instrument", address}});
        });
    d->guests.emplace(guest->spec.address, guest);
    return {};
}

void Hub::dismiss(const QString& address)
{
    const auto found = d->guests.find(address);
    if (found == d->guests.end())
        return;
    const auto guest = found->second;
    d->guests.erase(found);
    if (guest->live)
        guest->live->disconnect(this);
    guest->live = nullptr;
    guest->healthPause.stop();
    guest->delivery.reset();
    guest->socket->disconnect(this);
    guest->socket->close();
    guest->socket.release()->deleteLater(); // one of its connections may be the one that is calling
    d->downloads.forget(address);
}

bool Hub::isAdmitted(const QString& address) const
{
    return d->find(address) != nullptr;
}

bool Hub::isConnected(const QString& address) const
{
    const auto guest = d->find(address);
    return guest && guest->live;
}

const Manifest* Hub::manifestOf(const QString& address) const
{
    const auto guest = d->find(address);
    return guest && guest->manifest ? &*guest->manifest : nullptr;
}

QString Hub::versionOf(const QString& address) const
{
    const auto guest = d->find(address);
    return guest ? guest->version : QString{};
}

void Hub::request(const QString& address, const QString& name, const QJsonObject& params, platform::Reply reply,
    std::chrono::milliseconds deadline)
{
    const auto guest = d->find(address);
    if (!guest || !guest->live)
        return answerLater(this, std::move(reply), Code::Closed, QStringLiteral("%1 is not connected").arg(address));
    if (!guest->live->canTake())
        return answerLater(
            this, std::move(reply), Code::Busy, QStringLiteral("%1 does not read what it is sent").arg(address));
    if (name == method::kHealthGet)
        reply = d->timed(guest, std::move(reply));
    guest->live->call(name, params, std::move(reply), deadline);
}

void Hub::notify(const QString& address, const QString& name, const QJsonObject& params)
{
    if (const auto guest = d->find(address); guest && guest->live)
        static_cast<void>(guest->live->notify(name, params));
}

platform::Reply Hub::Private::timed(const Shared& guest, platform::Reply reply) const
{
    const std::weak_ptr<HubGuest> weak = guest; // the connection belongs to it, and holds this
    return [this, weak, peer = guest->live, since = clock.now(), alive = QPointer{q}, reply = std::move(reply)](
               const platform::Answer& answer) {
        const auto at = weak.lock();
        if (alive && at && at->live && at->live == peer)
            at->slowestHealth =
                std::max(at->slowestHealth, std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - since));
        reply(answer);
    };
}

std::chrono::milliseconds Hub::slowestHealth(const QString& address) const
{
    const auto guest = d->find(address);
    return guest ? guest->slowestHealth : std::chrono::milliseconds{0};
}

Hub::Private::Shared Hub::Private::find(const QString& address) const
{
    const auto found = guests.find(address);
    return found == guests.end() ? nullptr : found->second;
}

Hub::Private::Shared Hub::Private::connectedOne(const QString& type) const
{
    for (const auto& [address, guest] : guests)
        if (guest->spec.type == type && guest->live)
            return guest;
    return nullptr;
}

void Hub::Private::adopt(const Shared& guest, rpc::Peer* peer)
{
    const std::weak_ptr<HubGuest> weak = guest;
    peer->setHandler(
        [this, weak, peer](const QString& name, const QJsonObject& params, rpc::Responder responder) {
            if (const auto at = weak.lock())
                serve(at, peer, name, params, std::move(responder));
        },
        hub_limits::kAnswerWithin);
    connect(peer, &rpc::Peer::notified, q, [this, weak, peer](const QString& name, const QJsonObject& params) {
        const auto at = weak.lock();
        if (!at)
            return;
        if (at->live != peer) {
            complain(*at, QStringLiteral("its first word was not instrument.hello"));
            peer->close();
        } else if (name == method::kHealthChanged) {
            takeHealth(at, params);
        }
    });
    connect(peer, &rpc::Peer::closed, q, [this, weak, peer](const QString& reason) {
        if (const auto at = weak.lock(); at && at->live == peer)
            lose(at, reason.isEmpty() ? QStringLiteral("it closed the connection") : reason);
    });
    QTimer::singleShot(hub_limits::kHelloWithin, peer, [this, weak, peer] {
        if (const auto at = weak.lock(); at && at->live != peer) {
            complain(*at, QStringLiteral("it has connected and did not say instrument.hello in time"));
            peer->close();
        }
    });
}

void Hub::Private::lose(const Shared& guest, const QString& reason)
{
    guest->live = nullptr;
    guest->delivery.reset();
    guest->health.reset();
    Q_EMIT q->left(guest->spec.address, reason);
}

void Hub::Private::serve(
    const Shared& guest, rpc::Peer* peer, const QString& name, const QJsonObject& params, rpc::Responder responder)
{
    if (name == method::kHello)
        return hello(guest, peer, params, std::move(responder));
    if (guest->live != peer) {
        refuse(*guest, responder, Code::InvalidRequest, QStringLiteral("The first word must be instrument.hello"));
        peer->close();
        return;
    }
    if (name == method::kEventPublish)
        return takeEvents(guest, params, std::move(responder));
    if (name == method::kEventSubscribe)
        return subscribe(guest, params, std::move(responder));
    if (name == method::kEventUnsubscribe)
        return unsubscribe(guest, params, std::move(responder));
    if (name == method::kFind)
        return findOthers(guest, params, std::move(responder));
    if (name == method::kMessageSend)
        return sendMessage(guest, params, std::move(responder));
    if (name == method::kDownloadRequest)
        return takeDownload(guest, params, std::move(responder));
    if (name == method::kDownloadWithdraw)
        return withdrawDownload(guest, params, std::move(responder));
    if (name == method::kHealthChanged) {
        takeHealth(guest, params);
        return responder.answer(QJsonObject{});
    }
    responder.fail(
        Code::MethodNotFound, QStringLiteral("The platform has no method %1 for Instruments").arg(name.left(128)));
}

void Hub::Private::hello(const Shared& guest, rpc::Peer* peer, const QJsonObject& params, rpc::Responder responder)
{
    const auto no = [&](Code code, const QString& why) {
        refuse(*guest, responder, code, why);
        if (guest->live != peer)
            peer->close();
    };
    const QString type = params.value(QStringLiteral("type")).toString();
    if (type != guest->spec.type)
        return no(Code::Denied,
            QStringLiteral("This socket is for an Instrument of type %1, not %2").arg(guest->spec.type, type.left(64)));
    if (!params.value(QStringLiteral("manifest")).isObject())
        return no(Code::InvalidParams, QStringLiteral("instrument.hello: manifest must be an object"));
    auto manifest = manifestFromJson(
        QJsonDocument{params.value(QStringLiteral("manifest")).toObject()}.toJson(QJsonDocument::Compact));
    if (!manifest)
        return no(Code::InvalidParams, sentence(manifest.error()));
    if (manifest->type != guest->spec.type)
        return no(Code::Denied,
            QStringLiteral("The manifest is for an Instrument of type %1, not %2")
                .arg(manifest->type, guest->spec.type));
    guest->manifest = *std::move(manifest);
    guest->version = params.value(QStringLiteral("version")).toString().left(kMostVersion);
    greet(guest, peer, std::move(responder));
}

void Hub::Private::greet(const Shared& guest, rpc::Peer* peer, rpc::Responder responder)
{
    platform::Welcome welcome = guest->spec.welcome ? guest->spec.welcome() : platform::Welcome{};
    welcome.address = guest->spec.address;
    if (guest->live == peer)
        return responder.answer(toJson(welcome)); // it has asked again
    if (rpc::Peer* before = guest->live) {
        before->close();
        lose(guest, QStringLiteral("a newer connection has taken its place"));
        if (find(guest->spec.address) != guest)
            return responder.fail(Code::Denied, QStringLiteral("There is no such Instrument any more"));
    }
    guest->live = peer;
    guest->slowestHealth = {};
    guest->types.clear();
    responder.answer(toJson(welcome));
    const QString address = guest->spec.address;
    Q_EMIT q->arrived(address, guest->version);
    if (guest->spec.type == QLatin1StringView("downloader"))
        downloads.downloaderArrived();
}

void Hub::Private::takeHealth(const Shared& guest, const QJsonObject& health)
{
    if (guest->healthPause.isActive()) {
        guest->health = health; // the latest is what counts
        return;
    }
    guest->healthPause.start(hub_limits::kHealthPause);
    Q_EMIT q->healthPushed(guest->spec.address, health);
}

void Hub::Private::complain(HubGuest& guest, const QString& what)
{
    const auto now = clock.now();
    if (guest.complained != MonotonicTime{} && now - guest.complained < hub_limits::kComplaintPause) {
        ++guest.unsaidComplaints;
        return;
    }
    guest.complained = now;
    log::warning("an Instrument does what it must not",
        {{"instrument", guest.spec.address.toStdString()}, {"what", what.left(512).toStdString()},
            {"not_told", std::to_string(std::exchange(guest.unsaidComplaints, 0))}});
}

void Hub::Private::refuse(HubGuest& guest, rpc::Responder& responder, Code code, const QString& why)
{
    responder.fail(code, why);
    complain(guest, why);
}

} // namespace beacon
