// What the Instrument makes of clock, process and interface, with all three in the test's hands.
#include "service/instrument/instrument.h"
#include "service/instrument/metadata.h"
#include "tests/core/supervision/fakes.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;

namespace {

class FakeLink final : public LinkMonitor {
public:
    Result<> start(const std::string& interface) override
    {
        m_state.name = interface;
        return {};
    }
    [[nodiscard]] const LinkState& state() const override { return m_state; }
    Result<> bringUp() override
    {
        ++broughtUp;
        return Error{Errc::Denied, 0, "switch on"};
    }
    void become(LinkState next)
    {
        const LinkState before = std::exchange(m_state, std::move(next));
        Q_EMIT changed(m_state, before);
    }
    int broughtUp = 0;

private:
    LinkState m_state;
};

LinkState link(int index, bool up)
{
    LinkState state;
    state.present = state.ethernet = true;
    state.index = index;
    state.name = "seg0";
    state.kind = "veth";
    state.up = state.carrier = up;
    return state;
}

struct Rig {
    Rig()
        : skeleton(beaconManifest(false), {}, nullptr, clock, {})
    {
        settings.interface = settings.name = "seg0";
        settings.beacon = "/nonexistent/beacon";
        settings.runtimeDir = dir.path().toStdString();
        settings.stateDir = settings.runtimeDir;
        settings.journal = false;
        Instrument::Parts parts;
        parts.makeLinkMonitor = [this] {
            auto made = std::make_unique<FakeLink>();
            monitor = made.get();
            return made;
        };
        parts.makeSupervisor = [this](const Settings&) {
            auto made = std::make_unique<FakeProcess>();
            process = made.get();
            auto timer = std::make_unique<FakeAlarm>();
            alarm = timer.get();
            return std::make_unique<Supervisor>(std::move(made), std::move(timer), clock, Supervisor::Policy{});
        };
        skeleton.start();
        instrument = std::make_unique<Instrument>(settings, clock, std::move(parts), skeleton);
    }
    [[nodiscard]] bool holds(const std::string& code) const
    {
        const auto reasons = skeleton.health().reasons;
        return std::any_of(reasons.begin(), reasons.end(), [&](const auto& reason) { return reason.code == code; });
    }
    [[nodiscard]] std::string text(const std::string& code) const
    {
        for (const auto& reason : skeleton.health().reasons)
            if (reason.code == code)
                return reason.text;
        return {};
    }
    void say(const char* lines) { Q_EMIT process->output(Stream::Out, QByteArray{lines}); }

    QTemporaryDir dir;
    ManualClock clock;
    Settings settings;
    Skeleton skeleton;
    FakeLink* monitor = nullptr;
    FakeProcess* process = nullptr;
    FakeAlarm* alarm = nullptr;
    std::unique_ptr<Instrument> instrument;
};

} // namespace

class TstJudgement : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aClockThatIsNotSetIsAReason();
    void fault20_aWallClockThatJumpsChangesNothingElse();
    void whatCouldNotBeStartedIsNamed();
    void theLastWordsAreInTheReason();
    void fault54_whoMayNotSwitchTheInterfaceOnSaysThatItIsOff();
    void oneThatSaysNothingIsTriedOnATerminalNext();
    void whatDoesNotLeaveTheSensorIsAReasonUntilItDoes();
};

void TstJudgement::aClockThatIsNotSetIsAReason()
{
    Rig rig;
    QVERIFY(rig.instrument->start());
    rig.monitor->become(link(30003, true));
    QVERIFY(!rig.holds("clock_not_set"));
    const auto toTheEpoch = -rig.clock.wall().time_since_epoch();
    rig.clock.jumpWall(toTheEpoch);
    rig.monitor->become(link(30004, true));
    rig.clock.advance(11s);
    QVERIFY(rig.holds("clock_not_set"));
    QVERIFY2(rig.text("clock_not_set").find("1970-01-01") != std::string::npos, rig.text("clock_not_set").c_str());
    rig.clock.jumpWall(-toTheEpoch);
    rig.monitor->become(link(30005, true));
    QVERIFY(!rig.holds("clock_not_set"));
}

void TstJudgement::fault20_aWallClockThatJumpsChangesNothingElse()
{
    Rig rig;
    QVERIFY(rig.instrument->start());
    rig.monitor->become(link(30003, true));
    Q_EMIT rig.process->started(7);
    rig.say("tick\n");
    QCOMPARE(rig.skeleton.health().status, HealthStatus::Ok);
    for (const auto by : {24h, -48h, 24h}) {
        rig.clock.jumpWall(by);
        rig.clock.advance(1s);
        rig.say("tick\n");
        QCOMPARE(rig.skeleton.health().status, HealthStatus::Ok);
        QVERIFY(rig.process->signals.empty());
    }
    QCOMPARE(rig.process->commands.size(), std::size_t{1});
}

