#include "gui/link/admin_link.h"

#include "tests/support/fake_instrument.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

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

private:
    QTemporaryDir m_directory;
    std::unique_ptr<test::FakeInstrument> m_instrument;
    std::unique_ptr<AdminLink> m_link;
    QList<qint64> m_seqs;
    quint64 m_missed = 0;
    int m_newRuns = 0;
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

QTEST_GUILESS_MAIN(TestAdminLink)
#include "tst_admin_link.moc"
