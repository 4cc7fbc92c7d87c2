#pragma once

#include <QJsonObject>
#include <QString>
#include <QStringList>

namespace beacon {

/// What came over the socket, fit for a line of a terminal or a label: no control characters, at most `most`
/// characters.
[[nodiscard]] QString printable(const QString& text, qsizetype most = 300);

/// The same with a full stop.
[[nodiscard]] QString sentence(const QString& text);

/// Health facts for a person, one line each: "default routes: 192.0.2.1, on the link (IPv6)", "interface: name eth1;
/// carrier yes". At most 200 lines.
[[nodiscard]] QStringList factLines(const QJsonObject& facts);

} // namespace beacon
