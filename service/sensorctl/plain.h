#pragma once

#include <QByteArray>
#include <QJsonValue>
#include <QString>

#include <cstdint>
#include <vector>

namespace beacon::sensorctl {

/// `text`, which anybody may have written, fit for a terminal: what is no visible character (controls, escapes, marks
/// of direction, ends of lines) is spelled out as \x1b or \u202e; over `most` code points it ends in "…".
[[nodiscard]] QString harmless(const QString& text, qsizetype most = 300);

/// How many columns harmless text takes: 0 for combining marks, 2 for wide East Asian characters.
[[nodiscard]] int columnsOf(const QString& text);

/// Cut to `columns` columns, the last of which is then "…".
[[nodiscard]] QString fitted(const QString& text, int columns);

/// A value as one document that a terminal takes too: what harmless() would spell out is \u00xx in its strings. Ends
/// without a newline. Scalars are written as they are.
[[nodiscard]] QByteArray jsonText(const QJsonValue& value, bool indented);

/// "2026-11-24 20:13:05+01:00" of Unix seconds or RFC 3339 text, in this host's zone; "-" where there is none.
[[nodiscard]] QString localTime(const QJsonValue& time);

/// "3 d 4 h", "12 s".
[[nodiscard]] QString duration(double seconds);

/// A value in one line: strings as they are, numbers in full, the rest as JSON.
[[nodiscard]] QString shortText(const QJsonValue& value);

} // namespace beacon::sensorctl
