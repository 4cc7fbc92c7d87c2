// What the skeleton answers to the platform, and its health: a part of skeleton.h.

#include "core/instrument/health_message.h"
#include "core/instrument/skeleton_private.h"

#include <QJsonArray>

#include <algorithm>

namespace beacon {

using platform::Answer;
using rpc::Code;
using rpc::RpcError;
namespace method = platform::method;

namespace {

constexpr std::chrono::milliseconds kLeastTimer{1};

bool isStopMethod(const QString& name)
{
    return name == method::kStop || name == method::kRestart;
}

} // namespace

void Skeleton::Private::serve(const QString& name, const QJsonObject& params, platform::Responder responder)
{
    if (name == method::kHealthGet) {
        responder.answer(q->healthJson());
    } else if (name == method::kConfigApply) {
        const Answer answer = apply(params, nullptr);
        if (const auto* error = std::get_if<RpcError>(&answer))
            responder.fail(error->code, error->message);
        else
            responder.answer(std::get<QJsonValue>(answer));
    } else if (name == method::kRetentionApply) {
        serveRetention(params, std::move(responder));
    } else if (name == method::kDownloadAvailable) {
        serveDownload(params, std::move(responder));
    } else if (name == method::kEventDeliver) {
        serveDelivery(params, std::move(responder));
    } else if (name == method::kFindingsApply && handlers.applyFindings) {
        serveFindings(params, std::move(responder));
    } else if (isStopMethod(name)) {
        const auto deadline = platform::stopDeadlineFromJson(params);
        if (!deadline) {
            responder.fail(Code::InvalidParams, QString::fromStdString(describe(deadline.error())));
            return;
        }
        responder.answer(QJsonObject{{QStringLiteral("accepted"), true}});
        beginStop(*deadline, name == method::kRestart);
    } else if (handlers.onMessage) {
        handlers.onMessage(name, params, std::move(responder));
    } else {
        responder.fail(
            Code::MethodNotFound, QStringLiteral("%1 is not a method of %2").arg(name.left(128), manifest.type));
    }
}

void Skeleton::Private::serveRetention(const QJsonObject& params, platform::Responder responder)
{
    const auto read = platform::retentionRequestFromJson(params);
    if (!read) {
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(read.error())));
        return;
    }
    if (!handlers.retain) {
        responder.answer(toJson(platform::RetentionResult{}));
        return;
    }
    platform::RetentionRequest request = *read;
    request.deadline = std::min(request.deadline, options.retentionMost);
    auto job = [retain = handlers.retain, request](const std::stop_token& stop) -> Answer {
        auto result = retain(request, stop);
        if (!result)
            return RpcError{Code::Internal, QString::fromStdString(describe(result.error()))};
        return QJsonValue{toJson(*result)};
    };
    auto shared = std::make_shared<platform::Responder>(std::move(responder));
    retention.run(std::move(job), request.deadline, [this, shared](const Answer& answer) {
        if (const auto* error = std::get_if<RpcError>(&answer)) {
            if (error->code != Code::Busy)
                q->raise(Reason::RetentionFailed, error->message.toStdString());
            shared->fail(error->code, error->message);
            return;
        }
        q->clear(Reason::RetentionFailed);
        shared->answer(std::get<QJsonValue>(answer));
    });
}

void Skeleton::Private::serveDownload(const QJsonObject& params, platform::Responder responder)
{
    const auto read = platform::downloadAvailableFromJson(params);
    if (!read) {
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(read.error())));
        return;
    }
    const auto refused = [](const QString& why) {
        return QJsonValue{QJsonObject{{QStringLiteral("accepted"), false}, {QStringLiteral("reason"), why}}};
    };
    if (!handlers.takeDownload) {
        responder.answer(refused(QStringLiteral("this Instrument takes no downloads")));
        return;
    }
    auto job = [take = handlers.takeDownload, download = *read, refused](const std::stop_token& stop) -> Answer {
        const auto taken = take(download, stop);
        if (!taken)
            return refused(QString::fromStdString(describe(taken.error())));
        return QJsonValue{QJsonObject{{QStringLiteral("accepted"), true}}};
    };
    auto shared = std::make_shared<platform::Responder>(std::move(responder));
    downloads.run(std::move(job), options.downloadWithin,
        [this, shared, resource = read->resource.toStdString()](const Answer& answer) {
            if (const auto* error = std::get_if<RpcError>(&answer)) {
                shared->fail(error->code, error->message);
                return;
            }
            const QJsonObject result = std::get<QJsonValue>(answer).toObject();
            if (result.value(QStringLiteral("accepted")).toBool())
                q->clear(Reason::DownloadRefused);
            else
                q->raise(Reason::DownloadRefused,
                    resource + ": " + result.value(QStringLiteral("reason")).toString().toStdString());
            shared->answer(result);
        });
}

