#include "gui/command.h"

#include "gui/models/plain_text.h"
#include "gui/models/self_test_result.h"
#include "gui/support_file.h"

#include <QJsonDocument>

#include <cstdio>
#include <sysexits.h>

namespace beacon {

namespace {

QLatin1StringView methodOf(const QString& what)
{
    if (what == QLatin1StringView{"start"})
        return admin::kStartMethod;
    if (what == QLatin1StringView{"stop"})
        return admin::kStopMethod;
    if (what == QLatin1StringView{"restart"})
        return admin::kRestartMethod;
    return what == QLatin1StringView{"self-test"} ? admin::kSelfTestMethod : admin::kBundleMethod;
}

int print(const QByteArray& text)
{
    const bool written = std::fputs((text + '\n').constData(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? EX_OK : EX_IOERR;
}

int complain(const QString& why, int exitCode)
{
    std::fprintf(stderr, "beacon-admin: %s\n", why.toUtf8().constData());
    return exitCode;
}

int exitCodeOf(rpc::Code code)
{
    switch (code) {
    case rpc::Code::Denied:
        return EX_NOPERM;
    case rpc::Code::Closed:
    case rpc::Code::Timeout:
        return EX_UNAVAILABLE;
    case rpc::Code::Busy:
        return EX_TEMPFAIL;
    default:
        return EX_SOFTWARE;
    }
}

} // namespace

Command::Command(AdminLink& link, const QString& what, QString file)
    : m_link(link)
    , m_method(methodOf(what))
    , m_file(std::move(file))
{
    link.setWatching(false);
    connect(&link, &AdminLink::stateChanged, this, &Command::onState);
}

void Command::onState(AdminLink::State state, const QString& why)
{
    if (state == AdminLink::State::Connected)
        m_link.request(m_method, this, [this](const AdminLink::Answer& answer) { onAnswer(answer); });
    else if (state == AdminLink::State::Waiting && !m_ended) // a script is told at once; it is the one to try again
        end(complain(sentence(why), m_link.isLockedOut() ? EX_NOPERM : EX_UNAVAILABLE));
}

void Command::onAnswer(const AdminLink::Answer& answer)
{
    if (m_ended)
        return;
    const auto* const error = std::get_if<rpc::RpcError>(&answer);
    end(error != nullptr ? complain(error->message, exitCodeOf(error->code)) : tell(std::get<QJsonObject>(answer)));
}

int Command::tell(const QJsonObject& answer)
{
    if (m_method == admin::kSelfTestMethod)
        return tellSelfTest(answer);
    if (m_method == admin::kBundleMethod)
        return tellBundle(answer);
    return print(printable(answer.value(QLatin1StringView{"life"}).toString(), 32).toUtf8());
}

int Command::tellSelfTest(const QJsonObject& answer)
{
    const auto result = selfTestFromJson(answer);
    if (!result)
        return complain(sentence(QString::fromStdString(describe(result.error()))), EX_SOFTWARE);
    const int printed = print(QJsonDocument{answer}.toJson(QJsonDocument::Compact));
    return printed == EX_OK && !result->escaped ? EXIT_FAILURE : printed;
}

int Command::tellBundle(const QJsonObject& answer)
{
    if (m_file == QLatin1StringView{"-"})
        return print(QJsonDocument{answer}.toJson(QJsonDocument::Compact));
    if (m_file.isEmpty())
        m_file = supportFileName(m_link.hello().instrument, QDateTime::currentDateTimeUtc());
    if (const auto saved = saveSupportFile(m_file, answer); !saved)
        return complain(sentence(QString::fromStdString(describe(saved.error()))), EX_CANTCREAT);
    return print(m_file.toLocal8Bit());
}

void Command::end(int exitCode)
{
    m_ended = true;
    Q_EMIT finished(exitCode);
}

} // namespace beacon
