#include "service/sensor/instrument_log.h"

#include "core/base/log.h"
#include "core/event/event.h"

#include <QFile>

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
    QJsonArray lines;
    LineSplitter& splitter = stream == Stream::Out ? m_out : m_err;
    splitter.feed(std::string_view{chunk.data(), static_cast<std::size_t>(chunk.size())},
        [&](const RawLine& line) { write(stream, line, lines); });
    if (!lines.isEmpty())
        Q_EMIT written(lines);
}

void InstrumentLog::finish()
{
    QJsonArray lines;
    m_out.finish([&](const RawLine& line) { write(Stream::Out, line, lines); });
    m_err.finish([&](const RawLine& line) { write(Stream::Err, line, lines); });
    if (!lines.isEmpty())
        Q_EMIT written(lines);
}

void InstrumentLog::write(Stream stream, const RawLine& line, QJsonArray& lines)
{
    if (line.text.empty())
        return;
    const std::string text = printable(line.text.substr(0, kMostLine));
    const double at = toUnixSeconds(m_clock.wall());
    if (stream == Stream::Err)
        m_lastLine = QString::fromStdString(text);
    append(QByteArray::number(at, 'f', 6) + ' ' + nameOf(stream) + ' ' + QByteArray::fromStdString(text) + '\n');
    lines.append(QJsonObject{{QStringLiteral("at"), at}, {QStringLiteral("stream"), QLatin1StringView{nameOf(stream)}},
        {QStringLiteral("text"), QString::fromStdString(text)}});
}

void InstrumentLog::append(const QByteArray& line)
{
    const QByteArray path = QFile::encodeName(m_path);
    if (m_file && m_bytes + line.size() > kMostBytes) {
        m_file.reset();
        ::rename(path.constData(), (path + ".1").constData());
    }
    if (!m_file) {
        constexpr mode_t kMode = 0640;
        m_file.reset(::open(path.constData(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode));
        struct stat status { };
        m_bytes = m_file && ::fstat(m_file.get(), &status) == 0 ? status.st_size : 0;
    }
    const bool written = m_file && ::write(m_file.get(), line.constData(), static_cast<std::size_t>(line.size())) > 0;
    if (!written && !m_failing)
        log::warning(
            "lines of an Instrument are lost", {{"error", describe(systemError("write " + path.toStdString()))}});
    m_failing = !written;
    m_bytes += line.size();
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
