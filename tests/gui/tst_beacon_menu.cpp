#include "gui/views/main_window.h"

#include "gui/views/self_test_dialog.h"
#include "tests/support/fake_instrument.h"

#include <QAction>
#include <QFile>
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMenu>
#include <QMessageBox>
#include <QProgressBar>
#include <QPushButton>
#include <QSet>
#include <QStatusBar>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>

#include <optional>

using namespace beacon;
using namespace beacon::gui;

namespace {

constexpr const char* kActions[] = {"beaconStart", "beaconStop", "beaconRestart", "beaconSelfTest", "beaconSupport"};

const QJsonObject kEscaped{{QStringLiteral("escaped"), true}, {QStringLiteral("two_way"), true},
    {QStringLiteral("attempts"), 16}, {QStringLiteral("recognised"), 16}, {QStringLiteral("escapes"), 14},
    {QStringLiteral("seconds"), 2.5},
    {QStringLiteral("techniques"),
        QJsonObject{{QStringLiteral("DnsQuery"),
                        QJsonObject{{QStringLiteral("attempts"), 4}, {QStringLiteral("recognised"), 4},
                            {QStringLiteral("escapes"), 2}}},
            {QStringLiteral("TcpConnection"),
                QJsonObject{{QStringLiteral("attempts"), 12}, {QStringLiteral("recognised"), 0},
                    {QStringLiteral("escapes"), 0}}}}}};

} // namespace

class TestBeaconMenu : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void everyActionHasAMnemonicOfItsOwn();
    void whoMayOnlyWatchIsToldWhichGroup();
    void withoutAConnectionNothingCanBeAsked();
    void whatCanBeDoneFollowsTheLife_data();
    void whatCanBeDoneFollowsTheLife();
    void stopAsksFirst();
    void aCommandThatIsRefusedSaysWhy();
    void oneCommandAtATime();
    void aSelfTestShowsThatItRunsAndWhatCameOfIt();
    void aSelfTestThatDidNotEscapeSaysSo();
    void aSelfTestMayBeClosedAndComesBack();
    void aConnectionThatEndsInMidSelfTestIsNoResult();
    void theBundleIsSaved();
    void aBundleThatCannotBeSavedIsSaid();
    void theFactsAreLegible();

private:
    QTemporaryDir m_directory;
    std::unique_ptr<test::FakeInstrument> m_instrument;
    std::unique_ptr<AdminLink> m_link;
    std::unique_ptr<MainWindow> m_window;
    QStringList m_asked;
    std::optional<rpc::Responder> m_responder;

    QAction* action(const char* name) const { return m_window->findChild<QAction*>(QLatin1StringView{name}); }
    SelfTestDialog* dialog() const { return m_window->findChild<SelfTestDialog*>(); }
    QString label(const char* name) const { return dialog()->findChild<QLabel*>(QLatin1StringView{name})->text(); }
    template <class Box> Box* open(const char* name) const
    {
        for (Box* box : m_window->findChildren<Box*>(QLatin1StringView{name}))
            if (box->isVisible()) // an earlier one may be on its way out
                return box;
        return nullptr;
    }
    QString message() const { return m_window->statusBar()->currentMessage(); }
    void connectAs(admin::Role role)
    {
        m_instrument->setRole(role);
        m_instrument->start();
        m_instrument->feed().setCommands(
            [this](rpc::Peer&, admin::Role, const QString& method, const QJsonObject&, rpc::Responder responder) {
                m_asked << method;
                m_responder = std::move(responder);
            });
        m_link->start();
        QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    }
    void setLife(const char* life, bool stoppedByHand = false)
    {
        admin::Health health;
        health.facts = {{QStringLiteral("life"), QLatin1StringView{life}}};
        if (stoppedByHand)
            health.reasons.append({QStringLiteral("beacon_stopped"), Severity::High, QStringLiteral("Stopped"), {}});
        bool told = false;
        const auto once = connect(m_link.get(), &AdminLink::healthChanged, this,
            [&](const admin::Health& now) { told = told || now == health; });
        m_instrument->feed().setHealth(health);
        QTRY_VERIFY(told);
        disconnect(once);
    }
    void answer(const QJsonObject& object)
    {
        QTRY_VERIFY(m_responder);
        m_responder->answer(object);
        m_responder.reset();
    }
    void answerLife(const char* life) { answer({{QStringLiteral("life"), QLatin1StringView{life}}}); }
};

