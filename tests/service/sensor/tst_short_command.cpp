#include "service/sensor/short_command.h"

#include <QElapsedTimer>
#include <QTest>

#include <csignal>

using namespace beacon;

class TstShortCommand : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whatWorksSaysNothing() { QVERIFY(runShortCommand({.program = "true", .arguments = {}, .input = {}})); }
    void inputArrivesWhole()
    {
        const std::string text(ShortCommand::kMostInputBytes, 'x');
        QVERIFY(runShortCommand({.program = "sh", .arguments = {"-c", "test $(wc -c) = 1000000"}, .input = text}));
        QVERIFY(runShortCommand({.program = "true", .arguments = {}, .input = text})); // nor does it have to be read
        const auto more = runShortCommand({.program = "true", .arguments = {}, .input = text + 'x'});
        QVERIFY(!more);
        QCOMPARE(more.error().code, Errc::TooLarge);
    }
    void theFirstLineOfAFailureIsTold()
    {
        const auto failed = runShortCommand(
            {.program = "sh", .arguments = {"-c", "echo no such rule >&2; echo more; exit 3"}, .input = {}});
        QVERIFY(!failed);
        QCOMPARE(failed.error().context, std::string{"run sh: no such rule"});
    }
    void aFloodIsCut()
    {
        const auto failed = runShortCommand(
            {.program = "sh", .arguments = {"-c", "head -c 1000000 /dev/zero | tr '\\0' x; exit 1"}, .input = {}});
        QVERIFY(!failed);
        QCOMPARE(failed.error().context.size(), std::string{"run sh: "}.size() + 300);
    }
    void whatDoesNotExistIsNotFound()
    {
        for (const char* program : {"/nonexistent/program", "no-such-program-anywhere"}) {
            const auto failed = runShortCommand({.program = program, .arguments = {}, .input = {}});
            QVERIFY(!failed);
            QCOMPARE(failed.error().code, Errc::NotFound);
        }
    }
    void whatHangsIsKilled()
    {
        QElapsedTimer clock;
        clock.start();
        const auto late = runShortCommand(
            {.program = "sleep", .arguments = {"60"}, .input = {}, .deadline = std::chrono::milliseconds{100}});
        QVERIFY(!late);
        QCOMPARE(late.error().code, Errc::Timeout);
        QVERIFY(clock.elapsed() < 30'000);
    }
    void signalsThatWeBlockAreItsOwnAgain()
    {
        sigset_t blocked;
        sigset_t before;
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
        const auto ended = runShortCommand({.program = "sh", .arguments = {"-c", "kill $$; exit 0"}, .input = {}});
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        QVERIFY(!ended); // it was ended by the signal, and did not get to its exit
    }
};

QTEST_GUILESS_MAIN(TstShortCommand)
#include "tst_short_command.moc"
