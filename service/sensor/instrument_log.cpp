#include "service/sensor/instrument_log.h"

#include "core/base/log.h"
#include "core/event/event.h"

#include <QFile>
#include <QMetaMethod>

#include <fcntl.h>
#include <sys/stat.h>

namespace beacon {

namespace {

const char* nameOf(Stream stream)
{
    return stream == Stream::Out ? "stdout" : "stderr";
}

/// "1764000000.123456 err words …"
QJsonObject parse(const QByteArray& line)
{
    const QList<QByteArray> parts = line.split(' ');
    if (parts.size() < 3)
        return {};
    const qsizetype text = parts[0].size() + parts[1].size() + 2;
    return {{QStringLiteral("at"), parts[0].toDouble()}, {QStringLiteral("stream"), QString::fromLatin1(parts[1])},
        {QStringLiteral("text"), QString::fromUtf8(line.mid(text))}};
}

QList<QByteArray> linesOf(const QString& path)
{
    QFile file{path};
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QList<QByteArray> lines = file.read(InstrumentLog::kMostBytes * 2).split('\n');
    lines.removeAll(QByteArray{});
    return lines;
}

} // namespace

InstrumentLog::InstrumentLog(QString path, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_path(std::move(path))
    , m_clock(clock)
{
}

void InstrumentLog::take(Stream stream, const QByteArray& chunk)
{
    LineSplitter& splitter = stream == Stream::Out ? m_out : m_err;
    splitter.feed(std::string_view{chunk.data(), static_cast<std::size_t>(chunk.size())},
        [&](const RawLine& line) { note(stream, line); });
    flush();
}

void InstrumentLog::finish()
{
    m_out.finish([&](const RawLine& line) { note(Stream::Out, line); });
    m_err.finish([&](const RawLine& line) { note(Stream::Err, line); });
    tellLeftOut();
    flush();
}

/// A flood is counted and not kept: it would cost the time of all others, and push out what was said before it.
void InstrumentLog::note(Stream stream, const RawLine& line)
{
    if (line.text.empty())
        return;
    const MonotonicTime now = m_clock.now();
    if (now - m_since >= std::chrono::seconds{1}) {
        tellLeftOut();
        m_since = now;
        m_kept = 0;
    }
    if (++m_kept > kMostASecond) {
        ++m_leftOut;
        return;
    }
    const std::string text = printable(line.text.substr(0, kMostLine));
    if (stream == Stream::Err)
        m_lastLine = QString::fromStdString(text);
    add(nameOf(stream), text);
}

void InstrumentLog::tellLeftOut()
{
    if (const qint64 left = std::exchange(m_leftOut, 0); left > 0)
        add("sensor", std::to_string(left) + " lines came too fast and were left out");
}

void InstrumentLog::add(const char* stream, const std::string& text)
{
    const double at = toUnixSeconds(m_clock.wall());
    m_bytesToWrite += QByteArray::number(at, 'f', 6) + ' ' + stream + ' ' + QByteArray::fromStdString(text) + '\n';
    static const QMetaMethod kWritten = QMetaMethod::fromSignal(&InstrumentLog::written);
    if (isSignalConnected(kWritten))
        m_linesToTell.append(
            QJsonObject{{QStringLiteral("at"), at}, {QStringLiteral("stream"), QLatin1StringView{stream}},
                {QStringLiteral("text"), QString::fromStdString(text)}});
}

void InstrumentLog::flush()
{
    if (!m_bytesToWrite.isEmpty())
        append(std::exchange(m_bytesToWrite, {}));
    if (!m_linesToTell.isEmpty())
        Q_EMIT written(std::exchange(m_linesToTell, {}));
}

void InstrumentLog::append(const QByteArray& lines)
{
    const QByteArray path = QFile::encodeName(m_path);
    if (m_file && m_bytes + lines.size() > kMostBytes) {
        m_file.reset();
        ::rename(path.constData(), (path + ".1").constData());
    }
    if (!m_file) {
        constexpr mode_t kMode = 0640;
        m_file.reset(::open(path.constData(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode));
        struct stat status { };
        m_bytes = m_file && ::fstat(m_file.get(), &status) == 0 ? status.st_size : 0;
    }
    const bool written = m_file && ::write(m_file.get(), lines.constData(), static_cast<std::size_t>(lines.size())) > 0;
    if (!written && !m_failing)
        log::warning(
            "lines of an Instrument are lost", {{"error", describe(systemError("write " + path.toStdString()))}});
    m_failing = !written;
    m_bytes += lines.size();
}

QJsonArray InstrumentLog::last(int count) const
{
    QList<QByteArray> lines = linesOf(m_path + QStringLiteral(".1"));
    lines += linesOf(m_path);
    QJsonArray last;
    for (qsizetype i = std::max<qsizetype>(0, lines.size() - count); i < lines.size(); ++i)
        if (const QJsonObject line = parse(lines[i]); !line.isEmpty())
            last.append(line);
    return last;
}

} // namespace beacon
