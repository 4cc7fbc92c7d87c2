// events.* and logs.*: a part of control.h.

#include "core/platform/control.h"
#include "core/platform/messages.h"
#include "service/sensor/bounded_answer.h"
#include "service/sensor/control.h"
#include "service/sensor/event_text.h"

#include <QJsonDocument>

#include <algorithm>

namespace beacon {

namespace {

using rpc::Code;

constexpr int kMostEvents = 1'000, kMostLines = 10'000, kUsual = 100;

struct Wanted {
    QString match;
    int severity = 1;
};

std::optional<Wanted> wantedOf(const QJsonObject& params, rpc::Responder& responder)
{
    Wanted wanted{params.value(QStringLiteral("match")).toString(QStringLiteral("*")),
        params.value(QStringLiteral("severity")).toInt(1)};
    if (platform::isPattern(wanted.match))
        return wanted;
    responder.fail(Code::InvalidParams,
        QStringLiteral("%1 is no type of event; write one, or its beginning and *, as in instruments.beacon.*")
            .arg(wanted.match.left(64)));
    return std::nullopt;
}

int limitOf(const QJsonObject& params, const char* key, int usual, int most)
{
    return std::clamp(params.value(QLatin1StringView{key}).toInt(usual), 0, most);
}

QJsonArray toJson(const std::vector<StoredEvent>& events)
{
    QJsonArray array;
    for (const StoredEvent& event : events) {
        QJsonObject object = QJsonDocument::fromJson(event.json).object();
        object.insert(QStringLiteral("sensor_event_id"), event.id);
        array.append(object);
    }
    return array;
}

} // namespace

void Control::eventsRead(Call& call)
{
    const auto wanted = wantedOf(call.params, call.responder);
    if (!wanted)
        return;
    const int limit = limitOf(call.params, "limit", kUsual, kMostEvents);
    const QJsonValue after = call.params.value(QStringLiteral("after"));
    const auto from = after.isDouble() ? Result<qint64>{after.toInteger()}
                                       : m_sensor.events().before(wanted->match, wanted->severity, limit);
    const auto events = from ? m_sensor.events().read(*from, wanted->match, wanted->severity, limit)
                             : Result<std::vector<StoredEvent>>{from.error()};
    if (!events)
        call.responder.fail(Code::Internal, QString::fromStdString(describe(events.error())));
    else
        call.responder.answer(
            boundedAnswer(QStringLiteral("events"), toJson(*events), after.isDouble() ? Keep::First : Keep::Last));
}

void Control::eventsFollow(Call& call)
{
    const auto wanted = wantedOf(call.params, call.responder);
    if (!wanted)
        return;
    if (m_followers.contains(call.peer)) {
        call.responder.fail(Code::Busy, QStringLiteral("this connection follows events already; open another one"));
        return;
    }
    const int history = limitOf(call.params, "history", 0, kMostEvents);
    const QJsonValue from = call.params.value(QStringLiteral("after"));
    const auto after = from.isDouble() ? Result<qint64>{from.toInteger()}
                                       : m_sensor.events().before(wanted->match, wanted->severity, history);
    if (!after) {
        call.responder.fail(Code::Internal, QString::fromStdString(describe(after.error())));
        return;
    }
    rpc::Peer* peer = call.peer;
    call.responder.answer(QJsonObject{});
    auto delivery = std::make_unique<Delivery>(m_sensor.events(), QStringList{wanted->match}, wanted->severity, *after,
        [peer](const std::vector<StoredEvent>& events, const Delivery::Done& taken) {
            // The next ones are read when these have left: a slow reader costs no memory.
            const bool sent = peer->notifyText(control::method::kEventDeliver.data(), eventsText(events));
            if (sent && peer->canTake())
                taken(true);
            else
                QObject::connect(
                    peer, &rpc::Peer::drained, peer, [taken, sent] { taken(sent); }, Qt::SingleShotConnection);
        });

    m_followers.insert_or_assign(peer, std::move(delivery));
}

void Control::logsRead(Call& call)
{
    InstrumentRun* run = instrumentOf(call);
    if (run == nullptr)
        return;
    const int lines = limitOf(call.params, "lines", kUsual, kMostLines);
    const bool follow = call.params.value(QStringLiteral("follow")).toBool();
    if (follow && m_logReaders.contains(call.peer)) {
        call.responder.fail(Code::Busy, QStringLiteral("this connection follows a log already; open another one"));
        return;
    }
    call.responder.answer(boundedAnswer(QStringLiteral("lines"), run->log().last(lines), Keep::Last));
    if (!follow)
        return;
    m_logReaders.insert(call.peer);
    // What does not fit is left out and counted: a reader that is too slow must not hold up the Sensor.
    connect(&run->log(), &InstrumentLog::written, call.peer,
        [peer = call.peer, name = run->spec().name, missed = std::make_shared<qint64>()](const QJsonArray& written) {
            QJsonObject params{{QStringLiteral("name"), name}, {QStringLiteral("lines"), written}};
            if (*missed > 0)
                params.insert(QStringLiteral("missed"), *missed);
            if (peer->notify(control::method::kLogLines, params))
                *missed = 0;
            else
                *missed += written.size();
        });
}

} // namespace beacon
