#pragma once

#include <QJsonObject>
#include <QString>

#include <optional>

namespace beacon::gui {

/// One `attempt` or `escape` line as a table shows it.
struct Attempt {
    double at = 0; ///< Unix seconds
    quint64 seq = 0;
    bool escape = false;
    QString technique, family, target, via;
    quint16 port = 0; ///< 0: none
    QString outcome; ///< for people: "sent", "no next hop", "local error (EPERM)"
    quint64 rttUs = 0; ///< of an escape
};

/// nullopt: another kind of line.
[[nodiscard]] std::optional<Attempt> attemptFromJson(const QJsonObject& line);
[[nodiscard]] QString clockText(double unixSeconds); ///< local, "14:03:07.123"
[[nodiscard]] QString momentText(double unixSeconds); ///< local, with the date unless it is today
[[nodiscard]] QString familyText(const QString& family); ///< "IPv4"

} // namespace beacon::gui
