#pragma once

#include "core/base/clock.h"
#include "core/instrument/skeleton.h"
#include "core/platform/in_process_link.h"
#include "tests/support/event_schema.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

#include <algorithm>
#include <memory>

/// A Skeleton over an InProcessLink whose far end plays the platform.
namespace beacon::test {

using platform::Answer;
using platform::InProcessLink;
using platform::Responder;
namespace method = platform::method;

inline const QString kAddress = QStringLiteral("beacon_0@plant7"); // NOLINT(cert-err58-cpp)

/// What the platform was told, and how it answers.
class PlatformEnd {
public:
    explicit PlatformEnd(std::unique_ptr<InProcessLink> end)
        : link(std::move(end))
    {
        welcome.address = kAddress;
        link->setHandler([this](const QString& name, const QJsonObject& params, Responder responder) {
            serve(name, params, std::move(responder));
        });
        link->open();
    }

    /// Asks the Instrument and waits for the answer.
    Answer ask(const QString& name, const QJsonObject& params = {})
    {
        const auto got = askLater(name, params);
        if (!QTest::qWaitFor([&] { return got->has_value(); }, 5'000))
            return rpc::RpcError{rpc::Code::Timeout, QStringLiteral("the test waited in vain")};
        return got->value();
    }
    std::shared_ptr<std::optional<Answer>> askLater(const QString& name, const QJsonObject& params = {})
    {
        auto got = std::make_shared<std::optional<Answer>>();
        link->request(
            name, params, [got](const Answer& answer) { *got = answer; }, std::chrono::seconds{5});
        return got;
    }

    QStringList eventTypes() const
    {
        QStringList types;
        for (const Event& event : events)
            types.append(event.type);
        return types;
    }
    qsizetype count(const QString& type) const { return eventTypes().count(type); }
    /// The `data` of the last event of a type.
    QJsonObject last(const QString& type) const
    {
        const auto at =
            std::find_if(events.rbegin(), events.rend(), [&](const Event& event) { return event.type == type; });
        return at == events.rend() ? QJsonObject{} : at->data;
    }

    std::unique_ptr<InProcessLink> link;
    platform::Welcome welcome;
    bool refuseHello = false;
    bool holdBulk = false; ///< bulk events stay unanswered
    bool takeNothing = false; ///< no event is answered
    int hellos = 0;
    std::vector<QJsonObject> pushes; ///< health.changed
    std::vector<Event> events; ///< acknowledged or held, each batch as it came
    std::vector<platform::EventSubscription> subscribed;
    QStringList unsubscribed;
    std::vector<Responder> held;
    QStringList bad; ///< what the schema says against events that arrived

private:
    void serve(const QString& name, const QJsonObject& params, Responder responder)
    {
        if (name == method::kHello) {
            ++hellos;
            if (refuseHello)
                responder.fail(rpc::Code::Denied, QStringLiteral("not today"));
            else
                responder.answer(toJson(welcome));
        } else if (name == method::kEventPublish) {
            take(params, std::move(responder));
        } else if (name == method::kHealthChanged) {
            pushes.push_back(params);
        } else if (name == method::kEventSubscribe) {
            if (const auto read = platform::subscriptionFromJson(params); read)
                subscribed.push_back(*read);
            responder.answer(QJsonObject{});
        } else if (name == method::kEventUnsubscribe) {
            unsubscribed.append(params.value(QStringLiteral("match")).toString());
            responder.answer(QJsonObject{});
        } else {
            responder.fail(rpc::Code::MethodNotFound, name);
        }
    }
    void take(const QJsonObject& params, Responder responder)
    {
        const auto read = platform::eventsFromJson(params);
        if (!read || takeNothing) {
            held.push_back(std::move(responder));
            if (!read)
                bad.append(QString::fromStdString(describe(read.error())));
            return;
        }
        QJsonArray ids;
        for (const Event& event : *read) {
            if (const auto complaint = schemaComplaint(toLine(event).toStdString()); !complaint.empty())
                bad.append(QString::fromStdString(complaint));
            events.push_back(event);
            ids.append(event.uuid.toString(QUuid::WithoutBraces));
        }
        if (holdBulk && !read->empty() && read->front().isBulk())
            held.push_back(std::move(responder));
        else
            responder.answer(QJsonObject{{QStringLiteral("ids"), ids}});
    }
};

/// A rate from 1 to 100, by default 5; a name; a list. Nothing is required.
inline QJsonObject plainSchema()
{
    return QJsonDocument::fromJson(R"({"type":"object","additionalProperties":false,"properties":{
        "rate":{"type":"integer","minimum":1,"maximum":100,"default":5},
        "name":{"type":"string","default":"x"},"extra":{"type":"array"}}})")
        .object();
}

struct Rig {
    explicit Rig(Handlers handlers = {}, const QJsonObject& schema = plainSchema(), Skeleton::Options options = {})
    {
        auto pair = InProcessLink::makePair();
        near = pair.first.get();
        platform = std::make_unique<PlatformEnd>(std::move(pair.second));
        Manifest manifest;
        manifest.type = QStringLiteral("beacon");
        manifest.configuration = schema;
        manifest.events = {QStringLiteral("instruments.beacon.*")};
        options.version = QStringLiteral("1.2.3");
        skeleton =
            std::make_unique<Skeleton>(manifest, std::move(handlers), std::move(pair.first), clock, std::move(options));
        QObject::connect(skeleton.get(), &Skeleton::stopped, skeleton.get(), [this](bool again) {
            ++stops;
            restart = again;
        });
    }
    /// Starts it and waits until the platform has welcomed it.
    [[nodiscard]] bool up()
    {
        skeleton->start();
        return QTest::qWaitFor([this] { return skeleton->welcome().has_value(); }, 5'000);
    }
    void output(const QString& line) const
    {
        skeleton->publish(skeleton->events().make(EventId::BeaconOutput, QStringLiteral("Output"),
            {{QStringLiteral("line"), line}, {QStringLiteral("stream"), QStringLiteral("stderr")},
                {QStringLiteral("truncated"), false}}));
    }
    void leak(int n) const
    {
        skeleton->publish(skeleton->events().make(EventId::EscapeSucceeded, QStringLiteral("Leak"),
            {{QStringLiteral("run"), 1}, {QStringLiteral("n"), n},
                {QStringLiteral("technique"), QStringLiteral("TlsHello")},
                {QStringLiteral("family"), QStringLiteral("ipv4")}, {QStringLiteral("proto"), 6},
                {QStringLiteral("dst"), QStringLiteral("192.0.2.1")}, {QStringLiteral("rtt"), 10}}));
    }
    /// Lets time pass until the last health pushed is as wanted.
    template <class Wanted> [[nodiscard]] bool pushes(Wanted wanted)
    {
        return QTest::qWaitFor([&] {
            clock.advance(std::chrono::milliseconds{10});
            return !platform->pushes.empty() && wanted(platform->pushes.back());
        });
    }
    [[nodiscard]] QStringList reasons() const
    {
        QStringList codes;
        for (const HealthReason& reason : skeleton->health().reasons)
            codes.append(QString::fromStdString(reason.code));
        return codes;
    }
    [[nodiscard]] QString textOf(const char* code) const
    {
        for (const HealthReason& reason : skeleton->health().reasons)
            if (reason.code == code)
                return QString::fromStdString(reason.text);
        return {};
    }

    ManualClock clock;
    std::unique_ptr<PlatformEnd> platform; ///< outlives the skeleton: its handlers are called until then
    std::unique_ptr<Skeleton> skeleton;
    InProcessLink* near = nullptr;
    int stops = 0;
    bool restart = false;
};

inline QJsonObject resultOf(const Answer& answer)
{
    const auto* value = std::get_if<QJsonValue>(&answer);
    return value != nullptr ? value->toObject() : QJsonObject{};
}
/// 0: it is no error.
inline int codeOf(const Answer& answer)
{
    const auto* error = std::get_if<rpc::RpcError>(&answer);
    return error != nullptr ? static_cast<int>(error->code) : 0;
}
inline int number(rpc::Code code)
{
    return static_cast<int>(code);
}
inline QStringList codesIn(const QJsonObject& health)
{
    QStringList codes;
    const QJsonArray reasons = health.value(QStringLiteral("reasons")).toArray();
    for (const QJsonValue& reason : reasons)
        codes.append(reason.toObject().value(QStringLiteral("code")).toString());
    return codes;
}
inline QString statusIn(const QJsonObject& health)
{
    return health.value(QStringLiteral("status")).toString();
}

} // namespace beacon::test
