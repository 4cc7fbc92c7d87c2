#pragma once

#include "core/base/result.h"

#include <QJsonObject>
#include <QList>
#include <QString>

namespace beacon {

/// What selftest.run answers. The drill is a known positive: the Beacon must escape from it.
struct SelfTest {
    struct Technique {
        QString name;
        qint64 attempts = 0;
        qint64 recognised = 0; ///< at the drill's Home
        qint64 escapes = 0; ///< Home's answer came back
        [[nodiscard]] bool arrived() const noexcept { return recognised > 0; }
    };
    bool escaped = false;
    bool twoWay = false;
    bool foreign = false; ///< not our Beacon: nothing is known of its techniques
    qint64 attempts = 0, recognised = 0, escapes = 0;
    qint64 frames = 0; ///< that arrived; foreign Beacons
    double seconds = 0;
    QString reason; ///< where it did not escape
    QList<Technique> techniques; ///< at most 64, by name
};
/// BadInput: it does not say whether the Beacon escaped. Whatever else is missing or of another kind reads 0.
[[nodiscard]] Result<SelfTest> selfTestFromJson(const QJsonObject& object);

/// "Escaped: the Beacon finds a leak" or its contrary.
[[nodiscard]] QString headline(const SelfTest& result);
/// Figures, and where it did not escape the reason, in sentences.
[[nodiscard]] QString figures(const SelfTest& result);

} // namespace beacon
