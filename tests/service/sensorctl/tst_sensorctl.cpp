#include "core/base/unique_fd.h"
#include "core/platform/control.h"
#include "tests/service/sensorctl/ctl_run.h"
#include "tests/support/running_program.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QLocalServer>
#include <QTest>

#include <csignal>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;

namespace method = beacon::control::method;
using L = QStringList;

namespace {

QJsonObject json(const char* text)
{
    return QJsonDocument::fromJson(text).object();
}

/// A Sensor that answers all that there is.
void answerAll(ScriptedSensor& sensor)
{
    sensor.answer(method::kAdd, json(R"({"name":"beacon_2","version":4})"));
    sensor.answer(method::kRemove, json(R"({"kept":"/var/lib/sensor/instruments/beacon_0"})"));
    for (const auto& each : {method::kStart, method::kRestart})
        sensor.answer(each, json(R"({"name":"beacon_0","life":"running"})"));
    sensor.answer(method::kStop, json(R"({"name":"beacon_0","life":"stopped"})"));
    sensor.answer(method::kInterfaces,
        json(
            R"({"interfaces":[{"name":"plant-a","type":"bridge","device":"eth1","present":false,"problem":"eth1 is gone"}],
                 "devices":[{"name":"eth5","kind":"physical","mac":"02:00:00:00:00:05","up":true,"carrier":false,"free":true},
                            {"name":"eth0","kind":"physical","free":false,"why_not":"it has the default route"}]})"));
    for (const auto& each :
        {method::kInterfaceAdd, method::kInterfaceRemove, method::kInterfaceGive, method::kInterfaceTake})
        sensor.answer(each, json(R"({"version":5,"name":"eth1"})"));
    sensor.answer(method::kConfigGet,
        json(
            R"({"target":"beacon_0","version":7,"who":"root","state":"current","config":{"rate":1,"key":"********","ports":[1,2]}})"));
    for (const auto& each : {method::kConfigApply, method::kConfigRollback})
        sensor.answer(each, json(R"({"version":8,"changed":["/rate"],"state":"applied"})"));
    sensor.answer(method::kConfigHistory,
        json(
            R"({"versions":[{"version":8,"timestamp":1764000000,"who":"root","why":"faster","state":"current","changed":["/rate"],"faults":[]},
                             {"version":7,"timestamp":1763000000,"who":"root","state":"rejected","faults":[{"pointer":"/rate","text":"must be at most 10"}]}]})"));
    sensor.answer(method::kConfigDiff, json(R"({"from":"reported","to":"current","changes":[]})"));
    sensor.answer(method::kConfigSchema, json(R"({"type":"object"})"));
    sensor.answer(method::kHealth,
        json(R"({"status":"WARNING","reasons":[{"severity":"WARNING","text":"slow"}],"facts":{"a":1}})"));
    sensor.answer(method::kEventsRead,
        json(
            R"({"events":[{"timestamp":1764000000.5,"severity":5,"type":"instruments.x.y","message":"Leak","source_instrument":"beacon_0@plant7"}]})"));
    sensor.answer(method::kLogsRead, json(R"({"lines":[{"at":1764000000,"stream":"stderr","text":"hello"}]})"));
    sensor.answer(method::kSelfTest, json(R"({"results":[{"name":"network","passed":true,"text":"fine"}]})"));
}

/// Listens, and never accepts; the clients that fill its queue too.
std::vector<UniqueFd> listenerWithAFullQueue(const QString& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    qstrncpy(address.sun_path, qPrintable(path), sizeof address.sun_path);
    const auto* name = reinterpret_cast<const sockaddr*>(&address);
    std::vector<UniqueFd> sockets;
    sockets.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(sockets[0].get(), name, sizeof address) != 0 || ::listen(sockets[0].get(), 0) != 0)
        return {};
    do
        sockets.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    while (::connect(sockets.back().get(), name, sizeof address) == 0);
    return sockets;
}

} // namespace

class TestSensorctl : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void answersForPeople_data();
    void answersForPeople();
    void answersAreOneDocument_data();
    void answersAreOneDocument();
    void exitCodes_data();
    void exitCodes();
    void nobodyThere_data();
    void nobodyThere();
    void strangersThere_data();
    void strangersThere();
    void refusalsShowTheirFaults();
    void oneFaultIsNotToldTwice();
    void severalAreStartedAtOnceAndOneFails();
    void whatIsTooMuchIsAskedForAgain();
    void stdinIsAFileToo();
    void secretsComeFromFiles();
    void aFileThatCannotBeReadIsNotSent();
    void hostileAnswersAreHarmless_data();
    void hostileAnswersAreHarmless();
    void notAllowed();
    void namesForAShell();
    void namesForAShellAreQuickAndSilent_data();
    void namesForAShellAreQuickAndSilent();
    void nobodyReadsStdout();
    void stdoutIsFull();
    void stdoutIsClosed();
    void coloursOnATerminalOnly_data();
    void coloursOnATerminalOnly();

