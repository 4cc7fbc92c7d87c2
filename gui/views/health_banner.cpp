#include "gui/views/health_banner.h"

#include "core/event/event.h"
#include "gui/models/attempt.h"
#include "gui/models/plain_text.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QToolButton>
#include <QVBoxLayout>

namespace beacon::gui {

namespace {

// White text on each has a contrast above 4.5, in light and dark palettes alike.
const char* colourOf(admin::Status status)
{
    switch (status) {
    case admin::Status::Pending:
        return "#4a5568";
    case admin::Status::Ok:
        return "#1b6e38";
    case admin::Status::Warning:
        return "#9a5200";
    case admin::Status::Error:
        return "#b3261e";
    }
    return "#4a5568";
}

} // namespace

HealthBanner::HealthBanner(QWidget* parent)
    : QFrame(parent)
    , m_word(new QLabel)
    , m_reason(new QLabel)
    , m_more(new QToolButton)
    , m_details(new QListWidget)
{
    setObjectName(QStringLiteral("healthBanner"));
    m_word->setObjectName(QStringLiteral("healthWord"));
    m_reason->setObjectName(QStringLiteral("healthReason"));
    m_reason->setWordWrap(true);
    m_reason->setTextFormat(Qt::PlainText);
    m_more->setText(QStringLiteral("&Details"));
    m_more->setCheckable(true);
    m_more->setEnabled(false);
    m_more->setAccessibleName(QStringLiteral("Show all health reasons"));
    m_details->setAccessibleName(QStringLiteral("Health reasons and facts"));
    m_details->setObjectName(QStringLiteral("healthDetails"));
    m_details->setMaximumHeight(220);
    m_details->setWordWrap(true);
    m_details->setVisible(false);
    connect(m_more, &QToolButton::toggled, m_details, &QWidget::setVisible);

    auto* bar = new QFrame;
    bar->setObjectName(QStringLiteral("healthBar"));
    auto* line = new QHBoxLayout(bar);
    line->setContentsMargins(14, 8, 10, 8);
    line->setSpacing(16);
    line->addWidget(m_word);
    line->addWidget(m_reason, 1);
    line->addWidget(m_more);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(bar);
    column->addWidget(m_details);
    setUnknown(QStringLiteral("Not connected yet"));
}

void HealthBanner::show(const QString& word, const QString& reason, const char* colour)
{
    m_word->setText(word);
    m_reason->setText(reason);
    setAccessibleName(QStringLiteral("Health: %1. %2").arg(word, reason));
    setStyleSheet(
        QStringLiteral("#healthBar { background: %1; border-radius: 6px; }"
                       "#healthBar QLabel, #healthBar QToolButton { color: white; background: transparent; }"
                       "#healthBar QToolButton { border: 1px solid white; border-radius: 4px; padding: 3px 10px; }"
                       "#healthBar QToolButton:focus, #healthBar QToolButton:hover { border: 2px solid white; }"
                       "#healthWord { font-size: 16pt; font-weight: bold; }")
            .arg(QLatin1StringView(colour)));
}

void HealthBanner::setHealth(const admin::Health& health)
{
    QString reason = QStringLiteral("The Beacon is testing and nothing impairs it");
    if (health.status == admin::Status::Pending)
        reason = QStringLiteral("Starting");
    if (!health.reasons.isEmpty()) {
        const admin::HealthReason& worst = health.reasons.first();
        reason = QStringLiteral("%1 (since %2)").arg(worst.text, momentText(toUnixSeconds(worst.since)));
        if (health.reasons.size() > 1)
            reason += QStringLiteral(", and %1 more").arg(health.reasons.size() - 1);
    }
    show(QString(admin::statusName(health.status)), reason, colourOf(health.status));
    m_details->clear();
    for (const admin::HealthReason& each : health.reasons) {
        const std::string_view severity = severityName(each.severity);
        m_details->addItem(QStringLiteral("%1: %2 [%3], since %4")
                               .arg(QString::fromUtf8(severity.data(), static_cast<qsizetype>(severity.size())),
                                   each.text, each.code, momentText(toUnixSeconds(each.since))));
    }
    m_details->addItems(factLines(health.facts));
    m_more->setEnabled(m_details->count() > 0);
}

void HealthBanner::setUnknown(const QString& why)
{
    show(QStringLiteral("UNKNOWN"), why, "#4a5568");
}

} // namespace beacon::gui
