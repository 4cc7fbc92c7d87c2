#include "service/sensorctl/run.h"

#include "core/platform/control.h"
#include "service/sensorctl/plain.h"
#include "service/sensorctl/show.h"

#include <QJsonArray>

#include <csignal>
#include <initializer_list>
#include <sysexits.h>
#include <unistd.h>

namespace beacon::sensorctl {

namespace {

namespace method = control::method;

volatile std::sig_atomic_t interruptedBy = 0;

void onSignal(int signal)
{
    interruptedBy = signal;
}

/// SIGINT and SIGTERM are held back except while ppoll(2) waits, so that none is lost between a look and the wait.
class Interrupts {
public:
    Interrupts()
    {
        struct sigaction action { };
        action.sa_handler = onSignal;
        ::sigemptyset(&action.sa_mask);
        sigset_t held;
        ::sigemptyset(&held);
        for (const int signal : {SIGINT, SIGTERM}) {
            ::sigaction(signal, &action, nullptr);
            ::sigaddset(&held, signal);
        }
        ::pthread_sigmask(SIG_BLOCK, &held, &m_before);
    }
    [[nodiscard]] const sigset_t& whileWaiting() const noexcept { return m_before; }

private:
    sigset_t m_before{};
};

void print(Output& output, const QJsonArray& items, QString (*lineOf)(const QJsonObject&, const Style&))
{
    for (const auto& item : items) {
        if (output.isGone())
            return;
        if (output.json())
            output.line(item);
        else
            output.text(lineOf(item.toObject(), output.style()));
    }
}

void printMissed(Output& output, const QJsonObject& params)
{
    const qint64 missed = params.value(QLatin1StringView("missed")).toInteger();
    if (missed <= 0)
        return;
    if (output.json())
        output.line(QJsonObject{{QStringLiteral("missed"), missed}});
    else
        output.text(QStringLiteral("… %1 lines were missed\n").arg(missed));
}

} // namespace

int follow(Session& session)
{
    Output& output = session.output();
    const auto asking = askingOf(session.values());
    if (const Failure* failure = failureOf(asking))
        return output.complain(*failure);
    const auto& [asked, params] = std::get<Asking>(asking);
    const bool isLog = asked == method::kLogsRead;
    const auto answer = session.ask(asked, params.front());
    if (const Failure* failure = failureOf(answer))
        return output.complain(*failure);
    const auto connection = session.connection();
    if (const Failure* failure = failureOf(connection))
        return output.complain(*failure);
    if (isLog)
        print(output, std::get<QJsonObject>(answer).value(QLatin1StringView("lines")).toArray(), logLine);
    const Interrupts interrupts;
    const QLatin1StringView wanted = isLog ? method::kLogLines : method::kEventDeliver;
    while (!output.isGone() && output.exitCode(EX_OK) == EX_OK) {
        const auto next = std::get<Connection*>(connection)
                              ->notification(
                                  interrupts.whileWaiting(), [] { return interruptedBy != 0; }, STDOUT_FILENO);
        if (const Failure* failure = failureOf(next))
            return output.complain(*failure);
        const auto& notification = std::get<std::optional<rpc::Notification>>(next);
        if (!notification)
            break;
        if (notification->method != wanted)
            continue;
        printMissed(output, notification->params);
        print(output, notification->params.value(QLatin1StringView(isLog ? "lines" : "events")).toArray(),
            isLog ? logLine : eventLine);
    }
    return output.exitCode(EX_OK);
}

} // namespace beacon::sensorctl
