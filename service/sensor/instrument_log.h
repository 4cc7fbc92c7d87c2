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

    InstrumentLog(QString path, const Clock& clock, QObject* parent = nullptr);

    void take(Stream stream, const QByteArray& chunk);
    void finish(); ///< the process has ended
    /// The newest `count`, oldest first: [{at, stream, text}].
    [[nodiscard]] QJsonArray last(int count) const;
    [[nodiscard]] QString lastLine() const { return m_lastLine; } ///< of stderr; empty: none

Q_SIGNALS:
    void written(const QJsonArray& lines); ///< the same, as they come

private:
    void write(Stream stream, const RawLine& line, QJsonArray& lines);
    void append(const QByteArray& line);

    QString m_path;
    const Clock& m_clock;
    LineSplitter m_out, m_err;
    UniqueFd m_file;
    qint64 m_bytes = 0;
    bool m_failing = false;
    QString m_lastLine;
};

} // namespace beacon
