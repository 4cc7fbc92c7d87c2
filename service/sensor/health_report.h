#pragma once

#include "core/instrument/health.h"

#include <QJsonObject>
#include <QJsonValue>
#include <QString>

#include <variant>

namespace beacon {

/// What an Instrument said of its health.
struct HealthReport {
    static constexpr qsizetype kMaxBytes = 64 * 1024; ///< as text
    static constexpr std::size_t kMaxReasons = 32; ///< the worst are kept
    static constexpr qsizetype kMaxText = 512, kMaxCode = 64; ///< UTF-16 units; a longer text is cut

    HealthSnapshot snapshot; ///< worst first, each code once
    QJsonObject facts;
};

/// The answer to health.get, or the params of health.changed. A sentence for a person: it is neither, and why.
[[nodiscard]] std::variant<HealthReport, QString> healthReportFrom(const QJsonValue& said, WallTime now);

/// Worst first, then oldest first.
void sortReasons(std::vector<HealthReason>& reasons);

} // namespace beacon