void TestBeaconMenu::init()
{
    m_asked.clear();
    m_responder.reset();
    const QString path = m_directory.filePath(QStringLiteral("admin.sock"));
    m_instrument = std::make_unique<test::FakeInstrument>(path);
    m_link = std::make_unique<AdminLink>(path);
    m_window = std::make_unique<MainWindow>(*m_link);
    m_window->show();
}

void TestBeaconMenu::cleanup()
{
    m_responder.reset();
    m_window.reset();
    m_link.reset();
    m_instrument.reset();
}

void TestBeaconMenu::everyActionHasAMnemonicOfItsOwn()
{
    QSet<QChar> keys;
    for (const char* name : kActions) {
        const QString text = action(name)->text();
        const auto at = text.indexOf(QLatin1Char{'&'});
        QVERIFY2(at >= 0, qPrintable(text));
        keys.insert(text.at(at + 1).toUpper());
        QVERIFY2(!action(name)->toolTip().isEmpty() && !action(name)->statusTip().isEmpty(), name);
    }
    QCOMPARE(keys.size(), qsizetype(std::size(kActions)));
    QCOMPARE(action("beaconSelfTest")->shortcut(), QKeySequence(QStringLiteral("Ctrl+T")));
    QCOMPARE(action("beaconSupport")->shortcut(), QKeySequence(QStringLiteral("Ctrl+S")));
    QVERIFY(m_window->findChild<QMenu*>(QStringLiteral("beaconMenu"))->toolTipsVisible());
}

void TestBeaconMenu::whoMayOnlyWatchIsToldWhichGroup()
{
    connectAs(admin::Role::Observer);
    setLife("running");
    for (const char* name : kActions) {
        QVERIFY2(!action(name)->isEnabled(), name);
        QVERIFY2(action(name)->toolTip().contains(QStringLiteral("beacon-admin")), qPrintable(action(name)->toolTip()));
        action(name)->trigger(); // nor by its shortcut
    }
    QVERIFY(action("beaconWhyNot")->isVisible());
    QVERIFY(action("beaconWhyNot")->text().contains(QStringLiteral("beacon-admin")));
    setLife("stopped", true); // whatever else changes
    for (const char* name : kActions)
        QVERIFY2(!action(name)->isEnabled(), name);
    QVERIFY(m_asked.isEmpty());
}

void TestBeaconMenu::withoutAConnectionNothingCanBeAsked()
{
    for (const char* name : kActions)
        QVERIFY2(
            !action(name)->isEnabled() && action(name)->toolTip().startsWith(QStringLiteral("Not connected")), name);
    connectAs(admin::Role::Admin);
    setLife("running");
    QVERIFY(action("beaconStop")->isEnabled() && action("beaconSelfTest")->isEnabled());
    QVERIFY(!action("beaconWhyNot")->isVisible());
    m_instrument->hangUp();
    QTRY_VERIFY(!action("beaconStop")->isEnabled());
    for (const char* name : kActions)
        QVERIFY2(!action(name)->isEnabled(), name);
}

