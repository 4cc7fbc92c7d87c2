#include "core/instrument/health_push.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

HealthSnapshot ok()
{
    return {HealthStatus::Ok, {}};
}

HealthSnapshot error(const char* code = "a", const char* text = "x")
{
    return {HealthStatus::Error, {{code, HealthStatus::Error, text, {}}}};
}

struct Rig {
    ManualClock clock;
    HealthPush push{clock};
    HealthSnapshot now = ok();
    int pushes = 0;

    void offer()
    {
        if (push.offer(now))
            ++pushes;
    }
    void set(const HealthSnapshot& what)
    {
        now = what;
        offer();
    }
    /// As the skeleton does: looks again when nextTry() says so.
    void pass(std::chrono::milliseconds time)
    {
        const MonotonicTime end = clock.now() + time;
        while (const auto next = push.nextTry()) {
            if (clock.now() + *next > end)
                break;
            clock.advance(*next);
            offer();
        }
        clock.advance(end - clock.now());
    }
};

} // namespace

class TstHealthPush : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theFirstGoesOutAtOnce();
    void whatIsTheSameIsNotPushedAgain();
    void aChangeGoesOutWithin100Ms();
    void aBurstBecomesOne();
    void worseGoesOutAtOnceWhileItFlaps();
    void betterWaitsUntilItIsCalm();
    void aThousandFlipsAreNoSpam();
    void wordsThatKeepChangingWhileItFlapsAreNoSpam();
};

void TstHealthPush::theFirstGoesOutAtOnce()
{
    Rig rig;
    rig.offer();
    QCOMPARE(rig.pushes, 1);
    QVERIFY(!rig.push.nextTry());
}

void TstHealthPush::whatIsTheSameIsNotPushedAgain()
{
    Rig rig;
    for (int i = 0; i < 100; ++i) {
        rig.offer();
        rig.pass(1s);
    }
    QCOMPARE(rig.pushes, 1);
}

void TstHealthPush::aChangeGoesOutWithin100Ms()
{
    Rig rig;
    rig.offer();
    rig.clock.advance(1ms);
    rig.set(error());
    rig.pass(100ms);
    QVERIFY(rig.push.pushed()->sameAs(error()));
    rig.pass(1s);
    rig.set(ok());
    QVERIFY(rig.push.pushed()->sameAs(ok()));
}

void TstHealthPush::aBurstBecomesOne()
{
    Rig rig;
    rig.offer();
    for (const char* text : {"1", "2", "3", "4", "5"}) {
        rig.clock.advance(5ms);
        rig.set(error("a", text));
    }
    rig.pass(100ms);
    QCOMPARE(rig.pushes, 2);
    QVERIFY(rig.push.pushed()->sameAs(error("a", "5")));
}

void TstHealthPush::worseGoesOutAtOnceWhileItFlaps()
{
    Rig rig;
    rig.offer();
    for (int i = 0; i < 4; ++i) {
        rig.pass(1s);
        rig.set({HealthStatus::Warning, {{"w", HealthStatus::Warning, "w", {}}}});
        rig.pass(1s);
        rig.set(ok());
    }
    QVERIFY(rig.push.flapping());
    rig.pass(1s);
    rig.set(error());
    QVERIFY(rig.push.pushed()->sameAs(error()));
    rig.pass(1s);
    rig.set(error("b")); // as bad, for another reason
    QVERIFY(rig.push.pushed()->sameAs(error("b")));
}

void TstHealthPush::betterWaitsUntilItIsCalm()
{
    Rig rig;
    rig.offer();
    for (int i = 0; i < 4; ++i) {
        rig.pass(1s);
        rig.set(error());
        rig.pass(1s);
        rig.set(ok());
    }
    QVERIFY(rig.push.pushed()->sameAs(error()));
    rig.pass(9'999ms);
    QVERIFY(rig.push.pushed()->sameAs(error()));
    rig.pass(1ms);
    QVERIFY(rig.push.pushed()->sameAs(ok()));
}

void TstHealthPush::aThousandFlipsAreNoSpam()
{
    Rig rig;
    rig.offer();
    for (int i = 0; i < 1000; ++i) {
        rig.pass(60ms);
        rig.set(i % 2 == 0 ? error() : ok());
    }
    QVERIFY2(rig.pushes <= 20, qPrintable(QString::number(rig.pushes)));
    rig.pass(1min);
    QVERIFY(rig.push.pushed()->sameAs(ok())); // the last state gets out in the end
    QVERIFY(!rig.push.flapping());
}

void TstHealthPush::wordsThatKeepChangingWhileItFlapsAreNoSpam()
{
    Rig rig;
    rig.offer();
    for (int i = 0; i < 1000; ++i) {
        rig.pass(60ms);
        const std::string text = std::to_string(i);
        rig.set(i % 2 == 0 ? error("a", text.c_str()) : ok());
    }
    QVERIFY2(rig.pushes <= 20, qPrintable(QString::number(rig.pushes)));
    rig.set(error("a", "last"));
    rig.pass(1min);
    QVERIFY(rig.push.pushed()->sameAs(error("a", "last")));
}

QTEST_GUILESS_MAIN(TstHealthPush)
#include "tst_health_push.moc"
