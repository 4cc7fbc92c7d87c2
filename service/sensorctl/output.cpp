#include "service/sensorctl/output.h"

#include "service/sensorctl/plain.h"

#include <QJsonArray>

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

namespace beacon::sensorctl {

namespace {

constexpr qsizetype kMostOfASentence = 1'100;
constexpr qsizetype kMostFaults = 50;

/// 0, or errno.
int writeAll(int descriptor, const QByteArray& bytes)
{
    qsizetype written = 0;
    while (written < bytes.size()) {
        const ssize_t count =
            ::write(descriptor, bytes.constData() + written, static_cast<std::size_t>(bytes.size() - written));
        if (count >= 0) {
            written += count;
        } else if (errno == EAGAIN) {
            pollfd wanted{.fd = descriptor, .events = POLLOUT, .revents = 0};
            (void)::poll(&wanted, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

Style styleOfStdout()
{
    Style style;
    if (::isatty(STDOUT_FILENO) == 0)
        return style;
    style.colour = qEnvironmentVariableIsEmpty("NO_COLOR") && qgetenv("TERM") != "dumb";
    winsize size{};
    style.width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    return style;
}

/// Those that the sentence does not tell already.
void addFaults(QString& text, const QString& sentence, const QJsonArray& faults)
{
    for (qsizetype i = 0; i < faults.size() && i < kMostFaults; ++i) {
        const QJsonObject fault = faults.at(i).toObject();
        if (faults.size() == 1 && sentence.contains(fault.value(QLatin1StringView("text")).toString())
            && sentence.contains(fault.value(QLatin1StringView("pointer")).toString()))
            return;
        const QString pointer = harmless(fault.value(QLatin1StringView("pointer")).toString());
        text += QStringLiteral("  ") + (pointer.isEmpty() ? QStringLiteral("(the whole)") : pointer)
            + QStringLiteral(": ") + harmless(fault.value(QLatin1StringView("text")).toString()) + QLatin1Char('\n');
    }
    if (faults.size() > kMostFaults)
        text += QStringLiteral("  and %1 more\n").arg(faults.size() - kMostFaults);
}

QJsonObject errorObject(const rpc::RpcError& answer)
{
    QJsonObject error{
        {QStringLiteral("code"), static_cast<int>(answer.code)}, {QStringLiteral("message"), answer.message}};
    if (!answer.data.isUndefined())
        error.insert(QStringLiteral("data"), answer.data);
    return {{QStringLiteral("error"), error}};
}

} // namespace

Output::Output(bool json)
    : m_style(styleOfStdout())
    , m_json(json)
{
}

void Output::write(const QByteArray& bytes)
{
    if (m_gone || m_broken)
        return;
    const int error = writeAll(STDOUT_FILENO, bytes);
    if (error == EPIPE) {
        m_gone = true;
    } else if (error != 0) {
        m_broken = true;
        remark(QStringLiteral("cannot write to stdout: ") + QString::fromLocal8Bit(std::strerror(error)));
    }
}

void Output::text(const QString& lines)
{
    write(lines.toUtf8());
}

void Output::document(const QJsonValue& value)
{
    write(jsonText(value, true) + '\n');
}

void Output::line(const QJsonValue& value)
{
    write(jsonText(value, false) + '\n');
}

int Output::complain(const Failure& failure)
{
    QString text = QStringLiteral("sensorctl: ") + harmless(failure.sentence, kMostOfASentence) + QLatin1Char('\n');
    if (failure.answer) {
        addFaults(text, failure.sentence, failure.answer->data.toObject().value(QLatin1StringView("faults")).toArray());
        if (m_json)
            document(errorObject(*failure.answer));
    }
    (void)writeAll(STDERR_FILENO, text.toUtf8()); // nowhere to complain
    return failure.exitCode;
}

int Output::exitCode(int soFar) const noexcept
{
    return m_broken ? EX_IOERR : soFar;
}

void remark(const QString& text)
{
    (void)writeAll(
        STDERR_FILENO, (QStringLiteral("sensorctl: ") + harmless(text, kMostOfASentence) + QLatin1Char('\n')).toUtf8());
}

} // namespace beacon::sensorctl
