#pragma once

#include "gui/link/admin_link.h"
#include "gui/models/attempt_model.h"
#include "gui/models/escape_model.h"

#include <QMainWindow>
#include <QTimer>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QStackedWidget;
class QTableView;

namespace beacon::gui {

class BeaconMenu;
class HealthBanner;

/// The window of beacon-admin. What arrives is put into the models 20 times a second.
///
/// Owns: models and views; `link` must outlive it.
class MainWindow final : public QMainWindow {
    Q_OBJECT
public:
    explicit MainWindow(AdminLink& link, QWidget* parent = nullptr);
    [[nodiscard]] AttemptModel& attempts() noexcept { return m_attempts; }
    [[nodiscard]] EscapeModel& escapes() noexcept { return m_escapes; }

private:
    QWidget* makeEscapePart();
    QWidget* makeAttemptPart();
    QWidget* makeControls();
    void connectLink(AdminLink& link);
    void onReceived(const admin::EventBatch& batch);
    void onState(AdminLink::State state, const QString& text);
    void flush();
    void filter();
    void startOver();
    void updateTexts();

    AttemptModel m_attempts;
    EscapeModel m_escapes;
    QList<Attempt> m_pending;
    QTimer m_flush, m_filterSoon;
    HealthBanner* m_health;
    BeaconMenu* m_menu;
    QLabel* m_escapeTitle = nullptr;
    QTableView* m_escapeView = nullptr;
    QTableView* m_attemptView = nullptr;
    QStackedWidget* m_attemptStack = nullptr;
    QLabel* m_empty = nullptr;
    QLineEdit* m_text = nullptr;
    QComboBox* m_outcome = nullptr;
    QCheckBox* m_follow = nullptr;
    QPushButton* m_pause = nullptr;
    QLabel* m_connection;
    QLabel* m_counts;
    QString m_stateText = QStringLiteral("Connecting");
    QString m_instrument;
    double m_lastEscape = 0; ///< Unix seconds
    quint64 m_total = 0;
    quint64 m_missed = 0;
    bool m_connected = false;
};

} // namespace beacon::gui
