#include "service/home/home_health.h"

#include "core/event/event.h"

#include <QJsonArray>

#include <array>

namespace beacon {

namespace {

struct Row {
    const char* code;
    Severity severity; ///< High: ERROR, Medium: WARNING
    const char* text;
};

/// By HomeHealth::Trouble.
constexpr auto kRows = std::to_array<Row>({
    {"home_stopped", Severity::High, "Home has stopped: leaks are not seen until it runs again"},
    {"interface_absent", Severity::High, "Home sees nothing: its interface is not there"},
    {"rules_failed", Severity::Medium, "TCP connections to Home cannot complete, other leaks are seen"},
    {"database_failed", Severity::Medium,
        "The database cannot be written; alerts go on, and what is seen waits in memory"},
});

const Row& rowOf(HomeHealth::Trouble trouble)
{
    return kRows[static_cast<std::size_t>(trouble)];
}

} // namespace

void HomeHealth::raise(Trouble trouble, const QString& detail)
{
    const QString words = QString::fromLatin1(rowOf(trouble).text);
    Held& held = m_troubles.try_emplace(trouble, Held{{}, m_clock.wall()}).first->second;
    held.text = detail.isEmpty() ? words : words + QStringLiteral(": ") + detail.left(300);
}

std::optional<QJsonObject> HomeHealth::takeChange()
{
    QString status = m_working ? QStringLiteral("OK") : QStringLiteral("PENDING");
    if (!m_troubles.empty())
        status = rowOf(m_troubles.begin()->first).severity == Severity::High ? QStringLiteral("ERROR")
                                                                             : QStringLiteral("WARNING");
    if (status == m_status && m_troubles == m_told)
        return std::nullopt;
    QJsonArray reasons;
    for (const auto& [trouble, held] : m_troubles) {
        const Row& row = rowOf(trouble);
        reasons.append(QJsonObject{{QStringLiteral("code"), QString::fromLatin1(row.code)},
            {QStringLiteral("severity"), number(row.severity)}, {QStringLiteral("text"), held.text},
            {QStringLiteral("since"), toUnixSeconds(held.since)}});
    }
    m_told = m_troubles;
    const QString before = std::exchange(m_status, status);
    return QJsonObject{
        {QStringLiteral("from"), before}, {QStringLiteral("to"), status}, {QStringLiteral("reasons"), reasons}};
}

QString HomeHealth::worstText() const
{
    return m_troubles.empty() ? QString{} : m_troubles.begin()->second.text;
}

} // namespace beacon
