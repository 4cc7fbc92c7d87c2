#include "gui/views/main_window.h"

#include "tests/support/fake_instrument.h"

#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;
using namespace beacon::gui;

class TestMainWindow : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void withoutAnInstrumentItSaysWhatToDo();
    void attemptsAreShownLive();
    void anEscapeIsImpossibleToMissAndStays();
    void pauseKeepsCollectingAndSaysSo();
    void theFilterHasItsEmptyState();
    void theBannerShowsStatusWorstReasonAndSince();
    void lossIsShownAndRecovered();
    void everyControlHasANameAndTakesTheFocus();

private:
    QTemporaryDir m_directory;
    std::unique_ptr<test::FakeInstrument> m_instrument;
    std::unique_ptr<AdminLink> m_link;
    std::unique_ptr<MainWindow> m_window;
    QString text(const char* name) const { return m_window->findChild<QLabel*>(QLatin1StringView(name))->text(); }
    void connectIt()
    {
        m_instrument->start();
        m_link->start();
        QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    }
};

void TestMainWindow::init()
{
    const QString path = m_directory.filePath(QStringLiteral("admin.sock"));
    m_instrument = std::make_unique<test::FakeInstrument>(path);
    m_link = std::make_unique<AdminLink>(path);
    m_window = std::make_unique<MainWindow>(*m_link);
    m_window->show();
}

void TestMainWindow::cleanup()
{
    m_window.reset();
    m_link.reset();
    m_instrument.reset();
}

void TestMainWindow::withoutAnInstrumentItSaysWhatToDo()
{
    m_link->start();
    QTRY_VERIFY(text("empty").contains(QStringLiteral("Is beacon-instrument running")));
    QVERIFY(text("connection").startsWith(QStringLiteral("Not connected")));
    QCOMPARE(text("healthWord"), QStringLiteral("UNKNOWN"));
}

void TestMainWindow::attemptsAreShownLive()
{
    connectIt();
    QTRY_VERIFY(text("empty").contains(QStringLiteral("Waiting for the first attempt")));
    for (quint64 n = 0; n < 500; ++n)
        m_instrument->attempt(n);
    QTRY_COMPARE(m_window->attempts().rowCount(), 500);
    auto* view = m_window->findChild<QTableView*>(QStringLiteral("attempts"));
    QVERIFY(view->isVisible());
    QTRY_COMPARE(view->rowAt(view->viewport()->height() - 2), 499); // it follows
    QVERIFY(text("counts").startsWith(QStringLiteral("500 attempts")));
    QVERIFY(text("connection").contains(QStringLiteral("beacon_0@plant7")));
}