private:
    std::unique_ptr<ScriptedSensor> m_sensor;
};

void TestSensorctl::init()
{
    m_sensor = std::make_unique<ScriptedSensor>();
    answerAll(*m_sensor);
    QVERIFY(m_sensor->start());
}

void TestSensorctl::answersForPeople_data()
{
    QTest::addColumn<L>("words");
    QTest::addColumn<QString>("method");
    QTest::addColumn<QByteArray>("params");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char* name, const L& words, QLatin1StringView asked, const char* params,
                         const char* part) {
        QTest::newRow(name) << words << QString{asked} << QByteArray{params} << QByteArray{part};
    };
    row("status", {"status"}, method::kStatus, "{}", "INSTRUMENT  HEALTH  LIFE");
    row("status of one", {"status", "beacon_0"}, method::kStatus, "{}", "  address     beacon_0@plant7\n");
    row("status of one by its address", {"status", "beacon_0@plant7"}, method::kStatus, "{}", "  process     42\n");
    row("add", {"add", "beacon", "--interface", "plant-a", "--address", "dhcp", "--why", "first"}, method::kAdd,
        R"({"type":"beacon","interfaces":[{"interface":"plant-a","addressing":"dhcp"}],"why":"first"})",
        "beacon_2 was added\n");
    row("remove", {"remove", "beacon_0", "--purge"}, method::kRemove, R"({"name":"beacon_0","purge":true})",
        "beacon_0 was removed; its storage is kept in /var/lib/sensor/instruments/beacon_0\n");
    row("start", {"start", "beacon_0"}, method::kStart, R"({"name":"beacon_0"})", "beacon_0 is running\n");
    row("stop", {"stop", "beacon_0"}, method::kStop, R"({"name":"beacon_0"})", "beacon_0 is stopped\n");
    row("restart", {"restart", "beacon_0"}, method::kRestart, R"({"name":"beacon_0"})", "beacon_0 is running\n");
    row("interfaces", {"interfaces"}, method::kInterfaces, "{}", "no: it has the default route\n");
    row("interfaces add", {"interfaces", "add", "ot", "--type", "phy", "--device", "eth5"}, method::kInterfaceAdd,
        R"({"name":"ot","type":"phy","device":"eth5"})", "ot is an interface of the Sensor\n");
    row("interfaces remove", {"interfaces", "remove", "ot"}, method::kInterfaceRemove, R"({"name":"ot"})",
        "ot is the host's again\n");
    row("interfaces give", {"interfaces", "give", "beacon_0", "span", "--receive-only"}, method::kInterfaceGive,
        R"({"instrument":"beacon_0","interface":"span","capabilities":["rx"]})", "beacon_0 has span as eth1\n");
    row("interfaces take", {"interfaces", "take", "beacon_0", "eth1"}, method::kInterfaceTake,
        R"({"instrument":"beacon_0","name":"eth1"})", "beacon_0 has no longer eth1\n");
    row("config get", {"config", "get", "beacon_0"}, method::kConfigGet, R"({"target":"beacon_0"})", "\"rate\": 1\n");
    row("config get of a version", {"config", "get", "sensor", "3"}, method::kConfigGet,
        R"({"target":"sensor","version":3})", "\"rate\": 1\n");
    row("config set", {"config", "set", "beacon_0", "rate=5", "name=north wind", "ports="}, method::kConfigApply,
        R"({"target":"beacon_0","base":7,"config":{"rate":5,"name":"north wind","key":"********"}})",
        "version 8 of beacon_0 is in force; changed: /rate\n");
    row("config diff", {"config", "diff", "beacon_0"}, method::kConfigDiff,
        R"({"target":"beacon_0","from":"reported","to":"current"})", "no drift\n");
    row("config diff of versions", {"config", "diff", "beacon_0", "3", "4"}, method::kConfigDiff,
        R"({"target":"beacon_0","from":3,"to":4})", "no difference\n");
    row("config history", {"config", "history", "beacon_0", "--limit", "5"}, method::kConfigHistory,
        R"({"target":"beacon_0","limit":5})", "refused: /rate must be at most 10\n");
    row("config rollback", {"config", "rollback", "beacon_0"}, method::kConfigRollback, R"({"target":"beacon_0"})",
        "version 8 of beacon_0 is in force");
    row("config rollback to a version", {"config", "rollback", "beacon_0", "3", "--base", "8"}, method::kConfigRollback,
        R"({"target":"beacon_0","version":3,"base":8})", "version 8 of beacon_0 is in force");
    row("config schema", {"config", "schema", "beacon_0"}, method::kConfigSchema, R"({"target":"beacon_0"})",
        "\"type\": \"object\"\n");
    row("health", {"health"}, method::kHealth, "{}", "Sensor  WARNING\n  WARNING  slow\n  a: 1\n");
    row("health of one", {"health", "beacon_0"}, method::kHealth, R"({"name":"beacon_0"})", "beacon_0  WARNING\n");
    row("events", {"events", "--match", "instruments.*", "--severity", "3", "--after", "9"}, method::kEventsRead,
        R"({"match":"instruments.*","severity":3,"after":9,"limit":100})",
        "2025-11-24 18:00:00+02:00  critical       beacon_0@plant7     instruments.x.y                           "
        "Leak\n");
    row("logs", {"logs", "beacon_0", "--lines", "7"}, method::kLogsRead, R"({"name":"beacon_0","lines":7})",
        "2025-11-24 18:00:00+02:00  stderr  hello\n");
    row("selftest", {"selftest"}, method::kSelfTest, "{}", "passed  network  fine\n");
}

