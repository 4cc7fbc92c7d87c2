#include "core/platform/control.h"
#include "tests/service/sensorctl/ctl_run.h"
#include "tests/support/running_program.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QTest>

#include <sys/stat.h>

using namespace beacon;
using namespace beacon::test;

namespace method = beacon::control::method;

namespace {

QJsonObject json(const char* text)
{
    return QJsonDocument::fromJson(text).object();
}

} // namespace

/// 'config edit' with editors that are scripts, on a terminal (script(1)) and without one.
class TestSensorctlEdit : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void aChangeIsSavedOnItsBase();
    void nothingChangedNothingSaved();
    void theFileIsPrivateAndGone();
    void theEditorIsNoShellCommand_data();
    void theEditorIsNoShellCommand();
    void anEditorThatCannotBeRun();
    void anEditorThatFails_data();
    void anEditorThatFails();
    void faultsKeepTheFile();
    void whatIsNoJsonKeepsTheFile();
    void aStaleVersionKeepsTheFile();
    void onATerminalItIsOfferedAgain();
    void onATerminalItCanBeLeft();
    void aHostileNameLeadsNowhere();

private:
    /// A script that is told the file's path as $1; what it writes to $W stands in the test's folder.
    [[nodiscard]] QString editor(const QByteArray& script)
    {
        const QString path = m_dir->filePath("an editor");
        QFile file{path};
        if (!file.open(QIODevice::WriteOnly)
            || file.write("#!/bin/bash\nW=" + QFile::encodeName(m_dir->path()) + "\n" + script) < 0)
            return {};
        file.close();
        ::chmod(qPrintable(path), 0755);
        return '"' + path + '"';
    }
    [[nodiscard]] QByteArray written(const char* name) const
    {
        QFile file{m_dir->filePath(name)};
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
    }
    [[nodiscard]] Ran edit(
        const QString& command, const QStringList& more = {}, const QString& variable = "EDITOR") const
    {
        Surroundings around{.environment = {{"TMPDIR", m_dir->filePath("tmp")}, {"VISUAL", ""}, {"EDITOR", ""}}};
        around.environment.insert(variable, command);
        return runSensorctl(m_sensor->socket(), QStringList{"config", "edit", "beacon_0"} + more, around);
    }
    [[nodiscard]] QStringList left() const
    {
        return QDir{m_dir->filePath("tmp")}.entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot);
    }
    [[nodiscard]] QByteArray keptText(const Ran& ran) const
    {
        const QByteArray mark{"is kept in "};
        const QByteArray path =
            ran.complaints.mid(ran.complaints.indexOf(mark) + mark.size()).split('\n').first().trimmed();
        QFile file{QString::fromUtf8(path)};
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
    }
    /// On a terminal, with `keys` typed.
    [[nodiscard]] Ran editOnATerminal(const QString& command, const QByteArray& keys) const;

    std::unique_ptr<ScriptedSensor> m_sensor;
    std::unique_ptr<QTemporaryDir> m_dir;
};

void TestSensorctlEdit::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    QVERIFY(QDir{m_dir->path()}.mkdir("tmp"));
    m_sensor = std::make_unique<ScriptedSensor>();
    m_sensor->answer(method::kConfigGet, json(R"({"version":7,"config":{"rate":1,"key":"********"}})"));
    m_sensor->answer(method::kConfigApply, json(R"({"version":8,"changed":["/rate"],"state":"applied"})"));
    QVERIFY(m_sensor->start());
}

void TestSensorctlEdit::aChangeIsSavedOnItsBase()
{
    const Ran ran = edit(editor(R"(sed -i 's/"rate": 1/"rate": 5/' "$1")"), {"--why", "faster"});
    QVERIFY2(ran.exitCode == 0, ran.complaints);
    QCOMPARE(ran.output, QByteArray{"version 8 of beacon_0 is in force; changed: /rate\n"});
    QCOMPARE(m_sensor->lastParams(method::kConfigApply),
        json(R"({"target":"beacon_0","base":7,"why":"faster","config":{"rate":5,"key":"********"}})"));
    QCOMPARE(left(), QStringList{});
    const Ran visual = edit(editor(R"(sed -i 's/"rate": 1/"rate": 6/' "$1")"), {"--json"}, "VISUAL");
    QCOMPARE(visual.exitCode, 0);
    QVERIFY(visual.document());
}

