#include "core/supervision/supervisor.h"

#include "fakes.h"

#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;

namespace {

constexpr Exit kKilled{Exit::How::Signal, SIGKILL};

struct Rig {
    Rig()
    {
        auto ownProcess = std::make_unique<FakeProcess>();
        auto ownAlarm = std::make_unique<FakeAlarm>();
        process = ownProcess.get();
        alarm = ownAlarm.get();
        Supervisor::Policy policy;
        policy.backoff.jitter = 0;
        supervisor = std::make_unique<Supervisor>(std::move(ownProcess), std::move(ownAlarm), clock, policy);
        supervisor->setCommand({"/none", {"eth0"}, {}});
    }
    void run()
    {
        supervisor->start();
        supervisor->noteReady();
    }

    ManualClock clock;
    FakeProcess* process = nullptr;
    FakeAlarm* alarm = nullptr;
    std::unique_ptr<Supervisor> supervisor;
};

} // namespace

class TstSupervisor : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void startSpawnsOnceHoweverOftenItIsAsked();
    void aHealthyOneThatDiesStartsAtOnce();
    void aYoungOneThatDiesWaits();
    void stopIsTermContThenKillAndKillAgain();
    void stopDuringBackoffLeavesNothing();
    void restartWhileStoppingEndsInOneNewProcess();
    void aStallCountsAsADeathHoweverLongItLived();
    void whatCannotBeExecutedIsHeldUntilItsFileChanges();
    void fault13_dyingExactlyAtTheGraceBoundaryIsOneDeath_data();
    void fault13_dyingExactlyAtTheGraceBoundaryIsOneDeath();
    void fault14_whatCouldNotBeSpawnedBacksOff_data();
    void fault14_whatCouldNotBeSpawnedBacksOff();
    void sixDeathsMakeACrashLoop();
    void fault20_theWallClockIsOfNoConsequence();
    void theExitPrecedesTheStateThatItCauses();
};

void TstSupervisor::startSpawnsOnceHoweverOftenItIsAsked()
{
    Rig rig;
    rig.supervisor->start();
    rig.supervisor->start();
    rig.supervisor->noteReady();
    rig.supervisor->start();
    QCOMPARE(rig.process->commands.size(), 1U);
    QCOMPARE(rig.process->commands[0].arguments, std::vector<std::string>{"eth0"});
    QCOMPARE(rig.supervisor->life(), Life::Running);
}

void TstSupervisor::aHealthyOneThatDiesStartsAtOnce()
{
    Rig rig;
    rig.run();
    rig.clock.advance(10s);
    rig.process->end(kKilled);
    QCOMPARE(rig.supervisor->life(), Life::Waiting);
    QVERIFY(rig.alarm->armed == 0ms);
    rig.alarm->fire();
    QCOMPARE(rig.process->commands.size(), 2U);
}

