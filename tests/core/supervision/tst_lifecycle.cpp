#include "core/supervision/lifecycle.h"

#include <QTest>

#include <set>

using namespace beacon;

class TstLifecycle : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void eachStepHasOneRow();
    void stepsThatAPersonWouldExpect_data();
    void stepsThatAPersonWouldExpect();
    void stopAndRestartMeanSomethingEverywhere();
    void everyLadderEndsInAKill();
    void whatMeansNothingIsNoStep();
};

void TstLifecycle::eachStepHasOneRow()
{
    std::set<std::pair<Life, Input>> seen;
    for (const Transition& row : kLifecycle)
        QVERIFY2(seen.insert({row.from, row.on}).second, lifeName(row.from).data());
}

void TstLifecycle::stepsThatAPersonWouldExpect_data()
{
    QTest::addColumn<Life>("from");
    QTest::addColumn<Input>("on");
    QTest::addColumn<Action>("act");
    QTest::addColumn<Life>("to");
    const auto row = [](const char* name, Life from, Input on, Action act, Life to) {
        QTest::newRow(name) << from << on << act << to;
    };
    row("a crash while running waits", Life::Running, Input::Died, Action::ArmBackoff, Life::Waiting);
    row("a crash before the first line waits", Life::Starting, Input::Died, Action::ArmBackoff, Life::Waiting);
    row("the end of the wait spawns", Life::Waiting, Input::Elapsed, Action::Spawn, Life::Starting);
    row("a stop during backoff spawns no more", Life::Waiting, Input::Stop, Action::Rest, Life::Stopped);
    row("what cannot be executed is held", Life::Starting, Input::Unrunnable, Action::Watch, Life::Held);
    row("a changed file ends the hold", Life::Held, Input::Changed, Action::Spawn, Life::Starting);
    row("a stall is put on the ladder", Life::Running, Input::Stalled, Action::Terminate, Life::Failing);
    row("a stall that ended waits", Life::Failing, Input::Died, Action::ArmBackoff, Life::Waiting);
    row("a restart while stopping starts when it is gone", Life::Stopping, Input::Restart, Action::Keep,
        Life::Restarting);
    row("a restart spawns when the old one is gone", Life::Restarting, Input::Died, Action::Spawn, Life::Starting);
    row("a stop while restarting is a stop", Life::Restarting, Input::Stop, Action::Keep, Life::Stopping);
    row("started twice is one process", Life::Running, Input::Start, Action::Keep, Life::Running);
    row("stopping what does not run is no error", Life::Stopped, Input::Stop, Action::Keep, Life::Stopped);
}

void TstLifecycle::stepsThatAPersonWouldExpect()
{
    QFETCH(Life, from);
    QFETCH(Input, on);
    QFETCH(Action, act);
    QFETCH(Life, to);
    const auto row = step(from, on);
    QVERIFY(row);
    QCOMPARE(row->act, act);
    QCOMPARE(row->to, to);
}

void TstLifecycle::stopAndRestartMeanSomethingEverywhere()
{
    for (const Transition& row : kLifecycle)
        for (const Input input : {Input::Start, Input::Stop, Input::Restart})
            QVERIFY2(step(row.from, input), lifeName(row.from).data());
}

void TstLifecycle::everyLadderEndsInAKill()
{
    for (const Transition& row : kLifecycle) {
        if (row.act != Action::Terminate)
            continue;
        const auto kill = step(row.to, Input::Elapsed);
        QVERIFY2(kill && kill->act == Action::Kill && kill->to == row.to, lifeName(row.to).data());
    }
}

void TstLifecycle::whatMeansNothingIsNoStep()
{
    QVERIFY(!step(Life::Stopped, Input::Elapsed));
    QVERIFY(!step(Life::Running, Input::Changed));
}

QTEST_GUILESS_MAIN(TstLifecycle)
#include "tst_lifecycle.moc"