void TestSensorctl::answersForPeople()
{
    QFETCH(L, words);
    QFETCH(QString, method);
    QFETCH(QByteArray, params);
    QFETCH(QByteArray, part);
    const Ran ran = runSensorctl(m_sensor->socket(), words);
    QCOMPARE(ran.complaints, QByteArray{});
    QCOMPARE(ran.exitCode, 0);
    QCOMPARE(m_sensor->asked().back().method, method);
    QCOMPARE(QJsonDocument{m_sensor->asked().back().params}.toJson(), QJsonDocument{json(params)}.toJson());
    QVERIFY2(ran.output.contains(part), ran.output);
    QVERIFY2(!hasControls(ran.output), ran.output); // a file is no terminal: no colours
}

void TestSensorctl::answersAreOneDocument_data()
{
    answersForPeople_data();
}

void TestSensorctl::answersAreOneDocument()
{
    QFETCH(L, words);
    const Ran ran = runSensorctl(m_sensor->socket(), L{QStringLiteral("--json")} + words);
    QCOMPARE(ran.complaints, QByteArray{});
    QCOMPARE(ran.exitCode, 0);
    QVERIFY2(ran.document(), ran.output);
    QVERIFY(!ran.document()->toObject().isEmpty());
}

void TestSensorctl::exitCodes_data()
{
    QTest::addColumn<L>("words");
    QTest::addColumn<QString>("method");
    QTest::addColumn<int>("error");
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<int>("exitCode");
    const auto answered = [](const char* name, const L& words, QLatin1StringView asked, const QByteArray& answer,
                              int code) { QTest::newRow(name) << words << QString{asked} << 0 << answer << code; };
    const auto refused = [](const char* name, const L& words, QLatin1StringView asked, rpc::Code error, int code) {
        QTest::newRow(name) << words << QString{asked} << static_cast<int>(error) << QByteArray{} << code;
    };
    const auto status = [](const char* health) {
        return QJsonDocument{statusAnswer(QString::fromLatin1(health))}.toJson();
    };
    answered("a healthy Sensor is 0", {"status"}, method::kStatus, status("OK"), 0);
    answered("a warning is 0", {"status"}, method::kStatus, status("WARNING"), 0);
    answered("an error is 1", {"status"}, method::kStatus, status("ERROR"), 1);
    answered("one Instrument's error is 1", {"status", "beacon_1"}, method::kStatus, status("ERROR"), 1);
    answered("another's error is not its own", {"status", "beacon_0"}, method::kStatus, status("ERROR"), 0);
    answered("a health that nobody knows is 76", {"status"}, method::kStatus, status("SPLENDID"), 76);
    answered("an Instrument that is not there is 65", {"status", "beacon_7"}, method::kStatus, status("OK"), 65);
    answered("health ERROR is 1", {"health"}, method::kHealth, R"({"status":"ERROR"})", 1);
    answered("health PENDING is 0", {"health"}, method::kHealth, R"({"status":"PENDING"})", 0);
    answered("health ERROR is 1 with --json", {"health", "--json"}, method::kHealth, R"({"status":"ERROR"})", 1);
    answered("a failed test is 1", {"selftest"}, method::kSelfTest,
        R"({"results":[{"name":"a","passed":true},{"name":"b","passed":false}]})", 1);
    answered("no test at all is 1", {"selftest"}, method::kSelfTest, R"({"results":[]})", 1);
    answered(
        "drift is 1", {"config", "diff", "a_0"}, method::kConfigDiff, R"({"changes":[{"pointer":"/a","to":1}]})", 1);
    answered("no drift is 0", {"config", "diff", "a_0"}, method::kConfigDiff, R"({"changes":[]})", 0);
    answered("an answer without its key is 76", {"config", "diff", "a_0"}, method::kConfigDiff, "{}", 76);
    answered("an answer of a wrong kind is 76", {"logs", "a_0"}, method::kLogsRead, R"({"lines":"many"})", 76);
    answered("an answer that is no object is 76", {"health"}, method::kHealth, "[1]", 76);
    refused("invalid parameters are 65", {"stop", "a_0"}, method::kStop, rpc::Code::InvalidParams, 65);
    refused("a refused removal is 65", {"remove", "a_0"}, method::kRemove, rpc::Code::InvalidParams, 65);
    refused("denied is 77", {"stop", "a_0"}, method::kStop, rpc::Code::Denied, 77);
    refused("busy is 75", {"config", "rollback", "a_0"}, method::kConfigRollback, rpc::Code::Busy, 75);
    refused("an Instrument's timeout is 75", {"health", "a_0"}, method::kHealth, rpc::Code::Timeout, 75);
    refused("an internal error is 70", {"interfaces"}, method::kInterfaces, rpc::Code::Internal, 70);
    refused("too large is 70", {"events"}, method::kEventsRead, rpc::Code::TooLarge, 70);
    refused("an unknown method is 76", {"events"}, method::kEventsRead, rpc::Code::MethodNotFound, 76);
    refused("an unknown code is 70", {"events"}, method::kEventsRead, static_cast<rpc::Code>(-7), 70);
    answered("no command is 64", {}, method::kStatus, "{}", 64);
    answered("an unknown command is 64", {"frobnicate"}, method::kStatus, "{}", 64);
    answered("an unknown option is 64", {"status", "--frob"}, method::kStatus, "{}", 64);
    answered("a version that is none is 64", {"config", "get", "a_0", "seven"}, method::kConfigGet, "{}", 64);
    answered("half a count is 64", {"logs", "a_0", "--lines", "1.5"}, method::kLogsRead, "{}", 64);
    answered("an address without its length is 64", {"add", "beacon", "--interface", "a", "--address", "192.0.2.1"},
        method::kAdd, "{}", 64);
    answered(
        "no KEY=VALUE is 64", {"config", "set", "a_0", "rate"}, method::kConfigGet, R"({"version":1,"config":{}})", 64);
    answered("a missing file is 66", {"config", "apply", "a_0", "/nonexistent"}, method::kConfigApply, "{}", 66);
    answered("a directory is 66", {"config", "apply", "a_0", "/"}, method::kConfigApply, "{}", 66);
    answered("a file that is no JSON is 65", {"config", "apply", "a_0", "/etc/passwd"}, method::kConfigApply, "{}", 65);
    answered("help is 0", {"help", "config"}, method::kStatus, "{}", 0);
    answered("the version is 0", {"--version"}, method::kStatus, "{}", 0);
    answered("completion is 0", {"completion", "bash"}, method::kStatus, "{}", 0);
}

