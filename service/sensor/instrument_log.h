#pragma once

#include "core/base/clock.h"
#include "core/base/unique_fd.h"
#include "core/supervision/line_splitter.h"
#include "core/supervision/process.h"

#include <QJsonArray>
#include <QObject>
#include <QString>

namespace beacon {

/// What an Instrument said on stdout and stderr, kept in a file and the one before it.
///
/// Thread:  the thread that created it; a write is to the page cache.
/// Errors:  a file that cannot be written loses the lines, says so once in our own log, and is tried again.
/// Limits:  lines of kMostLine bytes, made harmless; files of kMostBytes each.
class InstrumentLog final : public QObject {
    Q_OBJECT
public:
    static constexpr qint64 kMostBytes = 1024 * 1024;
    static constexpr std::size_t kMostLine = 4'000;
    static constexpr qint64 kMostASecond = 1'000; ///< lines; the rest is counted

    InstrumentLog(QString path, const Clock& clock, QObject* parent = nullptr);

    void take(Stream stream, const QByteArray& chunk);
    void finish(); ///< the process has ended
    /// The newest `count`, oldest first: [{at, stream, text}].
    [[nodiscard]] QJsonArray last(int count) const;
    [[nodiscard]] QString lastLine() const { return m_lastLine; } ///< of stderr; empty: none

Q_SIGNALS:
    void written(const QJsonArray& lines); ///< the same, as they come

private:
    void note(Stream stream, const RawLine& line);
    void tellLeftOut();
    void add(const char* stream, const std::string& text);
    void flush();
    void append(const QByteArray& lines);

    QString m_path;
    const Clock& m_clock;
    LineSplitter m_out, m_err;
    UniqueFd m_file;
    qint64 m_bytes = 0;
    bool m_failing = false;
    QString m_lastLine;
    QByteArray m_bytesToWrite; ///< of one chunk
    QJsonArray m_linesToTell; ///< the same, where somebody follows
    MonotonicTime m_since{}; ///< of the second that is being counted
    qint64 m_kept = 0, m_leftOut = 0; ///< in it
};

} // namespace beacon