void TestBeaconMenu::whatCanBeDoneFollowsTheLife_data()
{
    QTest::addColumn<QByteArray>("life");
    QTest::addColumn<bool>("byHand");
    QTest::addColumn<bool>("start");
    QTest::addColumn<bool>("stop");
    QTest::addColumn<bool>("restart");
    const auto row = [](const char* name, const char* life, bool byHand, bool start, bool stop, bool restart) {
        QTest::newRow(name) << QByteArray(life) << byHand << start << stop << restart;
    };
    row("one that runs is not started", "running", false, false, true, true);
    row("one that starts may be stopped", "starting", false, false, true, true);
    row("one that waits is to be started by itself", "waiting", false, false, true, true);
    row("one that is held may be tried again", "held", false, false, true, true);
    row("one that is stopped by hand is only started", "stopped", true, true, false, false);
    row("one that is being stopped by hand too", "stopping", true, true, false, false);
    row("one that waits for its interface may be stopped for good", "stopped", false, true, true, false);
    row("of one that is not known nothing is offered", "", false, false, false, false);
}

void TestBeaconMenu::whatCanBeDoneFollowsTheLife()
{
    QFETCH(QByteArray, life);
    QFETCH(bool, byHand);
    connectAs(admin::Role::Admin);
    setLife("failing"); // so that each row is a change
    setLife(life.constData(), byHand);
    QTEST(action("beaconStart")->isEnabled(), "start");
    QTEST(action("beaconStop")->isEnabled(), "stop");
    QTEST(action("beaconRestart")->isEnabled(), "restart");
    QVERIFY(action("beaconSelfTest")->isEnabled());
    QVERIFY(action("beaconSupport")->isEnabled());
}

void TestBeaconMenu::stopAsksFirst()
{
    connectAs(admin::Role::Admin);
    setLife("running");
    action("beaconStop")->trigger();
    auto* box = open<QMessageBox>("stopQuestion");
    QVERIFY(box);
    QCOMPARE(box->text(), QStringLiteral("Nothing is tested while the Beacon of beacon_0@plant7 is stopped."));
    QTest::keyClick(box, Qt::Key_Return); // in haste: it goes on testing
    QTRY_VERIFY(!open<QMessageBox>("stopQuestion"));
    action("beaconStop")->trigger();
    QTest::keyClick(open<QMessageBox>("stopQuestion"), Qt::Key_Escape);
    QTRY_VERIFY(!open<QMessageBox>("stopQuestion"));
    action("beaconStop")->trigger();
    for (QAbstractButton* button : open<QMessageBox>("stopQuestion")->buttons())
        if (button->text() == QStringLiteral("&Stop it"))
            button->click();
    answerLife("stopping");
    QTRY_COMPARE(message(), QStringLiteral("Stopped by hand: the Beacon is stopping."));
    QCOMPARE(m_asked, QStringList{QStringLiteral("beacon.stop")});
}

void TestBeaconMenu::aCommandThatIsRefusedSaysWhy()
{
    connectAs(admin::Role::Admin);
    setLife("stopped", true);
    action("beaconStart")->trigger();
    QTRY_VERIFY(m_responder);
    m_responder->fail(rpc::Code::Denied, QStringLiteral("It is for <b>others</b>"));
    QTRY_VERIFY(open<QMessageBox>("failure"));
    QCOMPARE(open<QMessageBox>("failure")->text(), QStringLiteral("It is for <b>others</b>."));
    QCOMPARE(open<QMessageBox>("failure")->textFormat(), Qt::PlainText);
    QVERIFY(message().contains(QStringLiteral("It is for <b>others</b>.")));
    QVERIFY(action("beaconStart")->isEnabled()); // to be tried again
}

void TestBeaconMenu::oneCommandAtATime()
{
    connectAs(admin::Role::Admin);
    setLife("running");
    action("beaconRestart")->trigger();
    QVERIFY(!action("beaconRestart")->isEnabled() && !action("beaconStop")->isEnabled());
    answerLife("restarting");
    QTRY_VERIFY(action("beaconRestart")->isEnabled());
    QCOMPARE(message(), QStringLiteral("Restarted by hand: the Beacon is restarting."));
    setLife("stopped", true);
    action("beaconStart")->trigger();
    answerLife("starting");
    QTRY_COMPARE(message(), QStringLiteral("Started by hand: the Beacon is starting."));
    QCOMPARE(m_asked, (QStringList{QStringLiteral("beacon.restart"), QStringLiteral("beacon.start")}));
}