void TestSensorctl::exitCodes()
{
    QFETCH(L, words);
    QFETCH(QString, method);
    QFETCH(int, error);
    QFETCH(QByteArray, answer);
    QFETCH(int, exitCode);
    const QLatin1StringView name{method.toLatin1().constData()};
    const QByteArray kept = method.toLatin1();
    if (error != 0) {
        m_sensor->refuse(QLatin1StringView(kept), static_cast<rpc::Code>(error), QStringLiteral("It is so"));
    } else {
        const QJsonDocument document = QJsonDocument::fromJson(answer);
        m_sensor->answer(
            QLatin1StringView(kept), document.isArray() ? QJsonValue{document.array()} : QJsonValue{document.object()});
    }
    const Ran ran = runSensorctl(m_sensor->socket(), words);
    QVERIFY2(ran.exitCode == exitCode, ran.output + ran.complaints);
    const bool complains = exitCode > 1;
    QCOMPARE(!ran.complaints.isEmpty(), complains);
    QCOMPARE(ran.output.isEmpty(), complains); // stdout is for results only
    if (error != 0)
        QVERIFY2(ran.complaints.contains("It is so"), ran.complaints);
    if (error == 0 || words.contains(QStringLiteral("--json")))
        return;
    const Ran asJson = runSensorctl(m_sensor->socket(), L{QStringLiteral("--json")} + words);
    QCOMPARE(asJson.exitCode, exitCode);
    QVERIFY2(asJson.document(), asJson.output);
}

void TestSensorctl::nobodyThere_data()
{
    QTest::addColumn<QString>("what");
    QTest::addColumn<int>("exitCode");
    QTest::newRow("no socket at all") << QStringLiteral("absent") << 69;
    QTest::newRow("a socket that nobody listens at") << QStringLiteral("stale") << 69;
    QTest::newRow("a file that is no socket") << QStringLiteral("file") << 69;
    QTest::newRow("a path that is too long") << QStringLiteral("long") << 64;
    QTest::newRow("a Sensor that never answers") << QStringLiteral("hang") << 69;
    QTest::newRow("a Sensor that closes instead of answering") << QStringLiteral("close") << 69;
    QTest::newRow("a Sensor that accepts nobody") << QStringLiteral("full") << 69;
}