void TstSupervisor::aYoungOneThatDiesWaits()
{
    Rig rig;
    rig.run();
    rig.clock.advance(9'999ms);
    rig.process->end(kKilled);
    QVERIFY(rig.alarm->armed == 200ms);
    QCOMPARE(rig.process->commands.size(), 1U);
}

void TstSupervisor::stopIsTermContThenKillAndKillAgain()
{
    Rig rig;
    rig.run();
    rig.supervisor->stop();
    QCOMPARE(rig.process->signals, (std::vector<int>{SIGTERM, SIGCONT}));
    QVERIFY(rig.alarm->armed == 5s);
    rig.alarm->fire();
    rig.alarm->fire();
    QCOMPARE(rig.process->signals, (std::vector<int>{SIGTERM, SIGCONT, SIGKILL, SIGKILL}));
    rig.process->end(kKilled);
    QCOMPARE(rig.supervisor->life(), Life::Stopped);
    QVERIFY(!rig.alarm->armed);
}

void TstSupervisor::stopDuringBackoffLeavesNothing()
{
    Rig rig;
    rig.run();
    rig.process->end(kKilled);
    rig.supervisor->stop();
    QCOMPARE(rig.supervisor->life(), Life::Stopped);
    QVERIFY(!rig.alarm->armed);
    QVERIFY(rig.process->signals.empty());
}

void TstSupervisor::restartWhileStoppingEndsInOneNewProcess()
{
    Rig rig;
    rig.run();
    rig.supervisor->stop();
    rig.supervisor->restart();
    QVERIFY(rig.alarm->armed); // the ladder goes on
    QCOMPARE(rig.process->commands.size(), 1U);
    rig.process->end(kKilled);
    QCOMPARE(rig.process->commands.size(), 2U);
    QCOMPARE(rig.supervisor->life(), Life::Starting);
}

void TstSupervisor::aStallCountsAsADeathHoweverLongItLived()
{
    Rig rig;
    rig.run();
    rig.clock.advance(1h);
    rig.supervisor->noteStalled();
    QCOMPARE(rig.process->signals, (std::vector<int>{SIGTERM, SIGCONT}));
    rig.process->end(kKilled);
    QCOMPARE(rig.supervisor->life(), Life::Waiting);
    QVERIFY(rig.alarm->armed == 200ms);
}

void TstSupervisor::whatCannotBeExecutedIsHeldUntilItsFileChanges()
{
    QTemporaryDir dir;
    QFile file{dir.filePath(QStringLiteral("binary"))};
    Rig rig;
    rig.supervisor->setCommand({file.fileName().toStdString(), {}, {}});
    rig.supervisor->start();
    rig.process->end({Exit::How::Unrunnable, ENOENT});
    QCOMPARE(rig.supervisor->life(), Life::Held);
    rig.alarm->fire();
    QCOMPARE(rig.supervisor->life(), Life::Held);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    rig.alarm->fire();
    QCOMPARE(rig.supervisor->life(), Life::Starting);

    rig.process->end({Exit::How::Unrunnable, EACCES});
    rig.alarm->fire();
    QCOMPARE(rig.supervisor->life(), Life::Held); // not the earlier, absent file is compared with
    QVERIFY(file.setPermissions(QFile::ReadOwner | QFile::ExeOwner)); // ctime only
    rig.alarm->fire();
    QCOMPARE(rig.supervisor->life(), Life::Starting);
    QCOMPARE(rig.process->commands.size(), 3U);
}

void TstSupervisor::fault13_dyingExactlyAtTheGraceBoundaryIsOneDeath_data()
{
    QTest::addColumn<bool>("ready");
    QTest::addColumn<QByteArray>("first");
    for (const bool ready : {false, true})
        for (const char* first : {"the verdict", "the death", "the kill"})
            QTest::addRow("%s, %s comes first", ready ? "it lived" : "it never lived", first)
                << ready << QByteArray{first};
}

void TstSupervisor::fault13_dyingExactlyAtTheGraceBoundaryIsOneDeath()
{
    QFETCH(bool, ready);
    QFETCH(QByteArray, first);
    Rig rig;
    QSignalSpy exits{rig.supervisor.get(), &Supervisor::processExited};
    rig.supervisor->start();
    if (ready)
        rig.supervisor->noteReady();
    rig.clock.advance(30s); // all of it at this very moment
    if (first != "the death")
        rig.supervisor->noteStalled();
    if (first == "the kill")
        rig.alarm->fire();
    rig.process->end(kKilled);
    rig.supervisor->noteStalled();
    rig.supervisor->noteReady(); // its last line
    QCOMPARE(exits.size(), 1);
    QCOMPARE(rig.supervisor->recentDeaths(), 1U);
    QCOMPARE(rig.supervisor->life(), Life::Waiting);
    QCOMPARE(rig.process->commands.size(), 1U);
    rig.alarm->fire();
    QCOMPARE(rig.process->commands.size(), 2U);
    QVERIFY(!rig.alarm->armed);
    // The earlier verdict is not held against the new one.
    rig.supervisor->noteReady();
    rig.clock.advance(10s);
    rig.process->end(kKilled);
    QVERIFY(rig.alarm->armed == 0ms);
}

void TstSupervisor::fault14_whatCouldNotBeSpawnedBacksOff_data()
{
    QTest::addColumn<int>("sys");
    QTest::addColumn<QByteArray>("words");
    QTest::newRow("EMFILE") << EMFILE << QByteArray{"could not be started: Too many open files"};
    QTest::newRow("EAGAIN") << EAGAIN << QByteArray{"could not be started: Resource temporarily unavailable"};
    QTest::newRow("ENOMEM") << ENOMEM << QByteArray{"could not be started: Cannot allocate memory"};
    QTest::newRow("ETXTBSY") << ETXTBSY << QByteArray{"could not be started: Text file busy"};
    QTest::newRow("not known") << 0 << QByteArray{"could not be started"};
}

void TstSupervisor::fault14_whatCouldNotBeSpawnedBacksOff()
{
    QFETCH(int, sys);
    QFETCH(QByteArray, words);
    Rig rig;
    rig.supervisor->start();
    rig.process->end({Exit::How::NoSpawn, sys});
    QCOMPARE(rig.supervisor->life(), Life::Waiting);
    QVERIFY(rig.alarm->armed == 200ms);
    QCOMPARE(QByteArray::fromStdString(describe(*rig.supervisor->lastExit())), words);
    rig.alarm->fire();
    rig.supervisor->noteReady();
    QCOMPARE(rig.supervisor->life(), Life::Running);
}

void TstSupervisor::sixDeathsMakeACrashLoop()
{
    Rig rig;
    rig.supervisor->start();
    for (int i = 0; i < 6; ++i) {
        QVERIFY(!rig.supervisor->crashLoop());
        rig.process->end({Exit::How::Code, 1});
        if (i < 5)
            rig.alarm->fire();
    }
    QVERIFY(rig.supervisor->crashLoop());
    QVERIFY(rig.alarm->armed == 60s);
    rig.alarm->fire();
    rig.supervisor->noteReady();
    QVERIFY(rig.supervisor->crashLoop());
    rig.clock.advance(10s);
    QVERIFY(!rig.supervisor->crashLoop());
}

void TstSupervisor::fault20_theWallClockIsOfNoConsequence()
{
    Rig rig;
    rig.run();
    rig.clock.jumpWall(24h);
    rig.process->end(kKilled);
    QVERIFY(rig.alarm->armed == 200ms); // not healthy for a day
}

void TstSupervisor::theExitPrecedesTheStateThatItCauses()
{
    Rig rig;
    rig.run();
    QStringList order;
    connect(rig.supervisor.get(), &Supervisor::processExited, this, [&] { order << QStringLiteral("exit"); });
    connect(rig.supervisor.get(), &Supervisor::stateChanged, this, [&] { order << QStringLiteral("state"); });
    rig.process->end(kKilled);
    QCOMPARE(order, QStringList({QStringLiteral("exit"), QStringLiteral("state")}));
}

QTEST_GUILESS_MAIN(TstSupervisor)
#include "tst_supervisor.moc"
