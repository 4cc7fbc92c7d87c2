#include "gui/views/beacon_menu.h"

#include "gui/models/plain_text.h"
#include "gui/support_file.h"
#include "gui/views/self_test_dialog.h"

#include <QAction>
#include <QDir>
#include <QFileDialog>
#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>
#include <QMessageBox>
#include <QPushButton>

#include <algorithm>
#include <utility>

namespace beacon::gui {

namespace {

constexpr auto kStoppedReason = QLatin1StringView("beacon_stopped"); // kReasonTable, core/instrument/health.cpp

} // namespace

BeaconMenu::BeaconMenu(AdminLink& link, QMainWindow& window)
    : QObject(&window)
    , m_link(link)
    , m_window(window)
    , m_dialog(new SelfTestDialog(&window))
{
    QMenu* menu = window.menuBar()->addMenu(QStringLiteral("&Beacon"));
    menu->setObjectName(QStringLiteral("beaconMenu"));
    menu->setToolTipsVisible(true);
    m_why = menu->addAction(QString());
    m_why->setObjectName(QStringLiteral("beaconWhyNot"));
    m_why->setEnabled(false);
    m_start =
        add("beaconStart", QStringLiteral("&Start"), QStringLiteral("Let the Beacon test again"), &BeaconMenu::start);
    m_stop = add("beaconStop", QStringLiteral("St&op…"), QStringLiteral("Stop testing until it is started again"),
        &BeaconMenu::askWhetherToStop);
    m_restart = add("beaconRestart", QStringLiteral("&Restart"), QStringLiteral("End the Beacon and start it anew"),
        &BeaconMenu::restart);
    menu->addSeparator();
    m_selfTest = add("beaconSelfTest", QStringLiteral("Self-&test"),
        QStringLiteral("Prove in a throwaway network of its own that the Beacon finds a leak"), &BeaconMenu::selfTest);
    m_selfTest->setShortcut(QKeySequence(Qt::CTRL | Qt::Key_T));
    m_support = add("beaconSupport", QStringLiteral("Save support &bundle…"),
        QStringLiteral("Save what whoever helps from afar needs to see; secrets are blotted out"),
        &BeaconMenu::support);
    m_support->setShortcut(QKeySequence::Save);
    connect(m_dialog, &SelfTestDialog::againWanted, this, &BeaconMenu::selfTest);
    connect(&link, &AdminLink::healthChanged, this, &BeaconMenu::onHealth);
    connect(&link, &AdminLink::stateChanged, this, [this](AdminLink::State state) {
        if (state != AdminLink::State::Connected)
            m_life.clear(); // it may change unseen
        update();
    });
    update();
}

QAction* BeaconMenu::add(const char* name, const QString& text, const QString& help, void (BeaconMenu::*what)())
{
    auto* menu = m_window.findChild<QMenu*>(QStringLiteral("beaconMenu"));
    QAction* action = menu->addAction(text);
    action->setObjectName(QLatin1StringView{name});
    action->setStatusTip(help);
    connect(action, &QAction::triggered, this, what);
    return action;
}

void BeaconMenu::onHealth(const admin::Health& health)
{
    m_life = health.facts.value(QLatin1StringView{"life"}).toString();
    m_stoppedByHand = std::ranges::any_of(
        health.reasons, [](const admin::HealthReason& reason) { return reason.code == kStoppedReason; });
    update();
}

QString BeaconMenu::whyNone() const
{
    if (m_link.state() != AdminLink::State::Connected)
        return QStringLiteral("Not connected to an Instrument");
    if (!m_link.isAdmin())
        return QStringLiteral("Only for members of the group beacon-admin; you may watch");
    return {};
}

void BeaconMenu::allow(QAction* action, const QString& whyNot)
{
    action->setEnabled(whyNot.isEmpty());
    action->setToolTip(whyNot.isEmpty() ? action->statusTip() : whyNot);
}

void BeaconMenu::update()
{
    const QString none = whyNone();
    m_why->setVisible(!none.isEmpty());
    m_why->setText(none);
    const QString unknown = !none.isEmpty() ? none
        : m_asked                           ? QStringLiteral("The Instrument has not answered yet")
        : m_life.isEmpty()                  ? QStringLiteral("It is not known whether the Beacon runs")
                                            : QString();
    const bool stopped = m_stoppedByHand || m_life == QLatin1StringView{"stopped"};
    const auto unless = [&unknown](bool hinders, const char* why) {
        return !unknown.isEmpty() ? unknown : hinders ? QString(QLatin1StringView{why}) : QString();
    };
    allow(m_start, unless(!stopped, "The Beacon is not stopped"));
    allow(m_stop, unless(m_stoppedByHand, "The Beacon is stopped already"));
    allow(m_restart, unless(stopped, "The Beacon is stopped: start it"));
    allow(m_selfTest, none);
    allow(m_support, none.isEmpty() && m_collecting ? QStringLiteral("The support bundle is being collected") : none);
}

void BeaconMenu::start()
{
    give(admin::kStartMethod, QStringLiteral("Started by hand"));
}

void BeaconMenu::restart()
{
    give(admin::kRestartMethod, QStringLiteral("Restarted by hand"));
}

void BeaconMenu::askWhetherToStop()
{
    auto* box = new QMessageBox(QMessageBox::Warning, QStringLiteral("Stop the Beacon"),
        QStringLiteral("Nothing is tested while the Beacon of %1 is stopped.")
            .arg(printable(m_link.hello().instrument, 80)),
        QMessageBox::NoButton, &m_window);
    box->setObjectName(QStringLiteral("stopQuestion"));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setTextFormat(Qt::PlainText);
    const QPushButton* stop = box->addButton(QStringLiteral("&Stop it"), QMessageBox::DestructiveRole);
    QPushButton* keep = box->addButton(QStringLiteral("&Keep testing"), QMessageBox::RejectRole);
    box->setDefaultButton(keep);
    box->setEscapeButton(keep);
    connect(box, &QMessageBox::buttonClicked, this, [this, stop](const QAbstractButton* button) {
        if (button == stop)
            give(admin::kStopMethod, QStringLiteral("Stopped by hand"));
    });
    box->open();
}

void BeaconMenu::give(QLatin1StringView method, const QString& done)
{
    m_asked = true;
    update();
    m_link.request(method, this, [this, done](const AdminLink::Answer& answer) {
        m_asked = false;
        update();
        if (const auto* const error = std::get_if<rpc::RpcError>(&answer))
            return tellFailure(QStringLiteral("The command failed"), error->message);
        const QString life = std::get<QJsonObject>(answer).value(QLatin1StringView{"life"}).toString();
        Q_EMIT said(QStringLiteral("%1: the Beacon is %2.").arg(done, printable(life, 32)));
    });
}

void BeaconMenu::selfTest()
{
    if (!whyNone().isEmpty() && !m_dialog->isRunning()) // "Run again" without a connection
        return m_dialog->showFailure(sentence(whyNone()));
    m_dialog->show();
    m_dialog->raise();
    m_dialog->activateWindow();
    if (m_dialog->isRunning())
        return;
    m_dialog->showRunning();
    Q_EMIT said(QStringLiteral("The self-test runs."));
    m_link.request(admin::kSelfTestMethod, this, [this](const AdminLink::Answer& answer) {
        if (const auto* const error = std::get_if<rpc::RpcError>(&answer)) {
            m_dialog->showFailure(error->message);
            return Q_EMIT said(QStringLiteral("The self-test has no result: ") + error->message);
        }
        const auto result = selfTestFromJson(std::get<QJsonObject>(answer));
        if (!result)
            return m_dialog->showFailure(sentence(QString::fromStdString(describe(result.error()))));
        m_dialog->showResult(*result);
        Q_EMIT said(QStringLiteral("Self-test: %1.").arg(headline(*result)));
    });
}

void BeaconMenu::support()
{
    m_collecting = true;
    update();
    Q_EMIT said(QStringLiteral("Collecting the support bundle."));
    m_link.request(admin::kBundleMethod, this, [this](const AdminLink::Answer& answer) {
        m_collecting = false;
        update();
        if (const auto* const error = std::get_if<rpc::RpcError>(&answer))
            return tellFailure(QStringLiteral("No support bundle"), error->message);
        askWhereToSave(std::get<QJsonObject>(answer));
    });
}

void BeaconMenu::askWhereToSave(const QJsonObject& bundle)
{
    auto* dialog = new QFileDialog(
        &m_window, QStringLiteral("Save support bundle"), QDir::homePath(), QStringLiteral("JSON (*.json)"));
    dialog->setObjectName(QStringLiteral("saveBundle"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("json"));
    dialog->selectFile(supportFileName(m_link.hello().instrument, QDateTime::currentDateTimeUtc()));
    connect(dialog, &QFileDialog::fileSelected, this, [this, bundle](const QString& path) {
        if (const auto saved = saveSupportFile(path, bundle); !saved)
            return tellFailure(QStringLiteral("The support bundle is not saved"),
                sentence(QString::fromStdString(describe(saved.error()))));
        Q_EMIT said(QStringLiteral("The support bundle is saved as %1.").arg(path));
    });
    dialog->open();
}

void BeaconMenu::tellFailure(const QString& title, const QString& why)
{
    Q_EMIT said(title + QStringLiteral(": ") + why);
    auto* box = new QMessageBox(QMessageBox::Warning, title, why, QMessageBox::Ok, &m_window);
    box->setObjectName(QStringLiteral("failure"));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setTextFormat(Qt::PlainText); // it came over the socket
    box->open();
}

} // namespace beacon::gui