void TestSensorctl::nobodyThere()
{
    QFETCH(QString, what);
    QFETCH(int, exitCode);
    QTemporaryDir dir;
    QString path = dir.filePath(QStringLiteral("s"));
    std::vector<UniqueFd> full;
    if (what == QLatin1StringView("stale")) {
        QLocalServer gone;
        QVERIFY(gone.listen(path));
        QVERIFY(QFile::link(path, path + QStringLiteral("l")));
        QVERIFY(::rename(qPrintable(path), qPrintable(path + QStringLiteral("k"))) == 0);
        path += QStringLiteral("k");
    } else if (what == QLatin1StringView("file")) {
        QFile file{path};
        QVERIFY(file.open(QIODevice::WriteOnly));
    } else if (what == QLatin1StringView("long")) {
        path = dir.filePath(QString(120, QLatin1Char('x')));
    } else if (what == QLatin1StringView("full")) {
        full = listenerWithAFullQueue(path);
    } else if (what != QLatin1StringView("absent")) {
        path = m_sensor->socket();
        if (what == QLatin1StringView("hang"))
            m_sensor->hang(method::kStatus);
        else
            m_sensor->hangUp(method::kStatus);
    }
    const Ran ran = runSensorctl(path, {QStringLiteral("status"), QStringLiteral("--timeout"), QStringLiteral("0.4")});
    QVERIFY2(ran.exitCode == exitCode, ran.complaints);
    QCOMPARE(ran.output, QByteArray{});
    QVERIFY(ran.complaints.startsWith("sensorctl: "));
    QCOMPARE(ran.complaints.count('\n'), 1);
}