void Skeleton::Private::serveDelivery(const QJsonObject& params, platform::Responder responder)
{
    const auto events = platform::eventsFromJson(params);
    if (!events) {
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(events.error())));
        return;
    }
    QJsonArray ids;
    for (const Event& event : *events)
        ids.append(event.uuid.toString(QUuid::WithoutBraces));
    for (const Event& event : *events)
        if (seen.add(event.uuid) && handlers.onEvent)
            handlers.onEvent(event);
    responder.answer(QJsonObject{{QStringLiteral("ids"), ids}});
}

void Skeleton::Private::serveFindings(const QJsonObject& params, platform::Responder responder)
{
    if (const auto taken = handlers.applyFindings(params); !taken)
        responder.fail(Code::InvalidParams, QString::fromStdString(describe(taken.error())));
    else
        responder.answer(QJsonObject{{QStringLiteral("accepted"), true}});
}

void Skeleton::Private::hangingMoved()
{
    std::string what = retention.isHanging() ? "deleting old data" : "";
    if (downloads.isHanging())
        what += what.empty() ? "taking over a download" : " and taking over a download";
    if (what.empty())
        q->clear(Reason::HandlerHangs);
    else
        q->raise(Reason::HandlerHangs, what);
}

void Skeleton::raise(Reason reason, const std::string& detail)
{
    d->model.raise(reason, detail);
    d->healthMoved();
}
void Skeleton::clear(Reason reason)
{
    if (!d->model.holds(reason))
        return;
    d->model.clear(reason);
    d->healthMoved();
}
void Skeleton::noteWorking()
{
    if (d->model.working())
        return;
    d->model.noteWorking();
    d->healthMoved();
}
bool Skeleton::working() const
{
    return d->model.working();
}

HealthSnapshot Skeleton::health() const
{
    return d->model.snapshot();
}

QJsonObject Skeleton::healthJson() const
{
    QJsonObject health = healthMessage(d->model.snapshot());
    QJsonObject facts = d->handlers.facts ? d->handlers.facts() : QJsonObject{};
    facts.insert(QStringLiteral("address"), d->source.identity().instrument);
    facts.insert(QStringLiteral("version"), d->options.version);
    facts.insert(QStringLiteral("config_version"), configVersion());
    facts.insert(QStringLiteral("platform"),
        !d->link                            ? QStringLiteral("none")
            : d->welcome && d->link->isUp() ? QStringLiteral("connected")
                                            : QStringLiteral("away"));
    if (d->undeclared > 0)
        facts.insert(QStringLiteral("events_undeclared"), static_cast<qint64>(d->undeclared));
    if (d->outbox) {
        const auto counts = d->outbox->counts();
        facts.insert(QStringLiteral("events_waiting"), static_cast<qint64>(d->outbox->waiting()));
        facts.insert(QStringLiteral("events_dropped"), static_cast<qint64>(counts.dropped));
        facts.insert(QStringLiteral("events_refused"), static_cast<qint64>(counts.refused));
    }
    health.insert(QStringLiteral("facts"), facts);
    return health;
}

/// Put off to the end of the turn, so that what one judgement raises and clears is one change.
void Skeleton::Private::healthMoved()
{
    if (!healthTimer.isActive() || healthTimer.remainingTimeAsDuration() > kLeastTimer)
        healthTimer.start(kLeastTimer);
}

void Skeleton::Private::pushHealth()
{
    const HealthStatus from = push.pushed() ? push.pushed()->status : HealthStatus::Pending;
    const bool first = !push.pushed();
    const auto before = push.pushed();
    if (const auto now = push.offer(model.snapshot())) {
        const bool news =
            first ? now->status != HealthStatus::Pending || !now->reasons.empty() : !now->sameCodes(*before);
        if (news) {
            EventSource::Options eventOptions;
            eventOptions.severity = severityFromNumber(severityOf(now->status));
            q->publish(source.make(EventId::Health, healthSentence(*now), healthEventData(from, *now), eventOptions));
        }
        if (link && welcome)
            (void)link->notify(method::kHealthChanged, q->healthJson());
        Q_EMIT q->healthChanged();
    }
    std::optional<std::chrono::milliseconds> next = push.nextTry();
    if (const auto byTime = model.nextChange(); byTime && (!next || *byTime < *next))
        next = byTime;
    if (next)
        healthTimer.start(std::max(*next, kLeastTimer) + kLeastTimer);
}

} // namespace beacon
