#include "service/sensor/dhcp_client.h"

#include "tests/core/supervision/fakes.h"

#include <QSignalSpy>
#include <QTest>

#include <algorithm>

using namespace beacon;
using beacon::test::FakeAlarm;
using beacon::test::FakeProcess;
using std::chrono::seconds;

namespace {

QByteArray line(const char* event, const QByteArray& variables = {})
{
    return QByteArray{"sensor-lease\t1\t"} + event + (variables.isEmpty() ? "" : "\t") + variables + '\n';
}

QByteArray lease(const char* word = "bound", const char* secondsText = "600", const char* address = "198.51.100.7")
{
    return line(word, QByteArray{"ip="} + address + "\tsubnet=255.255.255.0\tlease=" + secondsText);
}

struct Rig {
    ManualClock clock;
    FakeProcess* process = nullptr;
    FakeAlarm *restart = nullptr, *deadline = nullptr;
    std::unique_ptr<DhcpClient> client;
    std::unique_ptr<QSignalSpy> leased, lost, problems, stopped;

    Rig()
    {
        auto newProcess = std::make_unique<FakeProcess>();
        auto newRestart = std::make_unique<FakeAlarm>();
        auto newDeadline = std::make_unique<FakeAlarm>();
        process = newProcess.get();
        restart = newRestart.get();
        deadline = newDeadline.get();
        client = std::make_unique<DhcpClient>("eth0",
            DhcpClient::Place{
                .client = "/usr/sbin/udhcpc", .event = "/usr/bin/sensor-lease", .launcher = {}, .launcherOptions = {}},
            DhcpClient::Parts{std::move(newProcess), std::move(newRestart), std::move(newDeadline)}, clock);
        leased = std::make_unique<QSignalSpy>(client.get(), &DhcpClient::leased);
        lost = std::make_unique<QSignalSpy>(client.get(), &DhcpClient::lost);
        problems = std::make_unique<QSignalSpy>(client.get(), &DhcpClient::problemChanged);
        stopped = std::make_unique<QSignalSpy>(client.get(), &DhcpClient::stopped);
    }
    void say(const QByteArray& text) const { Q_EMIT process->output(Stream::Out, text); }
    /// As far as the deadline that is armed, which then fires.
    void passDeadline()
    {
        clock.advance(deadline->armed.value());
        deadline->fire();
    }
    void begin() const
    {
        client->start();
        say(line("deconfig"));
    }
    [[nodiscard]] bool asksFor(const std::string& address) const
    {
        const auto& words = process->commands.back().arguments;
        return std::find(words.begin(), words.end(), address) != words.end();
    }
};

} // namespace

