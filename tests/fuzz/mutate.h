#pragma once

#include <QByteArray>
#include <QJsonValue>
#include <QRandomGenerator>

namespace beacon::test {

/// Up to 12 small changes of bytes.
[[nodiscard]] QByteArray mutated(QByteArray bytes, QRandomGenerator& random);

/// The same JSON with one or two members replaced by hostile values, removed, wrapped or doubled: it still parses.
[[nodiscard]] QJsonValue mutated(const QJsonValue& value, QRandomGenerator& random);

} // namespace beacon::test
