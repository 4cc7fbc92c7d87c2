#pragma once

#include "core/rpc/message.h"

#include <QJsonObject>
#include <QString>

#include <optional>
#include <variant>

namespace beacon::sensorctl {

/// Why a command ends without its result.
struct Failure {
    int exitCode = 0;
    QString sentence; ///< for a person, without a full stop; not yet made harmless
    std::optional<rpc::RpcError> answer{}; ///< where a Sensor said so
};

/// A result, or why there is none.
template <class T> using Outcome = std::variant<T, Failure>;

template <class T> [[nodiscard]] const Failure* failureOf(const Outcome<T>& outcome)
{
    return std::get_if<Failure>(&outcome);
}

/// What a Sensor's refusal means for a script: the table in service/sensor/README.md.
[[nodiscard]] Failure failureFrom(const rpc::RpcError& error);

/// 76: what came is not what `method` answers.
[[nodiscard]] Failure notASensor(const QString& what);

/// Checks that an answer has the keys, of the right kinds, that everything here builds upon.
[[nodiscard]] Outcome<QJsonObject> checkedAnswer(QLatin1StringView method, const QJsonValue& result);

} // namespace beacon::sensorctl
