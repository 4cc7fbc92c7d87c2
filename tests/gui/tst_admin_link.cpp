#include "gui/link/admin_link.h"

#include "tests/support/fake_instrument.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <optional>

using namespace beacon;

class TestAdminLink : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void saysWhyItWaitsAndConnectsLater();
    void whatWasBeforeIsShownToo();
    void aBrokenConnectionResumesWithoutGapOrRepeat();
    void anotherRunStartsOver();
    void theHealthArrivesAtOnceAndOnChange();
    void garbageIsLeftAndTriedAgain();
    void theRoleIsKnownWhileConnected();
    void aCommandIsAnswered();
    void anErrorIsASentence_data();
    void anErrorIsASentence();
    void withoutAConnectionNothingIsAsked();
    void aConnectionThatEndsAnswersForTheInstrument();
    void whoIsGoneIsNotCalled();
    void theLinkMayGoWhileItWaits();

private:
    QTemporaryDir m_directory;
    std::unique_ptr<test::FakeInstrument> m_instrument;
    std::unique_ptr<AdminLink> m_link;
    QList<qint64> m_seqs;
    quint64 m_missed = 0;
    int m_newRuns = 0;
    QList<AdminLink::Answer> m_answers;
    void connectIt(admin::Role role)
    {
        m_instrument->setRole(role);
        m_instrument->start();
        m_link->start();
        QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    }
    void ask(QLatin1StringView method)
    {
        m_link->request(method, this, [this](const AdminLink::Answer& answer) { m_answers.append(answer); });
        QVERIFY(m_answers.isEmpty()); // never from within
    }
    rpc::RpcError error() const { return std::get<rpc::RpcError>(m_answers.value(0)); }
    QString path() const { return m_directory.filePath(QStringLiteral("admin.sock")); }
    static QList<qint64> upTo(qint64 last)
    {
        QList<qint64> seqs;
        for (qint64 seq = 1; seq <= last; ++seq)
            seqs.append(seq);
        return seqs;
    }
};

void TestAdminLink::init()
{
    m_seqs.clear();
    m_missed = 0;
    m_newRuns = 0;
    m_answers.clear();
    m_instrument = std::make_unique<test::FakeInstrument>(path());
    m_link = std::make_unique<AdminLink>(path());
    connect(m_link.get(), &AdminLink::received, this, [this](const admin::EventBatch& batch) {
        m_missed += batch.missed;
        for (const QJsonObject& entry : batch.attempts)
            m_seqs.append(entry.value(QLatin1StringView("seq")).toInteger());
    });
    connect(m_link.get(), &AdminLink::greeted, this,
        [this](const admin::Hello&, bool newRun) { m_newRuns += newRun ? 1 : 0; });
}

void TestAdminLink::saysWhyItWaitsAndConnectsLater()
{
    QSignalSpy states(m_link.get(), &AdminLink::stateChanged);
    m_link->start();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Waiting);
    QVERIFY2(states.last().at(1).toString().contains(path()), qPrintable(states.last().at(1).toString()));
    m_instrument->start();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    QCOMPARE(m_link->hello().interface, QStringLiteral("eth1"));
}