void TestSensorctlEdit::nothingChangedNothingSaved()
{
    const Ran ran = edit(editor(R"(printf '{"key":"********",\n\n"rate":1}' >"$1")")); // laid out anew, the same
    QCOMPARE(ran.exitCode, 0);
    QCOMPARE(ran.output, QByteArray{"nothing changed, so nothing was saved\n"});
    QVERIFY(m_sensor->lastParams(method::kConfigApply).isEmpty());
    QCOMPARE(left(), QStringList{});
}

void TestSensorctlEdit::theFileIsPrivateAndGone()
{
    const Ran ran =
        edit(editor("stat -c '%a' \"$1\" \"$(dirname \"$1\")\" >$W/modes; echo \"$1\" >$W/path; touch \"$1~\"\n"
                    "ls -l /proc/$$/fd | grep -c socket >$W/sockets; true\n"));
    QCOMPARE(ran.exitCode, 0);
    QCOMPARE(written("modes"), QByteArray{"600\n700\n"});
    QVERIFY(written("path").endsWith("/beacon_0.json\n"));
    QCOMPARE(written("sockets"), QByteArray{"0\n"}); // the connection is not the editor's
    QCOMPARE(left(), QStringList{}); // an editor's backup neither
}

void TestSensorctlEdit::theEditorIsNoShellCommand_data()
{
    QTest::addColumn<QString>("after");
    QTest::addColumn<QByteArray>("words");
    QTest::newRow("words are arguments") << QStringLiteral(" -a  -b") << QByteArray{"-a|-b|"};
    QTest::newRow("quotes keep a word together") << QStringLiteral(" \"a b\"") << QByteArray{"a b|"};
    QTest::newRow("a semicolon is a word") << QStringLiteral(" ; touch x") << QByteArray{";|touch|x|"};
    QTest::newRow("nothing is expanded") << QStringLiteral(" $HOME $(id) * >x") << QByteArray{"$HOME|$(id)|*|>x|"};
}

void TestSensorctlEdit::theEditorIsNoShellCommand()
{
    QFETCH(QString, after);
    QFETCH(QByteArray, words);
    const Ran ran = edit(editor("printf '%s|' \"${@:1:$#-1}\" >$W/words\n") + after);
    QCOMPARE(ran.exitCode, 0);
    QCOMPARE(written("words"), words);
}

void TestSensorctlEdit::anEditorThatCannotBeRun()
{
    const Ran ran = edit("/nonexistent/editor");
    QCOMPARE(ran.exitCode, 78);
    QVERIFY2(ran.complaints.contains("set VISUAL or EDITOR"), ran.complaints);
    QCOMPARE(left(), QStringList{});
}

void TestSensorctlEdit::anEditorThatFails_data()
{
    QTest::addColumn<QByteArray>("script");
    QTest::addColumn<bool>("kept");
    QTest::newRow("with an exit code") << QByteArray{"exit 3"} << false;
    QTest::newRow("by a signal") << QByteArray{"kill -9 $$"} << false;
    QTest::newRow("after something was written") << QByteArray{"echo '{\"rate\": 9}' >\"$1\"; exit 3"} << true;
}

void TestSensorctlEdit::anEditorThatFails()
{
    QFETCH(QByteArray, script);
    QFETCH(bool, kept);
    const Ran ran = edit(editor(script));
    QCOMPARE(ran.exitCode, 65);
    QVERIFY(m_sensor->lastParams(method::kConfigApply).isEmpty());
    QCOMPARE(left().size(), kept ? 1 : 0);
}

void TestSensorctlEdit::faultsKeepTheFile()
{
    m_sensor->refuse(method::kConfigApply, rpc::Code::InvalidParams, "beacon_0 refused it",
        json(R"({"faults":[{"pointer":"/rate","text":"must be at most 10"}]})"));
    const Ran ran = edit(editor(R"(echo '{"rate": 50}' >"$1")"));
    QCOMPARE(ran.exitCode, 65);
    QCOMPARE(ran.output, QByteArray{});
    QVERIFY2(ran.complaints.contains("  /rate: must be at most 10\n"), ran.complaints);
    QCOMPARE(keptText(ran), QByteArray{"{\"rate\": 50}\n"});
}

