#pragma once

#include "service/sensorctl/text_table.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>

/// Answers of the control protocol for people: whole lines, harmless, worst first. Pure.
namespace beacon::sensorctl {

[[nodiscard]] QString sensorText(const QJsonObject& status, const Style& style);
[[nodiscard]] QString instrumentText(const QJsonObject& instrument, const Style& style);
[[nodiscard]] QString interfacesText(const QJsonObject& answer, const Style& style);
[[nodiscard]] QString healthText(const QString& name, const QJsonObject& health, const Style& style);
[[nodiscard]] QString selfTestText(const QJsonArray& results, const Style& style);

[[nodiscard]] QString historyText(const QJsonArray& versions, const Style& style);
[[nodiscard]] QString changesText(const QJsonArray& changes, const Style& style);
/// "version 8 of beacon_0 is in force; changed: /rate".
[[nodiscard]] QString appliedText(const QString& target, const QJsonObject& answer);

[[nodiscard]] QString eventLine(const QJsonObject& event, const Style& style);
[[nodiscard]] QString logLine(const QJsonObject& line, const Style& style);

/// ERROR before WARNING, PENDING, STOPPED and OK; what nobody knows comes first.
[[nodiscard]] int rankOf(const QString& status);
[[nodiscard]] bool isStatus(const QString& status);

} // namespace beacon::sensorctl