void TestBeaconMenu::aSelfTestShowsThatItRunsAndWhatCameOfIt()
{
    connectAs(admin::Role::Admin);
    action("beaconSelfTest")->trigger();
    QVERIFY(dialog()->isVisible() && !dialog()->isModal());
    QCOMPARE(label("selfTestWords"), QStringLiteral("The self-test runs"));
    QVERIFY(dialog()->findChild<QProgressBar*>()->isVisible());
    action("beaconSelfTest")->trigger(); // shows the one that runs
    answer(kEscaped);
    QTRY_COMPARE(label("selfTestWords"), QStringLiteral("Escaped: this Beacon finds a leak"));
    QVERIFY(!dialog()->findChild<QProgressBar*>()->isVisible());
    QVERIFY(
        label("selfTestText").startsWith(QStringLiteral("16 attempts, 16 recognised at Home, 14 escapes, in 2.5 s")));
    const auto* table = dialog()->findChild<QTableWidget*>();
    QVERIFY(table->isVisible());
    QCOMPARE(table->rowCount(), 2);
    const auto row = [&](int at) {
        QStringList cells;
        for (int column = 0; column < table->columnCount(); ++column)
            cells << table->item(at, column)->text();
        return cells.join(QLatin1Char{' '});
    };
    QCOMPARE(row(0), QStringLiteral("DnsQuery 4 4 2 arrived"));
    QCOMPARE(row(1), QStringLiteral("TcpConnection 12 0 0 DID NOT ARRIVE"));
    QCOMPARE(message(), QStringLiteral("Self-test: Escaped: this Beacon finds a leak."));
    QVERIFY(dialog()->accessibleDescription().startsWith(QStringLiteral("Escaped")));
    QCOMPARE(m_asked, QStringList{QStringLiteral("selftest.run")});
    for (auto* button : dialog()->findChildren<QPushButton*>())
        if (button->text() == QStringLiteral("Run &again"))
            button->click();
    QTRY_COMPARE(m_asked.size(), 2);
    QCOMPARE(label("selfTestWords"), QStringLiteral("The self-test runs"));
    QVERIFY(!table->isVisible()); // the earlier result does not pass for this one's
}

void TestBeaconMenu::aSelfTestThatDidNotEscapeSaysSo()
{
    connectAs(admin::Role::Admin);
    action("beaconSelfTest")->trigger();
    answer({{QStringLiteral("escaped"), false}, {QStringLiteral("reason"), QStringLiteral("<i>nothing</i> arrived")}});
    QTRY_COMPARE(label("selfTestWords"), QStringLiteral("Did not escape: its silence proves nothing"));
    QVERIFY(label("selfTestText").startsWith(QStringLiteral("<i>nothing</i> arrived.")));
    QCOMPARE(dialog()->findChild<QLabel*>(QStringLiteral("selfTestText"))->textFormat(), Qt::PlainText);
    action("beaconSelfTest")->trigger();
    answer({{QStringLiteral("life"), QStringLiteral("running")}});
    QTRY_COMPARE(label("selfTestWords"), QStringLiteral("No result"));
    action("beaconSelfTest")->trigger();
    QTRY_VERIFY(m_responder);
    m_responder->fail(rpc::Code::Busy, QStringLiteral("A self-test is under way; wait for its end"));
    QTRY_COMPARE(label("selfTestText"), QStringLiteral("A self-test is under way; wait for its end."));
}

void TestBeaconMenu::aSelfTestMayBeClosedAndComesBack()
{
    connectAs(admin::Role::Admin);
    action("beaconSelfTest")->trigger();
    dialog()->close();
    QVERIFY(!dialog()->isVisible());
    m_instrument->attempt(0); // the window goes on meanwhile
    QTRY_COMPARE(m_window->attempts().rowCount(), 1);
    answer(kEscaped);
    QTRY_VERIFY(dialog()->isVisible());
    QVERIFY(label("selfTestWords").startsWith(QStringLiteral("Escaped")));
}

