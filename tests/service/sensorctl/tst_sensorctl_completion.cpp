#include "core/platform/control.h"
#include "tests/service/sensorctl/ctl_run.h"
#include "tests/support/running_program.h"

#include <QDir>
#include <QFile>
#include <QTest>

using namespace beacon;
using namespace beacon::test;

using L = QStringList;

/// The script as checked in, in a real bash without any start files.
class TestSensorctlCompletion : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void offers_data();
    void offers();
    void offersFiles();
    void isQuietWithoutASensor();
    void hostileNamesAreNotOffered();
    void asksTheSocketThatWasTyped();
    void registersItself();

private:
    /// What is offered for the last of `words`; `words` are COMP_WORDS without the command.
    [[nodiscard]] L offered(const L& words, const QString& socket, QByteArray* complaints = nullptr) const
    {
        RunningProgram bash{"bash",
            L{"--noprofile", "--norc", "-c",
                "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _sensorctl \"$1\"; printf '%s\\n' "
                "\"${COMPREPLY[@]}\"",
                "bash", BEACON_SOURCE_DIR "/resources/completion/sensorctl.bash", BEACON_BIN_DIR "/sensorctl"}
                + words};
        bash.setEnvironment("SENSOR_CONTROL", socket);
        if (!bash.start() || !bash.waitForEnd(20'000))
            return {"bash did not end"};
        if (complaints != nullptr)
            *complaints = bash.log();
        return QString::fromUtf8(bash.output()).split('\n', Qt::SkipEmptyParts);
    }
    ScriptedSensor m_sensor;
};

void TestSensorctlCompletion::initTestCase()
{
    m_sensor.answer(control::method::kInterfaces,
        QJsonObject{{"interfaces", QJsonArray{QJsonObject{{"name", "plant-a"}}, QJsonObject{{"name", "span"}}}},
            {"devices",
                QJsonArray{
                    QJsonObject{{"name", "eth5"}, {"free", true}}, QJsonObject{{"name", "eth0"}, {"free", false}}}}});
    QVERIFY(m_sensor.start());
}

void TestSensorctlCompletion::offers_data()
{
    QTest::addColumn<L>("words");
    QTest::addColumn<L>("expected");
    const L general{"--socket", "--json", "--why", "--timeout", "--help", "--version"};
    QTest::newRow("commands") << L{"st"} << L{"status", "start", "stop"};
    QTest::newRow("the words of a command") << L{"interfaces", ""} << L{"add", "remove", "give", "take"};
    QTest::newRow("the beginning of one") << L{"config", "ro"} << L{"rollback"};
    QTest::newRow("options of every command") << L{"status", "--"} << general;
    QTest::newRow("its own options first") << L{"config", "apply", "x", "y", "--"} << L{"--base", "--check"} + general;
    QTest::newRow("the beginning of an option") << L{"events", "--f"} << L{"--follow"};
    QTest::newRow("choices of an option") << L{"interfaces", "add", "x", "--type", ""} << L{"phy", "bridge", "mirror"};
    QTest::newRow("choices behind an equals sign") << L{"interfaces", "add", "x", "--type", "=", "b"} << L{"bridge"};
    QTest::newRow("choices right behind the equals sign")
        << L{"interfaces", "add", "x", "--type", "="} << L{"phy", "bridge", "mirror"};
    QTest::newRow("ways to get an address") << L{"add", "beacon", "--address", ""} << L{"dhcp", "slaac", "none"};
    QTest::newRow("choices of an operand") << L{"completion", ""} << L{"bash"};
    QTest::newRow("Instruments") << L{"stop", ""} << L{"beacon_0", "beacon_1"};
    QTest::newRow("Instruments that begin so") << L{"stop", "beacon_1"} << L{"beacon_1"};
    QTest::newRow("one more Instrument") << L{"restart", "beacon_0", ""} << L{"beacon_0", "beacon_1"};
    QTest::newRow("no second one where one is enough") << L{"logs", "beacon_0", ""} << L{};
    QTest::newRow("targets") << L{"config", "history", ""} << L{"beacon_0", "beacon_1", "sensor"};
    QTest::newRow("interfaces as an operand") << L{"interfaces", "remove", ""} << L{"plant-a", "span"};
    QTest::newRow("interfaces as the second operand") << L{"interfaces", "give", "beacon_0", "s"} << L{"span"};
    QTest::newRow("interfaces as an option's value") << L{"add", "beacon", "--interface", "p"} << L{"plant-a"};
    QTest::newRow("nothing behind a colon") << L{"add", "beacon", "--interface", "plant-a", ":", ""} << L{};
    QTest::newRow("options go on behind a colon")
        << L{"add", "beacon", "--interface", "plant-a", ":", "eth1", "--sto"} << L{"--stopped"};
    QTest::newRow("devices that are free") << L{"interfaces", "add", "x", "--device", ""} << L{"eth5"};
    QTest::newRow("names inside") << L{"interfaces", "take", "beacon_0", ""} << L{"eth0"};
    QTest::newRow("types") << L{"add", ""} << L{"beacon", "listener", "downloader"};
    QTest::newRow("versions that have names") << L{"config", "diff", "beacon_0", "7", ""} << L{"current", "reported"};
    QTest::newRow("nothing for a number") << L{"events", "--limit", ""} << L{};
    QTest::newRow("nothing behind KEY=") << L{"config", "set", "beacon_0", "rate", "=", ""} << L{};
    QTest::newRow("behind a flag goes the operand") << L{"status", "--json", "beacon_0"} << L{"beacon_0"};
    QTest::newRow("behind an option's value too") << L{"--timeout", "5", "status", "beacon_0"} << L{"beacon_0"};
    QTest::newRow("behind two dashes no options") << L{"stop", "--", "--"} << L{};
    QTest::newRow("commands to be explained") << L{"help", "conf"} << L{"config"};
    QTest::newRow("their second words") << L{"help", "config", "s"} << L{"set", "schema"};
    QTest::newRow("nothing for an unknown command") << L{"frob", ""} << L{};
    QTest::newRow("a word with a star is no pattern") << L{"st*"} << L{};
}

void TestSensorctlCompletion::offers()
{
    QFETCH(L, words);
    QFETCH(L, expected);
    QByteArray complaints;
    QCOMPARE(offered(words, m_sensor.socket(), &complaints), expected);
    QCOMPARE(complaints, QByteArray{});
}

void TestSensorctlCompletion::offersFiles()
{
    QTemporaryDir dir;
    for (const char* name : {"one.json", "two words.json"}) {
        QFile file{dir.filePath(name)};
        QVERIFY(file.open(QIODevice::WriteOnly));
    }
    QCOMPARE(offered({"config", "apply", "beacon_0", dir.filePath("two")}, m_sensor.socket()),
        L{dir.filePath("two words.json")});
    QCOMPARE(offered({"--socket", dir.filePath("o")}, m_sensor.socket()), L{dir.filePath("one.json")});
}

void TestSensorctlCompletion::isQuietWithoutASensor()
{
    QByteArray complaints;
    QCOMPARE(offered({"config", "get", ""}, "/nonexistent", &complaints), L{"sensor"});
    QCOMPARE(complaints, QByteArray{});
}

void TestSensorctlCompletion::hostileNamesAreNotOffered()
{
    QTemporaryDir dir;
    ScriptedSensor hostile;
    const QString touched = dir.filePath("touched");
    QJsonArray instruments{QJsonObject{{"name", "good_0"}}};
    for (const QString& name :
        {"$(touch " + touched + ")", "`touch " + touched + "`", ";touch " + touched, QString{"*"}})
        instruments.append(QJsonObject{{"name", name}});
    hostile.answer(control::method::kStatus,
        QJsonObject{{"health", QJsonObject{}}, {"instruments", instruments}, {"interfaces", QJsonArray{}}});
    QVERIFY(hostile.start());
    QCOMPARE(offered({"stop", ""}, hostile.socket()), L{"good_0"});
    QVERIFY(!QFile::exists(touched));
}

void TestSensorctlCompletion::asksTheSocketThatWasTyped()
{
    QCOMPARE(offered({"--socket", m_sensor.socket(), "stop", ""}, "/nonexistent"), (L{"beacon_0", "beacon_1"}));
    QCOMPARE(offered({"--socket", "=", m_sensor.socket(), "stop", ""}, "/nonexistent"), (L{"beacon_0", "beacon_1"}));
}

void TestSensorctlCompletion::registersItself()
{
    RunningProgram bash{"bash",
        {"--noprofile", "--norc", "-c",
            "set -u; source " BEACON_SOURCE_DIR "/resources/completion/sensorctl.bash; complete -p sensorctl"}};
    QVERIFY(bash.start() && bash.waitForEnd(10'000));
    QCOMPARE(bash.output(), QByteArray{"complete -F _sensorctl sensorctl\n"});
    QCOMPARE(bash.log(), QByteArray{});
}

QTEST_GUILESS_MAIN(TestSensorctlCompletion)
#include "tst_sensorctl_completion.moc"
