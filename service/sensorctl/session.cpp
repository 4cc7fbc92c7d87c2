#include "service/sensorctl/session.h"

#include <algorithm>

namespace beacon::sensorctl {

namespace {

constexpr std::size_t kMostAtOnce = 16;

Outcome<QJsonObject> checked(QLatin1StringView method, const Outcome<QJsonValue>& answer)
{
    if (const Failure* failure = failureOf(answer))
        return *failure;
    return checkedAnswer(method, std::get<QJsonValue>(answer));
}

} // namespace

Session::Session(const Values& values)
    : m_values(values)
    , m_output(values.flag("json"))
    , m_socket(socketPath(values))
{
}

Outcome<Connection*> Session::connection()
{
    if (!m_connection) {
        auto opened = Connection::open(m_socket, std::chrono::steady_clock::now() + patience(m_values, {}));
        if (const Failure* failure = failureOf(opened))
            return *failure;
        m_connection.emplace(std::get<Connection>(std::move(opened)));
    }
    return &*m_connection;
}

void Session::disconnect()
{
    m_connection.reset();
}

Outcome<QJsonObject> Session::ask(QLatin1StringView method, const QJsonObject& params)
{
    return std::move(askAll({method, {params}}).front());
}

std::vector<Outcome<QJsonObject>> Session::askAll(const Asking& asking)
{
    std::vector<Outcome<QJsonObject>> answers;
    answers.reserve(asking.params.size());
    const auto opened = connection();
    if (const Failure* failure = failureOf(opened)) {
        answers.assign(asking.params.size(), *failure);
        return answers;
    }
    Connection& connected = *std::get<Connection*>(opened);
    for (std::size_t begin = 0; begin < asking.params.size(); begin += kMostAtOnce) {
        const std::size_t end = std::min(asking.params.size(), begin + kMostAtOnce);
        const Deadline deadline = std::chrono::steady_clock::now() + patience(m_values, asking.method);
        std::vector<Outcome<qint64>> asked;
        for (std::size_t i = begin; i < end; ++i)
            asked.push_back(connected.ask(asking.method, asking.params[i], deadline));
        for (const auto& ticket : asked) {
            const Failure* const unsent = failureOf(ticket);
            answers.push_back(unsent != nullptr
                    ? Outcome<QJsonObject>{*unsent}
                    : checked(asking.method, connected.answerTo(std::get<qint64>(ticket), deadline)));
        }
    }
    return answers;
}

} // namespace beacon::sensorctl