void TestSensorctl::strangersThere_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::newRow("words") << QByteArray{"HTTP/1.1 400 Bad Request\r\n\r\n"};
    QTest::newRow("JSON that is no JSON-RPC") << QByteArray{"{\"hello\":1}\n"};
    QTest::newRow("JSON-RPC of another age") << QByteArray{"{\"result\":1,\"error\":null,\"id\":1}\n"};
    QTest::newRow("a line that never ends") << QByteArray(2 * 1'024 * 1'024, 'x');
    QTest::newRow("half a line, then the end") << QByteArray{"{\"jsonrpc\":\"2.0\",\"id\":1,"};
    QTest::newRow("brackets without end") << QByteArray(100'000, '[') + '\n';
    QTest::newRow("escape sequences") << QByteArray{"\x1b[2J\x1b]0;x\x07\n"};
    QTest::newRow("notifications without end")
        << QByteArray{"{\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n"}.repeated(5'000);
}

void TestSensorctl::strangersThere()
{
    QFETCH(QByteArray, bytes);
    QTemporaryDir dir;
    QLocalServer server;
    QVERIFY(server.listen(dir.filePath(QStringLiteral("s"))));
    connect(&server, &QLocalServer::newConnection, &server, [&] {
        QLocalSocket* const client = server.nextPendingConnection();
        client->write(bytes);
        client->disconnectFromServer(); // once all is written
    });
    const Ran ran = runSensorctl(dir.filePath(QStringLiteral("s")), {QStringLiteral("status")});
    QVERIFY2(ran.exitCode == 76, ran.complaints);
    QCOMPARE(ran.output, QByteArray{});
    QVERIFY(!hasControls(ran.complaints));
    QCOMPARE(ran.complaints.count('\n'), 1);
}

void TestSensorctl::refusalsShowTheirFaults()
{
    m_sensor->refuse(method::kConfigApply, rpc::Code::InvalidParams, QStringLiteral("beacon_0 refused it"),
        json(R"({"faults":[{"pointer":"/rate","text":"must be at most 10"},{"pointer":"","text":"is odd"}]})"));
    const Ran ran = runSensorctl(m_sensor->socket(), {"config", "apply", "beacon_0", "-"}, {.input = R"({"rate":50})"});
    QCOMPARE(ran.exitCode, 65);
    QCOMPARE(ran.complaints,
        QByteArray{"sensorctl: beacon_0 refused it\n  /rate: must be at most 10\n  (the whole): is odd\n"});
    const Ran asJson =
        runSensorctl(m_sensor->socket(), {"config", "apply", "beacon_0", "-", "--json"}, {.input = R"({"rate":50})"});
    QCOMPARE(asJson.exitCode, 65);
    const QJsonObject error = asJson.document()->toObject().value(QStringLiteral("error")).toObject();
    QCOMPARE(error.value(QStringLiteral("code")).toInt(), -32602);
    QCOMPARE(error.value(QStringLiteral("data")).toObject().value(QStringLiteral("faults")).toArray().size(), 2);
}

void TestSensorctl::oneFaultIsNotToldTwice()
{
    m_sensor->refuse(method::kConfigApply, rpc::Code::InvalidParams,
        QStringLiteral("refused: /rate must be at most 10"),
        json(R"({"faults":[{"pointer":"/rate","text":"must be at most 10"}]})"));
    const Ran ran = runSensorctl(m_sensor->socket(), {"config", "set", "beacon_0", "rate=50"});
    QCOMPARE(ran.exitCode, 65);
    QCOMPARE(ran.complaints, QByteArray{"sensorctl: refused: /rate must be at most 10\n"});
}

void TestSensorctl::whatIsTooMuchIsAskedForAgain()
{
    m_sensor->on(method::kLogsRead, [](const QJsonObject& params, rpc::Responder& responder) {
        if (params.value(QStringLiteral("lines")).toInt() > 1'500)
            responder.answer(QString(2'000'000, QLatin1Char('x'))); // becomes TooLarge
        else
            responder.answer(json(R"({"lines":[{"text":"last"}]})"));
    });
    const Ran ran = runSensorctl(m_sensor->socket(), {"logs", "beacon_0", "--lines", "10000"});
    QVERIFY2(ran.exitCode == 0, ran.complaints);
    QVERIFY(ran.output.contains("last"));
    QCOMPARE(m_sensor->lastParams(method::kLogsRead).value(QStringLiteral("lines")).toInt(), 1'250);
    m_sensor->refuse(method::kLogsRead, rpc::Code::TooLarge, QStringLiteral("The answer is over 1 MiB"));
    QCOMPARE(runSensorctl(m_sensor->socket(), {"logs", "beacon_0"}).exitCode, 70);
}

void TestSensorctl::severalAreStartedAtOnceAndOneFails()
{
    m_sensor->on(method::kStart, [](const QJsonObject& params, rpc::Responder& responder) {
        if (params.value(QStringLiteral("name")) == QStringLiteral("b_1"))
            responder.fail(rpc::Code::Timeout, QStringLiteral("b_1 did not start"));
        else
            responder.answer(json(R"({"life":"running"})"));
    });
    L words{"start"};
    for (int i = 0; i < 40; ++i) // more than may be in flight
        words << QStringLiteral("b_%1").arg(i);
    const Ran ran = runSensorctl(m_sensor->socket(), words);
    QCOMPARE(ran.exitCode, 75);
    QCOMPARE(ran.output.count('\n'), 39);
    QCOMPARE(ran.complaints, QByteArray{"sensorctl: b_1: b_1 did not start\n"});
    QCOMPARE(m_sensor->asked().size(), std::size_t{40});
    const Ran asJson = runSensorctl(m_sensor->socket(), L{"--json"} + words);
    QCOMPARE(asJson.exitCode, 75);
    QCOMPARE(asJson.document()->toObject().value(QStringLiteral("instruments")).toArray().size(), 40);
}

void TestSensorctl::stdinIsAFileToo()
{
    const Ran ran = runSensorctl(m_sensor->socket(),
        {"config", "apply", "beacon_0", "-", "--base", "7", "--check", "--why", "trial"}, {.input = "{\"rate\": 5}\n"});
    QCOMPARE(ran.exitCode, 0);
    QCOMPARE(m_sensor->lastParams(method::kConfigApply),
        json(R"({"target":"beacon_0","base":7,"check":true,"why":"trial","config":{"rate":5}})"));
    const Ran twice = runSensorctl(
        m_sensor->socket(), {"config", "apply", "beacon_0", "-"}, {.input = "{\"rate\": 5,\n \"rate\": 6}"});
    QCOMPARE(twice.exitCode, 65);
    QVERIFY2(twice.complaints.contains("\"rate\" is given twice"), twice.complaints);
    const Ran broken =
        runSensorctl(m_sensor->socket(), {"config", "apply", "beacon_0", "-"}, {.input = "{\n \"rate\": }"});
    QCOMPARE(broken.exitCode, 65);
    QVERIFY2(broken.complaints.contains("line 2, column"), broken.complaints);
}

void TestSensorctl::secretsComeFromFiles()
{
    QTemporaryDir dir;
    QFile secret{dir.filePath(QStringLiteral("secret"))};
    QVERIFY(secret.open(QIODevice::WriteOnly) && secret.write("c2VjcmV0\n") > 0);
    secret.close();
    const Ran ran = runSensorctl(m_sensor->socket(), {"config", "set", "beacon_0", "key=@" + secret.fileName()});
    QCOMPARE(ran.exitCode, 0);
    const QJsonObject config = m_sensor->lastParams(method::kConfigApply).value(QStringLiteral("config")).toObject();
    QCOMPARE(config.value(QStringLiteral("key")).toString(), QStringLiteral("c2VjcmV0"));
    QVERIFY(!ran.output.contains("c2VjcmV0"));
    const Ran unread = runSensorctl(m_sensor->socket(), {"config", "set", "beacon_0", "key=@/nonexistent"});
    QCOMPARE(unread.exitCode, 66);
}

void TestSensorctl::aFileThatCannotBeReadIsNotSent()
{
    const Ran ran = runSensorctl(m_sensor->socket(), {"add", "beacon", "--config", "/nonexistent"});
    QCOMPARE(ran.exitCode, 66);
    QVERIFY(m_sensor->asked().empty());
}

void TestSensorctl::hostileAnswersAreHarmless_data()
{
    answersForPeople_data();
}

void TestSensorctl::hostileAnswersAreHarmless()
{
    QFETCH(L, words);
    QFETCH(QString, method);
    const QString hostile = QStringLiteral("\x1b[31m\x1b]0;owned\x07\r\n\t\b") + QChar{0x9b} + QStringLiteral("2J")
        + QChar{0x202e} + QChar{0x2028} + QChar{0xd800} + QChar{0xfeff} + QStringLiteral("end")
        + QString(5'000, QLatin1Char('y'));
    const auto everywhere = [&](const QJsonValue& value, const auto& again) -> QJsonValue {
        if (value.isString())
            return QStringList{"OK", "WARNING", "running", "current", "applied"}.contains(value.toString())
                ? value.toString()
                : hostile;
        if (value.isArray()) {
            QJsonArray array;
            for (const QJsonValue& item : value.toArray())
                array.append(again(item, again));
            return array;
        }
        if (!value.isObject())
            return value;
        QJsonObject object = value.toObject();
        const bool isSought = method == QString{method::kStatus} && words.size() > 1;
        for (const QString& key : object.keys())
            if (!isSought || (key != QLatin1StringView("name") && key != QLatin1StringView("address")))
                object.insert(key, again(object.value(key), again));
        object.insert(hostile.left(60), hostile);
        return object;
    };
    ScriptedSensor honest;
    answerAll(honest);
    QJsonValue answer;
    QVERIFY(honest.start());
    (void)runSensorctl(honest.socket(), words); // asks for what is to be twisted
    const Ran before = runSensorctl(honest.socket(), L{"--json"} + words);
    QVERIFY(before.document());
    if (QStringList{"status", "start", "stop", "restart"}.contains(words.first()) && words.size() > 1)
        answer = words.first() == QLatin1StringView("status")
            ? everywhere(statusAnswer(), everywhere)
            : QJsonValue{QJsonObject{{QStringLiteral("life"), hostile}}};
    else
        answer = everywhere(*before.document(), everywhere);
    const QByteArray name = method.toLatin1();
    m_sensor->answer(QLatin1StringView(name), answer);
    const Ran ran = runSensorctl(m_sensor->socket(), words);
    QVERIFY2(ran.exitCode == 0, ran.complaints);
    QVERIFY2(!hasControls(ran.output), ran.output.toPercentEncoding(" \n"));
    QVERIFY2(!hasControls(ran.complaints), ran.complaints);
    if (!words.contains(QStringLiteral("schema")) && words.value(1) != QLatin1StringView("get"))
        for (const QByteArray& line : ran.output.split('\n'))
            QVERIFY2(line.size() < 6'000, line.left(200));
    const Ran asJson = runSensorctl(m_sensor->socket(), L{"--json"} + words);
    QCOMPARE(asJson.exitCode, 0);
    QVERIFY(!hasControls(asJson.output));
    QVERIFY(asJson.document());
}

void TestSensorctl::notAllowed()
{
    QTemporaryDir dir;
    QVERIFY(::chmod(qPrintable(dir.path()), 0755) == 0);
    const QString path = dir.filePath(QStringLiteral("s"));
    QLocalServer server;
    QVERIFY(server.listen(path));
    QVERIFY(::chmod(qPrintable(path), 0600) == 0);
    RunningProgram program{QStringLiteral(BEACON_BIN_DIR "/sensorctl"), {"--socket", path, "status"}};
    const bool isRoot = ::geteuid() == 0;
    if (isRoot)
        program.setChildModifier([] {
            if (::setgid(65'534) != 0 || ::setuid(65'534) != 0)
                ::_exit(99);
        });
    else
        QVERIFY(::chmod(qPrintable(path), 0000) == 0);
    QVERIFY(program.start());
    QVERIFY(program.waitForEnd(10'000));
    QCOMPARE(program.exitCode(), 77);
    QVERIFY2(program.log().contains("sensor-admin"), program.log());
}

void TestSensorctl::namesForAShell()
{
    QJsonObject status = statusAnswer();
    QJsonArray instruments = status.value(QStringLiteral("instruments")).toArray();
    for (const char* hostile : {"a;rm -rf x", "$(reboot)", "a b", "--socket", "a\nb", "`x`", ""})
        instruments.append(QJsonObject{{QStringLiteral("name"), QString::fromLatin1(hostile)}});
    status.insert(QStringLiteral("instruments"), instruments);
    m_sensor->answer(method::kStatus, status);
    const auto names = [&](const char* kind) {
        return runSensorctl(m_sensor->socket(), {QStringLiteral("--complete"), QLatin1StringView(kind)}).output;
    };
    QCOMPARE(names("instrument"), QByteArray{"beacon_0\nbeacon_1\n"});
    QCOMPARE(names("target"), QByteArray{"beacon_0\nbeacon_1\nsensor\n"});
    QCOMPARE(names("interface"), QByteArray{"plant-a\n"});
    QCOMPARE(names("device"), QByteArray{"eth5\n"}); // eth0 is not free
    QCOMPARE(names("inside"), QByteArray{"eth0\n"});
    QCOMPARE(names("type"), QByteArray{"beacon\nlistener\ndownloader\n"});
}

void TestSensorctl::namesForAShellAreQuickAndSilent_data()
{
    QTest::addColumn<bool>("hangs");
    QTest::newRow("where nobody is there") << false;
    QTest::newRow("where the Sensor hangs") << true;
}

void TestSensorctl::namesForAShellAreQuickAndSilent()
{
    QFETCH(bool, hangs);
    m_sensor->hang(method::kStatus);
    QElapsedTimer timer;
    timer.start();
    const Ran ran = runSensorctl(hangs ? m_sensor->socket() : QStringLiteral("/nonexistent"), {"--complete", "target"});
    QVERIFY2(timer.elapsed() < 5'000, "it is bounded by 300 ms; the rest is this machine's"); // it would be 10 s
    QCOMPARE(ran.exitCode, 0);
    QCOMPARE(ran.output, QByteArray{"sensor\n"});
    QCOMPARE(ran.complaints, QByteArray{});
}

void TestSensorctl::nobodyReadsStdout()
{
    QProcess shell; // the reader ends at once, the exit code is sensorctl's
    shell.setProcessEnvironment([&] {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("SENSOR_CONTROL"), m_sensor->socket());
        return environment;
    }());
    m_sensor->answer(method::kStatus, statusAnswer(QStringLiteral("ERROR")));
    shell.start(QStringLiteral("bash"),
        {"-c", "{ sleep 0.3; " BEACON_BIN_DIR "/sensorctl status; } | true; echo ${PIPESTATUS[0]}"});
    QVERIFY(QTest::qWaitFor([&] { return shell.state() == QProcess::NotRunning; }, 20'000));
    QCOMPARE(shell.readAllStandardOutput(), QByteArray{"1\n"});
    QCOMPARE(shell.readAllStandardError(), QByteArray{});
}

void TestSensorctl::stdoutIsFull()
{
    QProcess shell;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("SENSOR_CONTROL"), m_sensor->socket());
    shell.setProcessEnvironment(environment);
    shell.start(QStringLiteral("bash"), {"-c", BEACON_BIN_DIR "/sensorctl status >/dev/full; echo $?"});
    QVERIFY(QTest::qWaitFor([&] { return shell.state() == QProcess::NotRunning; }, 20'000));
    QCOMPARE(shell.readAllStandardOutput(), QByteArray{"74\n"});
    QVERIFY(shell.readAllStandardError().startsWith("sensorctl: cannot write to stdout: "));
}

void TestSensorctl::stdoutIsClosed()
{
    RunningProgram shell{"bash", {"-c", BEACON_BIN_DIR "/sensorctl status >&-; echo $?"}};
    shell.setEnvironment("SENSOR_CONTROL", m_sensor->socket());
    QVERIFY(shell.start() && shell.waitForEnd(20'000));
    QCOMPARE(shell.output(), QByteArray{"74\n"}); // and the Sensor is not told what was meant for us
    QCOMPARE(m_sensor->asked().size(), std::size_t{1});
}

void TestSensorctl::coloursOnATerminalOnly_data()
{
    QTest::addColumn<QString>("noColor");
    QTest::addColumn<QString>("kind");
    QTest::addColumn<bool>("coloured");
    QTest::newRow("a terminal has them") << ""
                                         << "xterm" << true;
    QTest::newRow("NO_COLOR forbids them") << "1"
                                           << "xterm" << false;
    QTest::newRow("a dumb terminal has none") << ""
                                              << "dumb" << false;
}

void TestSensorctl::coloursOnATerminalOnly()
{
    QFETCH(QString, noColor);
    QFETCH(QString, kind);
    QFETCH(bool, coloured);
    RunningProgram terminal{"script", {"-qefc", BEACON_BIN_DIR "/sensorctl status", "/dev/null"}};
    terminal.setEnvironment("SENSOR_CONTROL", m_sensor->socket());
    terminal.setEnvironment("NO_COLOR", noColor);
    terminal.setEnvironment("TERM", kind);
    QVERIFY(terminal.start() && terminal.waitForEnd(20'000));
    QVERIFY2(terminal.output().contains("beacon_0"), terminal.output());
    QCOMPARE(terminal.output().contains('\x1b'), coloured);
}

QTEST_GUILESS_MAIN(TestSensorctl)
#include "tst_sensorctl.moc"
