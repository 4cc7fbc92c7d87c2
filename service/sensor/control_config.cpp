// config.*: a part of control.h.

#include "core/platform/control.h"
#include "service/sensor/control.h"

namespace beacon {

namespace {

using rpc::Code;
using rpc::RpcError;

void answer(rpc::Responder& responder, const platform::Answer& answer)
{
    if (const auto* error = std::get_if<RpcError>(&answer))
        responder.fail(error->code, error->message, error->data);
    else
        responder.answer(std::get<QJsonValue>(answer));
}

QString targetOf(const QJsonObject& params)
{
    return params.value(QStringLiteral("target")).toString();
}

std::optional<qint64> versionOf(const QJsonObject& params)
{
    const QJsonValue version = params.value(QStringLiteral("version"));
    return version.isDouble() ? std::optional{version.toInteger()} : std::nullopt;
}

} // namespace

void Control::configGet(Call& call)
{
    answer(call.responder, m_sensor.configurations().get(targetOf(call.params), versionOf(call.params)));
}

void Control::configApply(Call& call)
{
    const QJsonValue config = call.params.value(QStringLiteral("config"));
    if (!config.isObject()) {
        call.responder.fail(
            Code::InvalidParams, QStringLiteral("a configuration is a JSON object; give one as config"));
        return;
    }
    Configurations::Change change = changeOf(call);
    change.config = config.toObject();
    m_sensor.configurations().apply(targetOf(call.params), change, replyTo(std::move(call.responder)));
}

void Control::configHistory(Call& call)
{
    constexpr int kUsual = 100, kMost = 1'000;
    const int limit = std::clamp(call.params.value(QStringLiteral("limit")).toInt(kUsual), 1, kMost);
    answer(call.responder, m_sensor.configurations().history(targetOf(call.params), limit));
}

void Control::configRollback(Call& call)
{
    m_sensor.configurations().rollBack(
        targetOf(call.params), versionOf(call.params), changeOf(call), replyTo(std::move(call.responder)));
}

void Control::configDiff(Call& call)
{
    answer(call.responder,
        m_sensor.configurations().diff(
            targetOf(call.params), call.params.value(QStringLiteral("from")), call.params.value(QStringLiteral("to"))));
}

void Control::configSchema(Call& call)
{
    answer(call.responder, m_sensor.configurations().schemaOf(targetOf(call.params)));
}

} // namespace beacon
