#pragma once

#include "core/instrument/manifest.h"
#include "service/sensor/configurations.h"
#include "service/sensor/sensor_document.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>

#include <functional>
#include <initializer_list>

/// Edits of the Sensor's document, as JSON: what is wrong with the outcome, its own reader tells.
///
/// Errors: BadInput, whose context is one sentence for a person.
namespace beacon {

inline constexpr auto kInstrumentsKey = QLatin1StringView("instruments");
inline constexpr auto kInterfacesKey = QLatin1StringView("interfaces");
inline constexpr auto kNameKey = QLatin1StringView("name");

[[nodiscard]] Error wrong(const QString& sentence);
[[nodiscard]] qsizetype indexOf(const QJsonArray& objects, const QString& name); ///< -1: none has that name

/// Edits the object of that name in an array of the document.
[[nodiscard]] Result<> editNamed(QJsonObject& document, QLatin1StringView array, const QString& name,
    const std::function<Result<>(QJsonObject&)>& edit);
[[nodiscard]] Result<> removeNamed(QJsonObject& document, QLatin1StringView array, const QString& name);

/// "eth0", "eth1" … where none is said.
[[nodiscard]] QJsonObject withName(QJsonObject attachment, const QJsonArray& others);
[[nodiscard]] QJsonObject without(QJsonObject object, std::initializer_list<const char*> keys);

/// What the manifest of whoever gets an attachment says of it: a passive one may not send where nobody asks for it, and
/// one that must send cannot do with less.
[[nodiscard]] Result<QJsonObject> fitted(
    QJsonObject attachment, const Manifest& manifest, const SensorDocument& document);

/// With words of our own where none were given.
[[nodiscard]] Configurations::Change changeFor(Configurations::Change change, const QString& why);

} // namespace beacon
