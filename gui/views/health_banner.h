#pragma once

#include "core/admin/messages.h"

#include <QFrame>

class QLabel;
class QListWidget;
class QToolButton;

namespace beacon::gui {

/// The status word, the worst reason and since when; all reasons and facts on demand. Never by colour alone.
class HealthBanner final : public QFrame {
    Q_OBJECT
public:
    explicit HealthBanner(QWidget* parent = nullptr);
    void setHealth(const admin::Health& health);
    void setUnknown(const QString& why); ///< not connected

private:
    void show(const QString& word, const QString& reason, const char* colour);
    QLabel* m_word;
    QLabel* m_reason;
    QToolButton* m_more;
    QListWidget* m_details;
};

} // namespace beacon::gui
