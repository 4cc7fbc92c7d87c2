#pragma once

#include "gui/models/self_test_result.h"

#include <QDialog>
#include <QElapsedTimer>
#include <QTimer>

class QLabel;
class QProgressBar;
class QPushButton;
class QTableWidget;

namespace beacon::gui {

/// Shows that a self-test runs and for how long, then what came of it: in large words, in a table, and in figures.
/// Not modal: the attempts go on behind it.
class SelfTestDialog final : public QDialog {
    Q_OBJECT
public:
    explicit SelfTestDialog(QWidget* parent = nullptr);
    void showRunning();
    void showResult(const SelfTest& result);
    void showFailure(const QString& why); ///< there is no result: a sentence
    [[nodiscard]] bool isRunning() const { return m_tick.isActive(); }

Q_SIGNALS:
    void againWanted();

private:
    void showWords(const QString& words, const QString& text, const char* colour);
    void end();
    void tick();
    void fill(const SelfTest& result);

    QLabel* m_words;
    QLabel* m_text;
    QProgressBar* m_progress;
    QTableWidget* m_table;
    QPushButton* m_again;
    QTimer m_tick;
    QElapsedTimer m_since;
};

} // namespace beacon::gui
