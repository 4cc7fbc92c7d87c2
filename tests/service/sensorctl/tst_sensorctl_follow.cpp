#include "core/platform/control.h"
#include "tests/service/sensorctl/ctl_run.h"
#include "tests/support/running_program.h"

#include <QJsonDocument>
#include <QLocalServer>
#include <QTest>

#include <csignal>

using namespace beacon;
using namespace beacon::test;

namespace method = beacon::control::method;

namespace {

QJsonObject eventOf(int number)
{
    return {{"timestamp", 1'764'000'000 + number}, {"severity", 3}, {"type", "instruments.x.y"},
        {"sensor_event_id", number}, {"message", QStringLiteral("number %1 \x1b[2J").arg(number)},
        {"source_instrument", "beacon_0@plant7"}};
}

} // namespace

class TestSensorctlFollow : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void eventsComeAsTheyHappen_data();
    void eventsComeAsTheyHappen();
    void logLinesComeAfterThoseThatWere();
    void whatComesBeforeTheAnswerIsNotLost();
    void aSensorThatGoesAwayIsToldOf();
    void aSensorThatBreaksIntoNonsenseIsToldOf();
    void aReaderWhoLeavesEndsItQuietly();
    void aRefusalEndsIt();

private:
    [[nodiscard]] bool start(RunningProgram& program)
    {
        program.setEnvironment("SENSOR_CONTROL", m_sensor->socket());
        program.setEnvironment("TZ", "UTC-2");
        return program.start() && QTest::qWaitFor([&] { return !m_sensor->asked().empty(); }, 10'000);
    }
    std::unique_ptr<ScriptedSensor> m_sensor;
};

void TestSensorctlFollow::init()
{
    m_sensor = std::make_unique<ScriptedSensor>();
    m_sensor->answer(method::kEventsFollow, QJsonObject{});
    QVERIFY(m_sensor->start());
}

void TestSensorctlFollow::eventsComeAsTheyHappen_data()
{
    QTest::addColumn<bool>("json");
    QTest::addColumn<int>("signal");
    QTest::newRow("for people, until Ctrl-C") << false << SIGINT;
    QTest::newRow("an object a line, until it is told to end") << true << SIGTERM;
}

void TestSensorctlFollow::eventsComeAsTheyHappen()
{
    QFETCH(bool, json);
    QFETCH(int, signal);
    RunningProgram program{BEACON_BIN_DIR "/sensorctl",
        {"events", "--follow", "--match", "instruments.*", "--severity", "2", "--after", "7", "--limit", "5"}};
    if (json)
        program.setArguments({"events", "--follow", "--json"});
    QVERIFY(start(program));
    const char* const expected = R"({"match":"instruments.*","severity":2,"after":7,"history":5})";
    QCOMPARE(m_sensor->lastParams(method::kEventsFollow),
        json ? QJsonObject({{"match", "*"}, {"severity", 1}, {"history", 0}})
             : QJsonDocument::fromJson(expected).object());
    int number = 0;
    for (int batch = 0; batch < 3; ++batch) { // each is written at once, not when a buffer is full
        m_sensor->notify(method::kEventDeliver, {{"events", QJsonArray{eventOf(number + 1), eventOf(number + 2)}}});
        m_sensor->notify(QLatin1StringView("something.else"), {{"events", QJsonArray{eventOf(99)}}});
        number += 2;
        QTRY_COMPARE_WITH_TIMEOUT(program.output().count('\n'), number, 10'000);
    }
    QVERIFY(program.end(signal, 10'000));
    QCOMPARE(program.exitCode(), 0);
    QVERIFY(!program.crashed());
    QCOMPARE(program.log(), QByteArray{});
    QVERIFY(!hasControls(program.output()));
    const QByteArray first = program.output().split('\n').first();
    if (json)
        QCOMPARE(QJsonDocument::fromJson(first).object(), eventOf(1));
    else
        QCOMPARE(first,
            QByteArray{"2025-11-24 18:00:01+02:00  medium         beacon_0@plant7     instruments.x.y                  "
                       "         number 1 \\x1b[2J"});
}

void TestSensorctlFollow::logLinesComeAfterThoseThatWere()
{
    const auto line = [](const char* text) {
        return QJsonObject{{"at", 1'764'000'000}, {"stream", "stdout"}, {"text", text}};
    };
    m_sensor->answer(method::kLogsRead, QJsonObject{{"lines", QJsonArray{line("old")}}});
    RunningProgram program{BEACON_BIN_DIR "/sensorctl", {"logs", "beacon_0", "--follow", "--lines", "1"}};
    QVERIFY(start(program));
    QCOMPARE(
        m_sensor->lastParams(method::kLogsRead), QJsonObject({{"name", "beacon_0"}, {"lines", 1}, {"follow", true}}));
    QTRY_VERIFY_WITH_TIMEOUT(program.output().contains("old"), 10'000);
    m_sensor->notify(method::kLogLines, {{"name", "beacon_0"}, {"lines", QJsonArray{line("new")}}, {"missed", 3}});
    QTRY_VERIFY_WITH_TIMEOUT(program.output().contains("new"), 10'000);
    QVERIFY(program.end(SIGINT, 10'000));
    QCOMPARE(program.exitCode(), 0);
    QCOMPARE(program.output(),
        QByteArray{
            "2025-11-24 18:00:00+02:00  stdout  old\n… 3 lines were missed\n2025-11-24 18:00:00+02:00  stdout  new\n"});
}

void TestSensorctlFollow::whatComesBeforeTheAnswerIsNotLost()
{
    m_sensor->on(method::kEventsFollow, [this](const QJsonObject&, rpc::Responder& responder) {
        m_sensor->notify(method::kEventDeliver, {{"events", QJsonArray{eventOf(1)}}});
        responder.answer(QJsonObject{});
    });
    RunningProgram program{BEACON_BIN_DIR "/sensorctl", {"events", "--follow"}};
    QVERIFY(start(program));
    QTRY_VERIFY_WITH_TIMEOUT(program.output().contains("number 1"), 10'000);
}

void TestSensorctlFollow::aSensorThatGoesAwayIsToldOf()
{
    RunningProgram program{BEACON_BIN_DIR "/sensorctl", {"events", "--follow"}};
    QVERIFY(start(program));
    m_sensor->notify(method::kEventDeliver, {{"events", QJsonArray{eventOf(1)}}});
    QTRY_VERIFY_WITH_TIMEOUT(program.output().contains("number 1"), 10'000);
    m_sensor->stop();
    QVERIFY(program.waitForEnd(10'000));
    QCOMPARE(program.exitCode(), 69);
    QVERIFY2(program.log().contains("closed the connection"), program.log());
}

void TestSensorctlFollow::aSensorThatBreaksIntoNonsenseIsToldOf()
{
    QTemporaryDir dir;
    QLocalServer server;
    QVERIFY(server.listen(dir.filePath("s")));
    connect(&server, &QLocalServer::newConnection, &server, [&] {
        QLocalSocket* const client = server.nextPendingConnection();
        client->write("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
        client->write("\x1b[2Jnonsense\n");
    });
    RunningProgram program{BEACON_BIN_DIR "/sensorctl", {"--socket", dir.filePath("s"), "events", "--follow"}};
    QVERIFY(program.start());
    QVERIFY(program.waitForEnd(10'000));
    QCOMPARE(program.exitCode(), 76);
    QVERIFY(!hasControls(program.log()));
}

void TestSensorctlFollow::aReaderWhoLeavesEndsItQuietly()
{
    RunningProgram shell{
        "bash", {"-c", BEACON_BIN_DIR "/sensorctl events --follow | head -n 1; echo ${PIPESTATUS[0]}"}};
    QVERIFY(start(shell));
    m_sensor->notify(method::kEventDeliver, {{"events", QJsonArray{eventOf(1)}}}); // and no other, ever
    QVERIFY(shell.waitForEnd(10'000));
    QVERIFY2(shell.output().endsWith("\n0\n"), shell.output());
    QCOMPARE(shell.log(), QByteArray{});
}

void TestSensorctlFollow::aRefusalEndsIt()
{
    m_sensor->refuse(method::kEventsFollow, rpc::Code::Busy, QStringLiteral("you follow already"));
    const Ran ran = runSensorctl(m_sensor->socket(), {"events", "--follow"});
    QCOMPARE(ran.exitCode, 75);
    QCOMPARE(ran.output, QByteArray{});
}

QTEST_GUILESS_MAIN(TestSensorctlFollow)
#include "tst_sensorctl_follow.moc"
