#include "core/instrument/skeleton_private.h"

#include "core/base/log.h"
#include "core/store/spool.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QPointer>

#include <algorithm>
#include <unistd.h>

namespace beacon {

using platform::Answer;
using platform::PlatformLink;
using rpc::Code;
using rpc::RpcError;
namespace method = platform::method;

namespace {

constexpr std::size_t kMostBeforeWelcome = 1'000;
constexpr int kMostSubscriptions = 64;
constexpr std::chrono::milliseconds kHelloAgainMost{10'000};
constexpr std::chrono::milliseconds kFlushAtStop{1'000};

/// What a welcome says besides the configuration.
QJsonObject placeIn(platform::Welcome welcome)
{
    welcome.configuration.reset();
    return toJson(welcome);
}

QString hostName()
{
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? QString::fromLocal8Bit(name)
                                                                        : QStringLiteral("localhost");
}

} // namespace

Skeleton::Skeleton(Manifest manifest, Handlers handlers, std::unique_ptr<PlatformLink> link, const Clock& clock,
    Options options, QObject* parent)
    : QObject(parent)
    , d(std::make_unique<Private>(
          this, std::move(manifest), std::move(handlers), std::move(link), clock, std::move(options)))
{
    for (QTimer* timer : {&d->helloTimer, &d->healthTimer, &d->stopTimer})
        timer->setSingleShot(true);
    d->healthTimer.setTimerType(Qt::PreciseTimer);
    connect(&d->helloTimer, &QTimer::timeout, this, [this] { d->hello(); });
    connect(&d->healthTimer, &QTimer::timeout, this, [this] { d->pushHealth(); });
    connect(&d->stopTimer, &QTimer::timeout, this, [this] { d->windUp(); });
    for (Worker* worker : {&d->retention, &d->downloads}) {
        connect(worker, &Worker::hangs, this, [this] { d->hangingMoved(); });
        connect(worker, &Worker::returned, this, [this] { d->hangingMoved(); });
    }
    if (auto parsed = Schema::parse(QJsonDocument{d->manifest.configuration.isEmpty()
                ? QJsonObject{{QStringLiteral("type"), QStringLiteral("object")}}
                : d->manifest.configuration}
                                        .toJson());
        parsed)
        d->schema.emplace(*std::move(parsed));
    else
        log::error("the configuration schema is not usable", {{"error", describe(parsed.error())}});
    const auto& identity = d->source.identity();
    if (d->schema)
        d->inForce.emplace(identity.instrument, d->manifest.type, *d->schema, d->handlers.check);
    if (!d->link)
        return;
    connect(d->link.get(), &PlatformLink::up, this, [this] { d->hello(); });
    connect(d->link.get(), &PlatformLink::down, this, [this](const QString& why) {
        d->helloFailed(why);
        Q_EMIT platformWent();
    });
    d->link->setHandler([this](const QString& name, const QJsonObject& params, platform::Responder responder) {
        d->serve(name, params, std::move(responder));
    });
}

Skeleton::~Skeleton()
{
    if (d->link)
        d->link->close(); // answers what is under way while there is somebody to hear it
}

void Skeleton::start()
{
    d->healthMoved();
    if (d->link) {
        d->helloFailed(QStringLiteral("it was not there yet"));
        d->link->open();
    }
}

void Skeleton::stop(std::chrono::milliseconds deadline)
{
    d->beginStop(deadline, false);
}

bool Skeleton::standAlone() const noexcept
{
    return d->link == nullptr;
}
const std::optional<platform::Welcome>& Skeleton::welcome() const noexcept
{
    return d->welcome;
}
EventSource& Skeleton::events()
{
    return d->source;
}

void Skeleton::publish(const Event& event)
{
    if (!d->manifest.produces(event.type)) {
        if (d->undeclared++ == 0)
            log::error("an event is dropped, for the manifest does not name its type; more of them are only counted",
                {{"type", event.type.toStdString()}});
        return;
    }
    if (!event.isBulk())
        log::notice(
            event.message.toStdString(), {{"type", event.type.toStdString()}, {"seq", std::to_string(event.seq)}});
    Q_EMIT published(event);
    if (!d->link)
        return;
    if (d->outbox)
        d->outbox->publish(event);
    else if (d->early.size() < kMostBeforeWelcome)
        d->early.push_back(event);
    else
        raise(Reason::EventsDropped, "the platform was not there at the start");
}

void Skeleton::subscribe(const QString& match, int history)
{
    if (d->subscriptions.size() >= kMostSubscriptions && !d->subscriptions.contains(match))
        return;
    d->subscriptions[match] = history;
    if (d->welcome && d->link->isUp())
        d->subscribeAt(match);
}

void Skeleton::unsubscribe(const QString& match)
{
    if (d->subscriptions.erase(match) == 0 || !d->welcome)
        return;
    d->link->request(method::kEventUnsubscribe, {{QStringLiteral("match"), match}}, [](const Answer&) {});
}

void Skeleton::request(
    const QString& name, const QJsonObject& params, platform::Reply reply, std::chrono::milliseconds deadline)
{
    if (d->link) {
        d->link->request(name, params, std::move(reply), deadline);
        return;
    }
    QMetaObject::invokeMethod(
        this,
        [reply = std::move(reply)] {
            reply(
                RpcError{Code::Closed, QStringLiteral("this Instrument is stand-alone; there is no platform to ask")});
        },
        Qt::QueuedConnection);
}

EventSource::Identity Skeleton::Private::identityOnTheBench() const
{
    const QString host = hostName();
    return {options.name.isEmpty() ? manifest.type + QStringLiteral("_0@") + host : options.name, host, manifest.type};
}

void Skeleton::Private::hello()
{
    helloTimer.stop();
    if (!link->isUp() || stopping)
        return;
    link->request(method::kHello,
        {{QStringLiteral("type"), manifest.type}, {QStringLiteral("version"), options.version},
            {QStringLiteral("manifest"), manifest.document}},
        [this, alive = QPointer{q}](const Answer& answer) {
            if (alive)
                onWelcome(answer);
        });
}

void Skeleton::Private::helloFailed(const QString& why)
{
    q->raise(Reason::PlatformAway, why.toStdString());
}

void Skeleton::Private::onWelcome(const Answer& answer)
{
    QString why;
    std::optional<platform::Welcome> now;
    if (const auto* error = std::get_if<RpcError>(&answer)) {
        if (error->code == Code::Closed)
            return; // up() says hello again
        why = QStringLiteral("it refuses our hello: ") + error->message;
    } else if (auto read = platform::welcomeFromJson(std::get<QJsonValue>(answer).toObject()); read) {
        now = *std::move(read);
    } else {
        why =
            QStringLiteral("its answer to our hello is not usable: ") + QString::fromStdString(describe(read.error()));
    }
    if (now && welcome && now->address != welcome->address) {
        why = QStringLiteral("it gives us another address, %1; restart this Instrument").arg(now->address);
        now.reset();
    }
    if (!now) {
        helloFailed(why);
        helloTimer.start(std::exchange(helloAgain, std::min(helloAgain * 2, kHelloAgainMost)));
        return;
    }
    helloAgain = kHelloAgainFirst;
    q->clear(Reason::PlatformAway);
    const bool first = !welcome;
    const bool moved = !first && placeIn(*welcome) != placeIn(*now);
    welcome = std::move(now);
    if (first)
        firstWelcome();
    if (welcome->configuration)
        (void)apply(*welcome->configuration, nullptr);
    else if (!inForce || !inForce->document())
        takeDefaults();
    for (const auto& [match, history] : subscriptions)
        subscribeAt(match);
    outbox->resume();
    if (push.pushed())
        (void)link->notify(method::kHealthChanged, q->healthJson());
    if (first)
        Q_EMIT q->welcomed();
    else if (moved)
        Q_EMIT q->placeChanged();
}

void Skeleton::Private::firstWelcome()
{
    source.identify({welcome->address, welcome->sensor(), manifest.type});
    if (schema)
        inForce.emplace(welcome->address, manifest.type, *schema, handlers.check);
    openOutbox();
    for (Event& event : early) {
        event.sourceInstrument = welcome->address;
        event.sourceSensor = welcome->sensor();
        outbox->publish(event);
    }
    early.clear();
}

void Skeleton::Private::openOutbox()
{
    const QString path = welcome->persistentStorage.isEmpty()
        ? options.spoolPath
        : welcome->persistentStorage + QStringLiteral("/spool.db");
    outbox = std::make_unique<platform::Outbox>(
        *link, path.isEmpty() ? nullptr : std::make_unique<Spool>(path), platform::Outbox::Limits{});
    connect(outbox.get(), &platform::Outbox::spoolFailed, q,
        [this](const QString& why) { q->raise(Reason::SpoolFailed, why.toStdString()); });
    connect(outbox.get(), &platform::Outbox::spoolRecovered, q, [this] { q->clear(Reason::SpoolFailed); });
    connect(outbox.get(), &platform::Outbox::dropped, q,
        [this](quint64 total) { q->raise(Reason::EventsDropped, std::to_string(total) + " so far"); });
    connect(outbox.get(), &platform::Outbox::idle, q, [this] {
        q->clear(Reason::EventsDropped); // the gap stays visible in seq
        if (wound)
            windUp();
    });
}

void Skeleton::Private::subscribeAt(const QString& match)
{
    link->request(method::kEventSubscribe, toJson(platform::EventSubscription{match, subscriptions.at(match)}),
        [match](const Answer& answer) {
            if (const auto* error = std::get_if<RpcError>(&answer); error && error->code != Code::Closed)
                log::warning("the platform refuses a subscription",
                    {{"match", match.toStdString()}, {"why", error->message.toStdString()}});
        });
}

void Skeleton::Private::beginStop(std::chrono::milliseconds deadline, bool again)
{
    if (stopping) {
        windUp(); // asked twice
        return;
    }
    stopping = true;
    restart = again;
    stopTimer.start(deadline);
    const auto done = [this, alive = QPointer{q}] {
        if (!alive || std::exchange(wound, true))
            return;
        if (outbox && outbox->waiting() > 0 && link->isUp())
            stopTimer.start(std::min(kFlushAtStop, stopTimer.remainingTimeAsDuration()));
        else
            QMetaObject::invokeMethod(
                q, [this] { windUp(); }, Qt::QueuedConnection);
    };
    if (handlers.stop)
        handlers.stop(done);
    else
        done();
}

void Skeleton::Private::windUp()
{
    if (std::exchange(ended, true))
        return;
    stopTimer.stop();
    helloTimer.stop();
    Q_EMIT q->stopped(restart);
}

} // namespace beacon
