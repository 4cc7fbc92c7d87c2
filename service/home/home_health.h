#pragma once

#include "core/base/clock.h"

#include <QJsonObject>
#include <QString>

#include <map>
#include <optional>

namespace beacon {

/// How Home itself is: an owner must not take the silence of a Home that is blind for isolation.
///
/// Pure: what changed is for the caller to publish. Source: design section 6, health.
class HomeHealth {
public:
    enum class Trouble : std::uint8_t { Stopped, InterfaceAbsent, RulesFailed, DatabaseFailed };

    explicit HomeHealth(const Clock& clock)
        : m_clock(clock)
    {
    }

    /// `detail` follows the words of the table.
    void raise(Trouble trouble, const QString& detail = {});
    void clear(Trouble trouble) { m_troubles.erase(trouble); }
    /// Capturing has begun: no longer PENDING.
    void noteWorking() { m_working = true; }

    /// A health event's data where something changed since the last call.
    [[nodiscard]] std::optional<QJsonObject> takeChange();
    /// Of the last change: "OK", "WARNING", "ERROR" or "PENDING", and the worst reason.
    [[nodiscard]] const QString& status() const noexcept { return m_status; }
    [[nodiscard]] QString worstText() const;

private:
    struct Held {
        QString text;
        WallTime since{};
        bool operator==(const Held&) const = default;
    };
    const Clock& m_clock;
    bool m_working = false;
    std::map<Trouble, Held> m_troubles; ///< worst first
    std::map<Trouble, Held> m_told;
    QString m_status = QStringLiteral("PENDING");
};

} // namespace beacon