void TestBeaconMenu::aConnectionThatEndsInMidSelfTestIsNoResult()
{
    connectAs(admin::Role::Admin);
    action("beaconSelfTest")->trigger();
    QTRY_VERIFY(m_responder);
    m_instrument->hangUp();
    QTRY_COMPARE(label("selfTestWords"), QStringLiteral("No result"));
    QVERIFY(label("selfTestText").contains(QStringLiteral("ended before it had answered")));
    QVERIFY(!dialog()->isRunning());
    for (auto* button : dialog()->findChildren<QPushButton*>())
        if (button->text() == QStringLiteral("Run &again"))
            button->click();
    QCOMPARE(label("selfTestText"), QStringLiteral("Not connected to an Instrument."));
    m_responder.reset();
    m_instrument->listenAgain();
    QTRY_VERIFY(action("beaconSelfTest")->isEnabled());
    QCOMPARE(m_asked.size(), 1);
    m_window.reset(); // and a window that goes while it waits
}

void TestBeaconMenu::theBundleIsSaved()
{
    connectAs(admin::Role::Admin);
    action("beaconSupport")->trigger();
    QVERIFY(!action("beaconSupport")->isEnabled());
    answer({{QStringLiteral("bundle"), 1}});
    QTRY_VERIFY(open<QFileDialog>("saveBundle"));
    auto* chooser = open<QFileDialog>("saveBundle");
    const QString name = chooser->selectedFiles().value(0);
    QVERIFY2(
        name.contains(QStringLiteral("/beacon-support-beacon_0@plant7-2")) && name.endsWith(QStringLiteral("Z.json")),
        qPrintable(name));
    const QString path = m_directory.filePath(QStringLiteral("b.json"));
    chooser->findChild<QLineEdit*>()->setText(path);
    QTest::keyClick(chooser->findChild<QLineEdit*>(), Qt::Key_Return);
    QTRY_COMPARE(message(), QStringLiteral("The support bundle is saved as %1.").arg(path));
    QVERIFY(QFile::exists(path));
    QVERIFY(!(QFile::permissions(path) & (QFile::ReadGroup | QFile::ReadOther)));
    QVERIFY(action("beaconSupport")->isEnabled());
}

void TestBeaconMenu::aBundleThatCannotBeSavedIsSaid()
{
    connectAs(admin::Role::Admin);
    action("beaconSupport")->trigger();
    answer({{QStringLiteral("bundle"), 1}});
    QTRY_VERIFY(open<QFileDialog>("saveBundle"));
    auto* chooser = open<QFileDialog>("saveBundle");
    Q_EMIT chooser->fileSelected(m_directory.filePath(QStringLiteral("none/b.json"))); // gone since it was chosen
    QTRY_VERIFY(open<QMessageBox>("failure"));
    QVERIFY(open<QMessageBox>("failure")->text().contains(QStringLiteral("none/b.json")));
}

void TestBeaconMenu::theFactsAreLegible()
{
    connectAs(admin::Role::Observer);
    admin::Health health;
    health.facts = {{QStringLiteral("default_routes"), QJsonArray{QStringLiteral("192.0.2.1")}},
        {QStringLiteral("interface"), QJsonObject{{QStringLiteral("carrier"), true}}}};
    m_instrument->feed().setHealth(health);
    auto* details = m_window->findChild<QListWidget*>(QStringLiteral("healthDetails"));
    QTRY_COMPARE(details->count(), 2);
    QCOMPARE(details->item(0)->text(), QStringLiteral("default routes: 192.0.2.1"));
    QCOMPARE(details->item(1)->text(), QStringLiteral("interface: carrier yes"));
}

QTEST_MAIN(TestBeaconMenu)
#include "tst_beacon_menu.moc"