void TestAdminLink::whatWasBeforeIsShownToo()
{
    m_instrument->start();
    m_instrument->escape(0);
    for (quint64 n = 1; n < 7'000; ++n)
        m_instrument->attempt(n);
    m_link->start();
    QTRY_COMPARE(m_seqs.size(), 7'000);
    QCOMPARE(m_seqs, upTo(7'000));
}

void TestAdminLink::aBrokenConnectionResumesWithoutGapOrRepeat()
{
    m_instrument->start();
    m_link->start();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    m_instrument->attempt(0);
    m_instrument->escape(1);
    QTRY_COMPARE(m_seqs, upTo(2));
    m_instrument->hangUp();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Waiting);
    m_instrument->attempt(2);
    m_instrument->escape(3);
    m_instrument->listenAgain();
    QTRY_COMPARE(m_seqs.size(), 4);
    m_instrument->attempt(4);
    QTRY_COMPARE(m_seqs, upTo(5));
    QCOMPARE(m_newRuns, 1);
    QCOMPARE(m_missed, quint64{0});
}

void TestAdminLink::anotherRunStartsOver()
{
    m_instrument->start();
    m_instrument->attempt(0);
    m_instrument->attempt(1);
    m_link->start();
    QTRY_COMPARE(m_seqs, upTo(2));
    m_instrument->stop();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Waiting);
    m_seqs.clear();
    m_instrument->start();
    m_instrument->attempt(0);
    QTRY_COMPARE(m_newRuns, 2);
    QTRY_COMPARE(m_seqs, upTo(1)); // seq 1 again: of another run
}

void TestAdminLink::theHealthArrivesAtOnceAndOnChange()
{
    m_instrument->start();
    admin::Health health;
    health.status = admin::Status::Ok;
    m_instrument->feed().setHealth(health);
    QList<admin::Status> seen;
    connect(m_link.get(), &AdminLink::healthChanged, this, [&](const admin::Health& now) { seen.append(now.status); });
    m_link->start();
    QTRY_COMPARE(seen, QList<admin::Status>{admin::Status::Ok});
    health.status = admin::Status::Error;
    m_instrument->feed().setHealth(health);
    QTRY_COMPARE(seen.last(), admin::Status::Error);
    m_link.reset();
}

void TestAdminLink::garbageIsLeftAndTriedAgain()
{
    rpc::Listener listener;
    rpc::Listener::Settings settings;
    settings.path = path();
    QVERIFY(listener.listen(settings));
    int connects = 0;
    connect(&listener, &rpc::Listener::accepted, this, [&](rpc::Peer* peer) {
        ++connects;
        peer->setHandler([](const QString&, const QJsonObject&, rpc::Responder responder) {
            responder.answer(QStringLiteral("hm"));
        });
    });
    QSignalSpy states(m_link.get(), &AdminLink::stateChanged);
    m_link->start();
    QTRY_VERIFY(connects >= 2);
    for (const QList<QVariant>& state : states)
        QVERIFY(state.first().value<AdminLink::State>() != AdminLink::State::Connected);
    m_link.reset();
}

void TestAdminLink::theRoleIsKnownWhileConnected()
{
    QVERIFY(!m_link->isAdmin());
    connectIt(admin::Role::Admin);
    QVERIFY(m_link->isAdmin());
    m_instrument->setRole(admin::Role::Observer); // the group was taken away
    m_instrument->hangUp();
    QTRY_VERIFY(!m_link->isAdmin());
    m_instrument->listenAgain();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    QVERIFY(!m_link->isAdmin());
}

void TestAdminLink::aCommandIsAnswered()
{
    connectIt(admin::Role::Admin);
    QStringList asked;
    m_instrument->feed().setCommands(
        [&](rpc::Peer&, admin::Role role, const QString& method, const QJsonObject& params, rpc::Responder responder) {
            QCOMPARE(role, admin::Role::Admin);
            QVERIFY(params.isEmpty());
            asked << method;
            responder.answer(QJsonObject{{QStringLiteral("life"), QStringLiteral("stopping")}});
        });
    ask(admin::kStopMethod);
    QTRY_COMPARE(m_answers.size(), 1);
    QCOMPARE(asked, QStringList{QStringLiteral("beacon.stop")});
    QCOMPARE(
        std::get<QJsonObject>(m_answers[0]).value(QLatin1StringView{"life"}).toString(), QStringLiteral("stopping"));
}

void TestAdminLink::anErrorIsASentence_data()
{
    using rpc::Code;
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("message");
    QTest::addColumn<QString>("told");
    const auto row = [](const char* name, Code code, const QString& message, const char* told) {
        QTest::newRow(name) << static_cast<int>(code) << message << QString::fromUtf8(told);
    };
    row("what was refused is said as it came", Code::Denied, QStringLiteral("It is for others"), "It is for others.");
    row("an older Instrument", Code::MethodNotFound, QStringLiteral("There is no method x"),
        "This Instrument does not know that command; it may be an older one.");
    row("it took too long there", Code::Timeout, QStringLiteral("x"), "The Instrument did not answer in time.");
    row("without words", Code::Internal, {}, "No reason was given.");
    row("control characters do not reach a terminal", Code::Internal, QStringLiteral("a\x1b[2Jb\nc."), "a [2Jb c.");
    row("a long one is cut", Code::Internal, QString(100'000, QLatin1Char('x')),
        (QByteArray(300, 'x') + "\u2026").constData());
}

void TestAdminLink::anErrorIsASentence()
{
    QFETCH(int, code);
    QFETCH(QString, message);
    connectIt(admin::Role::Admin);
    m_instrument->feed().setCommands(
        [&](rpc::Peer&, admin::Role, const QString&, const QJsonObject&, rpc::Responder responder) {
            responder.fail(static_cast<rpc::Code>(code), message);
        });
    ask(admin::kStartMethod);
    QTRY_COMPARE(m_answers.size(), 1);
    QCOMPARE(static_cast<int>(error().code), code);
    QTEST(error().message, "told");
}

void TestAdminLink::withoutAConnectionNothingIsAsked()
{
    m_link->start();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Waiting);
    ask(admin::kStopMethod);
    QTRY_COMPARE(m_answers.size(), 1);
    QCOMPARE(error().code, rpc::Code::Closed);
    QCOMPARE(error().message, QStringLiteral("There is no connection to the Instrument."));
    bool came = false;
    m_instrument->start();
    m_instrument->feed().setCommands(
        [&](rpc::Peer&, admin::Role, const QString&, const QJsonObject&, rpc::Responder) { came = true; });
    QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    m_instrument->attempt(0);
    QTRY_COMPARE(m_seqs.size(), 1);
    QVERIFY(!came); // it was not kept for later
}

void TestAdminLink::aConnectionThatEndsAnswersForTheInstrument()
{
    connectIt(admin::Role::Admin);
    std::optional<rpc::Responder> waiting;
    m_instrument->feed().setCommands([&](rpc::Peer&, admin::Role, const QString&, const QJsonObject&,
                                         rpc::Responder responder) { waiting = std::move(responder); });
    ask(admin::kSelfTestMethod);
    QTRY_VERIFY(waiting);
    m_instrument->hangUp();
    QTRY_COMPARE(m_answers.size(), 1);
    QCOMPARE(error().code, rpc::Code::Closed);
    QCOMPARE(error().message, QStringLiteral("The connection to the Instrument ended before it had answered."));
    waiting.reset();
    m_instrument->listenAgain();
    QTRY_COMPARE(m_link->state(), AdminLink::State::Connected);
    QCOMPARE(m_answers.size(), 1);
    QVERIFY(!waiting); // nor was it asked again
}

void TestAdminLink::whoIsGoneIsNotCalled()
{
    connectIt(admin::Role::Admin);
    m_instrument->feed().setCommands([&](rpc::Peer&, admin::Role, const QString&, const QJsonObject&,
                                         rpc::Responder responder) { responder.answer(QJsonObject{}); });
    auto gone = std::make_unique<QObject>();
    m_link->request(admin::kStopMethod, gone.get(), [this](const auto& answer) { m_answers.append(answer); });
    gone.reset();
    bool later = false;
    m_link->request(admin::kStopMethod, this, [&](const auto&) { later = true; });
    QTRY_VERIFY(later);
    QVERIFY(m_answers.isEmpty());
}

void TestAdminLink::theLinkMayGoWhileItWaits()
{
    connectIt(admin::Role::Admin); // subscription and health are asked for, too
    ask(admin::kStopMethod);
    m_link.reset();
    QCOMPARE(m_answers.size(), 1);
    QCOMPARE(error().code, rpc::Code::Closed);
    m_link = std::make_unique<AdminLink>(path());
    m_link->start();
    QCoreApplication::processEvents(); // its hello may be under way
    m_link.reset();
    QCoreApplication::processEvents();
}

QTEST_GUILESS_MAIN(TestAdminLink)
#include "tst_admin_link.moc"
