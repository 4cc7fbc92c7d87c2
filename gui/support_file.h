#pragma once

#include "core/base/result.h"

#include <QDateTime>
#include <QJsonObject>
#include <QString>

namespace beacon {

/// "beacon-support-beacon_0@plant7-20261124T160000Z.json". Of `instrument` only what is safe in a file name.
[[nodiscard]] QString supportFileName(const QString& instrument, const QDateTime& at);

/// All or nothing, readable by its owner only: what was blotted out of it is what is known to be secret.
/// System: it could not be written; what stood there is still there.
[[nodiscard]] Result<> saveSupportFile(const QString& path, const QJsonObject& bundle);

} // namespace beacon