void TestSensorctlEdit::whatIsNoJsonKeepsTheFile()
{
    const Ran ran = edit(editor(R"(echo '{"rate": ' >"$1")"));
    QCOMPARE(ran.exitCode, 65);
    QVERIFY2(ran.complaints.contains("line 2, column 1"), ran.complaints);
    QCOMPARE(keptText(ran), QByteArray{"{\"rate\": \n"});
}

void TestSensorctlEdit::aStaleVersionKeepsTheFile()
{
    m_sensor->refuse(method::kConfigApply, rpc::Code::Busy, "version 8 is current, saved by anna",
        json(R"({"current":8,"who":"anna","timestamp":1764000000})"));
    const Ran ran = edit(editor(R"(echo '{"rate": 5}' >"$1")"));
    QCOMPARE(ran.exitCode, 75);
    QVERIFY2(ran.complaints.contains("saved by anna"), ran.complaints);
    QCOMPARE(keptText(ran), QByteArray{"{\"rate\": 5}\n"});
}

Ran TestSensorctlEdit::editOnATerminal(const QString& command, const QByteArray& keys) const
{
    RunningProgram terminal{"script",
        {"-qefc", BEACON_BIN_DIR "/sensorctl --timeout 10 config edit beacon_0", m_dir->filePath("typescript")}};
    QFile input{m_dir->filePath("keys")};
    if (!input.open(QIODevice::WriteOnly) || input.write(keys) != keys.size())
        return {};
    input.close();
    terminal.setInputFile(input.fileName());
    const std::initializer_list<std::pair<const char*, QString>> variables{{"SENSOR_CONTROL", m_sensor->socket()},
        {"TMPDIR", m_dir->filePath("tmp")}, {"VISUAL", ""}, {"EDITOR", command}, {"SHELL", "/bin/sh"}};
    for (const auto& [name, value] : variables)
        terminal.setEnvironment(name, value);
    if (!terminal.start() || !terminal.waitForEnd(20'000))
        return {-1, terminal.output(), terminal.log()};
    return {terminal.exitCode(), {}, terminal.output()};
}

void TestSensorctlEdit::onATerminalItIsOfferedAgain()
{
    m_sensor->on(method::kConfigApply, [](const QJsonObject& params, rpc::Responder& responder) {
        if (params.value("config").toObject().value("rate") == 50)
            responder.fail(
                rpc::Code::InvalidParams, "refused", json(R"({"faults":[{"pointer":"/rate","text":"too much"}]})"));
        else
            responder.answer(json(R"({"version":8,"changed":["/rate"],"state":"applied"})"));
    });
    const Ran ran = editOnATerminal(editor("if [ -e $W/again ]; then grep -q 50 \"$1\" && echo '{\"rate\": 5}' "
                                           ">\"$1\"; else echo '{\"rate\": 50}' >\"$1\"; fi\n"
                                           "touch $W/again\n"),
        "y\n");
    QVERIFY2(ran.exitCode == 0, ran.complaints);
    QVERIFY2(ran.complaints.contains("/rate: too much"), ran.complaints);
    QVERIFY2(ran.complaints.contains("Edit it again?"), ran.complaints);
    QCOMPARE(m_sensor->lastParams(method::kConfigApply).value("config").toObject(), json(R"({"rate":5})"));
    QCOMPARE(left(), QStringList{});
}

void TestSensorctlEdit::onATerminalItCanBeLeft()
{
    const Ran ran = editOnATerminal(editor("echo nonsense >\"$1\"\n"), "n\n");
    QCOMPARE(ran.exitCode, 65);
    QCOMPARE(keptText(ran), QByteArray{"nonsense\n"});
}

void TestSensorctlEdit::aHostileNameLeadsNowhere()
{
    Surroundings around{.environment = {{"TMPDIR", m_dir->filePath("tmp")}, {"VISUAL", ""},
                            {"EDITOR", editor("echo \"$1\" >$W/path\n")}}};
    const Ran ran = runSensorctl(m_sensor->socket(), {"config", "edit", "../../x y;z"}, around);
    QVERIFY2(ran.exitCode == 0, ran.complaints);
    QVERIFY2(written("path").endsWith("/______x_y_z.json\n"), written("path"));
}

QTEST_GUILESS_MAIN(TestSensorctlEdit)
#include "tst_sensorctl_edit.moc"
