#include "service/sensorctl/failure.h"

#include "core/platform/control.h"

#include <array>
#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

namespace method = control::method;

struct Needed {
    QLatin1StringView method;
    const char* key;
    QJsonValue::Type type;
};

constexpr auto kNeeded = std::to_array<Needed>({
    {method::kStatus, "health", QJsonValue::Object},
    {method::kStatus, "instruments", QJsonValue::Array},
    {method::kStatus, "interfaces", QJsonValue::Array},
    {method::kAdd, "name", QJsonValue::String},
    {method::kStart, "life", QJsonValue::String},
    {method::kStop, "life", QJsonValue::String},
    {method::kRestart, "life", QJsonValue::String},
    {method::kInterfaces, "interfaces", QJsonValue::Array},
    {method::kInterfaces, "devices", QJsonValue::Array},
    {method::kConfigGet, "version", QJsonValue::Double},
    {method::kConfigGet, "config", QJsonValue::Object},
    {method::kConfigApply, "state", QJsonValue::String},
    {method::kConfigRollback, "state", QJsonValue::String},
    {method::kConfigHistory, "versions", QJsonValue::Array},
    {method::kConfigDiff, "changes", QJsonValue::Array},
    {method::kHealth, "status", QJsonValue::String},
    {method::kEventsRead, "events", QJsonValue::Array},
    {method::kLogsRead, "lines", QJsonValue::Array},
    {method::kSelfTest, "results", QJsonValue::Array},
});

int exitCodeOf(rpc::Code code)
{
    switch (code) {
    case rpc::Code::InvalidParams:
        return EX_DATAERR;
    case rpc::Code::Denied:
        return EX_NOPERM;
    case rpc::Code::Busy:
    case rpc::Code::Timeout:
        return EX_TEMPFAIL;
    case rpc::Code::Closed:
        return EX_UNAVAILABLE;
    case rpc::Code::MethodNotFound:
    case rpc::Code::InvalidRequest:
    case rpc::Code::ParseError:
        return EX_PROTOCOL;
    case rpc::Code::Internal:
    case rpc::Code::TooLarge:
        break;
    }
    return EX_SOFTWARE;
}

} // namespace

Failure failureFrom(const rpc::RpcError& error)
{
    const int exitCode = exitCodeOf(error.code);
    QString sentence = error.message;
    if (sentence.trimmed().isEmpty())
        sentence = QStringLiteral("the Sensor refused without a reason; its log may have one");
    if (exitCode == EX_PROTOCOL)
        sentence += QStringLiteral("; are sensorctl and sensord of the same version?");
    return {exitCode, sentence, error};
}

Failure notASensor(const QString& what)
{
    return {EX_PROTOCOL, QStringLiteral("what answers does not speak as a Sensor does: ") + what};
}

Outcome<QJsonObject> checkedAnswer(QLatin1StringView method, const QJsonValue& result)
{
    if (!result.isObject())
        return notASensor(QStringLiteral("the answer to %1 is no object").arg(method));
    const QJsonObject answer = result.toObject();
    for (const Needed& needed : kNeeded)
        if (needed.method == method && answer.value(QLatin1StringView(needed.key)).type() != needed.type)
            return notASensor(QStringLiteral("the answer to %1 lacks '%2'").arg(method, QLatin1StringView(needed.key)));
    return answer;
}

} // namespace beacon::sensorctl