void TstJudgement::whatCouldNotBeStartedIsNamed()
{
    Rig rig;
    QVERIFY(rig.instrument->start());
    rig.monitor->become(link(30003, true));
    rig.process->end({Exit::How::NoSpawn, EMFILE});
    QVERIFY2(rig.text("beacon_not_started").find("Too many open files") != std::string::npos,
        rig.text("beacon_not_started").c_str());
    QVERIFY(!rig.holds("beacon_died")); // nothing ran
    rig.alarm->fire();
    rig.process->end({Exit::How::NoLauncher, ENOENT});
    QVERIFY(rig.text("beacon_not_started").find("beacon-launch") != std::string::npos);
    QVERIFY(!rig.holds("beacon_held")); // it is not the Beacon's file that must change
    rig.alarm->fire();
    QCOMPARE(rig.process->commands.size(), std::size_t{3});
}

void TstJudgement::theLastWordsAreInTheReason()
{
    Rig rig;
    QVERIFY(rig.instrument->start());
    rig.monitor->become(link(30003, true));
    Q_EMIT rig.process->started(7);
    rig.say("no key\n");
    rig.process->end({Exit::How::Code, 78});
    QVERIFY2(rig.text("beacon_died").find("exit code 78, after it said: no key") != std::string::npos,
        rig.text("beacon_died").c_str());
}

void TstJudgement::fault54_whoMayNotSwitchTheInterfaceOnSaysThatItIsOff()
{
    Rig rig;
    QVERIFY(rig.instrument->start());
    rig.monitor->become(link(30003, false));
    QCOMPARE(rig.monitor->broughtUp, 1);
    rig.clock.advance(11s);
    QVERIFY(rig.text("interface_down").find("is switched off") != std::string::npos);
    rig.monitor->become(link(30003, true));
    rig.monitor->become(link(30003, false));
    QCOMPARE(rig.monitor->broughtUp, 1); // once per appearance
    rig.monitor->become(link(30004, false));
    QCOMPARE(rig.monitor->broughtUp, 2);
    QCOMPARE(rig.process->commands.size(), std::size_t{1}); // and a Beacon only while it was up
}

void TstJudgement::oneThatSaysNothingIsTriedOnATerminalNext()
{
    Rig rig;
    rig.settings.grace = 1s;
    QVERIFY(rig.instrument->start());
    rig.instrument->reload(rig.settings);
    rig.monitor->become(link(30003, true));
    QVERIFY(!rig.process->commands.at(0).terminal);
    Q_EMIT rig.process->started(7);
    rig.clock.advance(1s);
    QTRY_VERIFY_WITH_TIMEOUT(!rig.process->signals.empty(), 10'000); // the real timer, the test's clock
    rig.process->end({Exit::How::Signal, SIGTERM});
    rig.alarm->fire();
    QCOMPARE(rig.process->commands.size(), std::size_t{2});
    QVERIFY(rig.process->commands.at(1).terminal);
}

void TstJudgement::whatDoesNotLeaveTheSensorIsAReasonUntilItDoes()
{
    Rig rig;
    QVERIFY(rig.instrument->start());
    rig.monitor->become(link(30003, true));
    Q_EMIT rig.process->started(7);
    rig.say(R"({"v":1,"t":"hello","version":"1","interface":"seg0","rate_pps":1,"run":1,"techniques":["UdpDatagram"]})"
            "\n");
    const auto send = [&rig](int attempts) {
        for (int i = 0; i < attempts; ++i)
            rig.say(R"({"v":1,"t":"attempt","n":1,"technique":"UdpDatagram","family":"ipv4","dst":"192.0.2.10",)"
                    R"("proto":17,"port":443,"via":"02:00:5e:10:00:01","outcome":"sent"})"
                    "\n");
    };
    QVERIFY(!rig.instrument->facts().contains(QStringLiteral("uplink_frames")));
    platform::UplinkCounted count{QStringLiteral("seg0"), 9, 0, rig.clock.wall(), std::nullopt};
    rig.instrument->uplinkCounted(count);
    platform::UplinkCounted elsewhere = count;
    elsewhere.interface = QStringLiteral("other0");
    for (int i = 0; i < 6; ++i) {
        send(10);
        rig.clock.advance(10s);
        elsewhere.tokens += 7;
        rig.instrument->uplinkCounted(elsewhere); // that is nothing of ours
        QVERIFY(!rig.holds("not_leaving"));
        rig.instrument->uplinkCounted(count);
    }
    QVERIFY2(rig.text("not_leaving").find("none has left the Sensor by its uplink since 20") != std::string::npos,
        rig.text("not_leaving").c_str());
    QCOMPARE(rig.skeleton.health().status, HealthStatus::Warning);
    QCOMPARE(rig.instrument->facts().value(QStringLiteral("uplink_frames")).toInt(), 9);
    count.tokens = 1;
    rig.instrument->uplinkCounted(count);
    QVERIFY(!rig.holds("not_leaving"));
    for (int i = 0; i < 6; ++i) {
        send(10);
        rig.clock.advance(10s);
        rig.instrument->uplinkCounted(count);
    }
    QVERIFY(rig.holds("not_leaving"));
    rig.instrument->platformWent();
    QVERIFY(!rig.holds("not_leaving"));
    QVERIFY(!rig.instrument->facts().contains(QStringLiteral("uplink_tokens")));
}

QTEST_GUILESS_MAIN(TstJudgement)
#include "tst_judgement.moc"