class TestDhcpClientLife : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void nothingIsToldToTheServerBeyondNeed()
    {
        Rig rig;
        rig.client->start();
        const auto& words = rig.process->commands.back().arguments;
        for (const char* word : {"-H", "-F", "-x", "-p", "-b", "-q", "-n", "-S"})
            QVERIFY2(std::find(words.begin(), words.end(), word) == words.end(), word);
        for (const char* word : {"-f", "-i", "eth0", "-s", "/usr/bin/sensor-lease", "-o"})
            QVERIFY2(std::find(words.begin(), words.end(), word) != words.end(), word);
    }
    void aLeaseIsReportedAndRenewed()
    {
        Rig rig;
        rig.begin();
        QCOMPARE(rig.client->life(), Life::Running);
        rig.say(lease());
        rig.say(lease("renew", "900"));
        QCOMPARE(rig.leased->size(), 2);
        QCOMPARE(rig.client->lease()->seconds, seconds{900});
        QCOMPARE(rig.lost->size(), 0);
        QCOMPARE(rig.deadline->armed, std::optional{std::chrono::milliseconds{902'000}});
    }
    void aLineMayComeInPieces()
    {
        Rig rig;
        rig.begin();
        const QByteArray text = lease();
        for (const char c : text)
            rig.say(QByteArray(1, c));
        QCOMPARE(rig.leased->size(), 1);
    }
    void aClientThatIsHungDoesNotKeepALease()
    {
        Rig rig;
        rig.begin();
        rig.say(lease());
        rig.passDeadline();
        QCOMPARE(rig.lost->size(), 1);
        QVERIFY(rig.lost->at(0).at(0).toString().contains(QStringLiteral("eth0")));
        QVERIFY(!rig.client->lease());
        QCOMPARE(rig.client->life(), Life::Failing); // it is on its way out, to be started again
        QCOMPARE(rig.process->signals.front(), SIGTERM);
    }
    void aLeaseOfManyDaysOutlastsTimers()
    {
        Rig rig;
        rig.begin();
        rig.say(lease("bound", "4294967295"));
        for (int hour = 0; hour < 24 * 24; ++hour)
            rig.passDeadline();
        QCOMPARE(rig.lost->size(), 0);
        for (int hour = 0; hour < 24; ++hour)
            if (rig.deadline->armed && rig.client->lease())
                rig.passDeadline();
        QCOMPARE(rig.lost->size(), 1);
    }
    void aShortLeaseIsRenewedAtOurWord()
    {
        Rig rig;
        rig.begin();
        rig.say(lease("bound", "60"));
        rig.passDeadline();
        QCOMPARE(rig.process->signals, std::vector<int>{SIGUSR1});
        rig.passDeadline(); // the server does not answer, nor does the client say so
        QCOMPARE(rig.lost->size(), 1);
        Rig other;
        other.begin();
        other.say(lease("bound", "600"));
        other.passDeadline();
        QVERIFY(std::find(other.process->signals.begin(), other.process->signals.end(), SIGUSR1)
            == other.process->signals.end());
    }
    void aClientThatDiedIsStartedAgainAndAsksForTheSame()
    {
        Rig rig;
        rig.begin();
        rig.say(lease());
        rig.process->end({Exit::How::Signal, SIGKILL});
        QCOMPARE(rig.lost->size(), 0);
        QVERIFY(rig.client->problem().contains(QStringLiteral("eth0")));
        rig.restart->fire();
        QVERIFY(rig.asksFor("198.51.100.7"));
        rig.say(line("deconfig")); // which a new one says of itself
        QCOMPARE(rig.lost->size(), 0);
        rig.say(lease("bound", "600", "198.51.100.8"));
        QCOMPARE(rig.client->lease()->address.text(), std::string{"198.51.100.8"});
        QVERIFY(rig.client->problem().isEmpty());
        rig.say(line("deconfig"));
        QCOMPARE(rig.lost->size(), 1);
    }
    void aClientThatStaysDeadEndsItsLease()
    {
        Rig rig;
        rig.begin();
        rig.say(lease());
        rig.process->end({Exit::How::Code, 1});
        QVERIFY(rig.deadline->armed);
        rig.clock.advance(seconds{602});
        rig.deadline->fire();
        QCOMPARE(rig.lost->size(), 1);
        rig.restart->fire();
        QVERIFY(!rig.asksFor("198.51.100.7"));
    }
    void aClientThatNeverBeginsIsStartedAgain()
    {
        Rig rig;
        rig.client->start();
        QCOMPARE(rig.client->life(), Life::Starting);
        rig.passDeadline();
        QCOMPARE(rig.client->life(), Life::Failing);
        QVERIFY(!rig.client->problem().isEmpty());
    }
    void aTakenBackLeaseIsLostAtOnce()
    {
        Rig rig;
        rig.begin();
        rig.say(lease());
        rig.say(line("nak") + line("deconfig"));
        QCOMPARE(rig.lost->size(), 1);
    }
    void aBadRenewalLeavesTheLeaseToItsEnd()
    {
        Rig rig;
        rig.begin();
        rig.say(lease());
        rig.say(line("renew", "ip=198.51.100.7\tsubnet=255.0.255.0"));
        QCOMPARE(rig.lost->size(), 0);
        QVERIFY(rig.client->lease());
        QVERIFY(rig.client->problem().contains(QStringLiteral("netmask")));
        QCOMPARE(rig.client->life(), Life::Failing);
    }
    void aFloodEndsTheClientAndReachesNobody()
    {
        Rig rig;
        rig.begin();
        QByteArray flood;
        for (int i = 0; i < 10'000; ++i)
            flood += lease("renew");
        rig.say(flood);
        QVERIFY(rig.leased->size() <= DhcpClient::kMostLines);
        QCOMPARE(rig.client->life(), Life::Failing);
        QVERIFY(rig.client->problem().contains(QStringLiteral("flood")));
        rig.say(QByteArray(1'000'000, 'x')); // without a newline
        rig.clock.advance(seconds{11});
        rig.process->end({Exit::How::Signal, SIGTERM});
        rig.restart->fire();
        rig.say(line("deconfig") + lease());
        QVERIFY(rig.client->problem().isEmpty());
    }
    void itIsStoppedOnce()
    {
        Rig rig;
        rig.client->stop();
        QCOMPARE(rig.stopped->size(), 1); // of what never ran
        rig.begin();
        rig.say(lease());
        rig.client->stop();
        QCOMPARE(rig.stopped->size(), 1);
        rig.process->end({Exit::How::Code, 0});
        QCOMPARE(rig.stopped->size(), 2);
        QCOMPARE(rig.lost->size(), 1);
        QVERIFY(!rig.deadline->armed);
        rig.client->askAgain();
        QCOMPARE(rig.client->life(), Life::Stopped);
    }
};

QTEST_GUILESS_MAIN(TestDhcpClientLife)
#include "tst_dhcp_client_life.moc"
