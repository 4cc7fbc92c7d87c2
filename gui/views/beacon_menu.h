#pragma once

#include "gui/link/admin_link.h"

#include <QObject>

class QAction;
class QMainWindow;

namespace beacon::gui {

class SelfTestDialog;

/// The menu "Beacon" of the window: start, stop, restart, self-test and support bundle. What cannot be done now is
/// disabled, and its tooltip says why.
///
/// Owns: nothing; actions and dialogs belong to `window`, which must outlive it, as `link` must.
class BeaconMenu final : public QObject {
    Q_OBJECT
public:
    BeaconMenu(AdminLink& link, QMainWindow& window);

Q_SIGNALS:
    void said(const QString& message); ///< what became of a command, in a sentence

private:
    QAction* add(const char* name, const QString& text, const QString& help, void (BeaconMenu::*what)());
    void onHealth(const admin::Health& health);
    void update();
    [[nodiscard]] QString whyNone() const; ///< no command at all is possible; empty: it is
    void allow(QAction* action, const QString& whyNot);

    void start();
    void askWhetherToStop();
    void restart();
    void give(QLatin1StringView method, const QString& done);
    void selfTest();
    void support();
    void askWhereToSave(const QJsonObject& bundle);
    void tellFailure(const QString& title, const QString& why);

    AdminLink& m_link;
    QMainWindow& m_window;
    QAction *m_start, *m_stop, *m_restart, *m_selfTest, *m_support;
    QAction* m_why; ///< shows whyNone() in the menu: a disabled action tells a screen reader nothing
    SelfTestDialog* m_dialog;
    QString m_life; ///< the health fact; empty: not known
    bool m_stoppedByHand = false;
    bool m_asked = false; ///< start, stop or restart: its answer is to come
    bool m_collecting = false; ///< the support bundle is to come
};

} // namespace beacon::gui
