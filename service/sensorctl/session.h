#pragma once

#include "service/sensorctl/connection.h"
#include "service/sensorctl/output.h"
#include "service/sensorctl/requests.h"

#include <optional>

namespace beacon::sensorctl {

/// One run of sensorctl: what was asked for, where results go, and the connection, made when it is first needed.
class Session {
public:
    explicit Session(const Values& values);

    [[nodiscard]] const Values& values() const noexcept { return m_values; }
    [[nodiscard]] Output& output() noexcept { return m_output; }

    /// Waits for the answer, and checks its kind.
    [[nodiscard]] Outcome<QJsonObject> ask(QLatin1StringView method, const QJsonObject& params);
    /// All at once, at most 16 at a time; the answers in the order of `params`.
    [[nodiscard]] std::vector<Outcome<QJsonObject>> askAll(const Asking& asking);
    /// ask(), and the connection that goes on after it.
    [[nodiscard]] Outcome<Connection*> connection();
    void disconnect(); ///< the next request connects anew

private:
    const Values& m_values;
    Output m_output;
    QString m_socket;
    std::optional<Connection> m_connection;
};

} // namespace beacon::sensorctl