void TestMainWindow::anEscapeIsImpossibleToMissAndStays()
{
    connectIt();
    QVERIFY(text("escapeTitle").startsWith(QStringLiteral("Nothing is known"))); // silence is no proof
    m_instrument->attempt(0);
    QTRY_VERIFY(text("escapeTitle").startsWith(QStringLiteral("No leak")));
    m_instrument->escape(0);
    m_instrument->escape(1);
    QTRY_VERIFY2(text("escapeTitle").startsWith(QStringLiteral("LEAK: 1 ")), qPrintable(text("escapeTitle")));
    auto* view = m_window->findChild<QTableView*>(QStringLiteral("escapes"));
    QVERIFY(view->isVisible());
    QVERIFY(view->viewport()->height() > 0);
    for (quint64 n = 2; n < 6'000; ++n)
        m_instrument->attempt(n);
    QTRY_VERIFY(m_window->attempts().rowCount() >= 6'001);
    QCOMPARE(m_window->escapes().rowCount(), 1);
    QCOMPARE(m_window->escapes().index(0, EscapeModel::Count).data().toString(), QStringLiteral("2"));
    QCOMPARE(m_window->escapes().index(0, EscapeModel::Port).data().toString(), QStringLiteral("8443"));
}

void TestMainWindow::pauseKeepsCollectingAndSaysSo()
{
    connectIt();
    m_instrument->attempt(0);
    QTRY_COMPARE(m_window->attempts().rowCount(), 1);
    auto* pause = m_window->findChild<QPushButton*>(QStringLiteral("pause"));
    QTest::mouseClick(pause, Qt::LeftButton);
    for (quint64 n = 1; n < 6; ++n)
        m_instrument->attempt(n);
    m_instrument->escape(6); // a pause hides no leak
    QTRY_COMPARE(pause->text(), QStringLiteral("&Resume (6 new)"));
    QCOMPARE(m_window->attempts().rowCount(), 1);
    QCOMPARE(m_window->escapes().rowCount(), 1);
    QTest::mouseClick(pause, Qt::LeftButton);
    QCOMPARE(m_window->attempts().rowCount(), 7);
    QCOMPARE(pause->text(), QStringLiteral("&Pause"));
}

void TestMainWindow::theFilterHasItsEmptyState()
{
    connectIt();
    for (quint64 n = 0; n < 8; ++n)
        m_instrument->attempt(n);
    QTRY_COMPARE(m_window->attempts().rowCount(), 8);
    auto* field = m_window->findChild<QLineEdit*>();
    QTest::keyClicks(field, QStringLiteral("icmp"));
    QTRY_COMPARE(m_window->attempts().rowCount(), 2);
    QTest::keyClicks(field, QStringLiteral("x"));
    QTRY_COMPARE(m_window->attempts().rowCount(), 0);
    QCOMPARE(text("empty"), QStringLiteral("No attempt matches the filter."));
    field->clear();
    QTRY_COMPARE(m_window->attempts().rowCount(), 8);
    m_window->findChild<QComboBox*>()->setCurrentText(QStringLiteral("refused"));
    QCOMPARE(m_window->attempts().rowCount(), 0);
}

void TestMainWindow::theBannerShowsStatusWorstReasonAndSince()
{
    connectIt();
    admin::Health health;
    health.status = admin::Status::Error;
    const WallTime since{std::chrono::seconds{1'764'000'000}};
    health.reasons = {
        {QStringLiteral("interface_absent"), Severity::High, QStringLiteral("Interface eth1 is not there"), since},
        {QStringLiteral("kernel_drops"), Severity::Medium, QStringLiteral("The kernel dropped frames"), since}};
    m_instrument->feed().setHealth(health);
    QTRY_COMPARE(text("healthWord"), QStringLiteral("ERROR"));
    const QString reason = text("healthReason");
    QVERIFY2(reason.startsWith(QStringLiteral("Interface eth1 is not there (since ")), qPrintable(reason));
    QVERIFY2(reason.contains(momentText(1'764'000'000)) && reason.endsWith(QStringLiteral("and 1 more")),
        qPrintable(reason));
    health.status = admin::Status::Ok;
    health.reasons.clear();
    m_instrument->feed().setHealth(health);
    QTRY_COMPARE(text("healthWord"), QStringLiteral("OK"));
}

void TestMainWindow::lossIsShownAndRecovered()
{
    connectIt();
    m_instrument->attempt(0);
    QTRY_COMPARE(m_window->attempts().rowCount(), 1);
    m_instrument->hangUp();
    QTRY_VERIFY(text("connection").startsWith(QStringLiteral("Not connected")));
    QCOMPARE(text("healthWord"), QStringLiteral("UNKNOWN"));
    QCOMPARE(m_window->attempts().rowCount(), 1); // what was seen stays
    m_instrument->attempt(1);
    m_instrument->listenAgain();
    QTRY_VERIFY(text("connection").startsWith(QStringLiteral("Connected")));
    QTRY_COMPARE(m_window->attempts().rowCount(), 2);
    QTRY_VERIFY(text("healthWord") != QStringLiteral("UNKNOWN"));
    m_instrument->stop();
    m_instrument->start();
    m_instrument->attempt(0);
    QTRY_COMPARE(m_window->attempts().rowCount(), 1); // another run
}

void TestMainWindow::everyControlHasANameAndTakesTheFocus()
{
    int controls = 0;
    for (QWidget* widget : m_window->findChildren<QWidget*>()) {
        const bool isControl = qobject_cast<QAbstractButton*>(widget) || qobject_cast<QTableView*>(widget)
            || qobject_cast<QComboBox*>(widget) || qobject_cast<QLineEdit*>(widget);
        if (!isControl || widget->objectName().startsWith(QLatin1StringView("qt_"))
            || qobject_cast<QTableView*>(widget->parentWidget()) || qobject_cast<QLineEdit*>(widget->parentWidget()))
            continue;
        ++controls;
        const auto* button = qobject_cast<QAbstractButton*>(widget);
        QVERIFY2(!widget->accessibleName().isEmpty() || (button && !button->text().isEmpty()),
            widget->metaObject()->className());
        QVERIFY2(widget->focusPolicy() & Qt::TabFocus, qPrintable(widget->objectName()));
    }
    QVERIFY2(controls >= 7, QByteArray::number(controls).constData());
}

QTEST_MAIN(TestMainWindow)
#include "tst_main_window.moc"
