// beacon-admin --command as a script calls it: the real program.
#include "gui/link/admin_link.h"
#include "tests/support/fake_instrument.h"
#include "tests/support/running_program.h"

#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QTest>

#include <optional>
#include <sysexits.h>

using namespace beacon;
using namespace beacon::test;

namespace {

constexpr int kPatienceMs = 30'000;

QJsonObject selfTest(bool escaped)
{
    return {{QStringLiteral("escaped"), escaped}, {QStringLiteral("attempts"), 3}};
}

} // namespace

class TestCommand : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void theAnswerIsPrinted_data();
    void theAnswerIsPrinted();
    void aFailureHasItsExitCode_data();
    void aFailureHasItsExitCode();
    void theBundleIsSavedForItsOwnerOnly();
    void theBundleMayGoToStdout();
    void whereItCannotBeSavedIsSaid();
    void nobodyThere();
    void aConnectionThatEndsInMidSelfTest();
    void mistakesOnTheCommandLine_data();
    void mistakesOnTheCommandLine();

private:
    QTemporaryDir m_directory;
    std::unique_ptr<FakeInstrument> m_instrument;
    QStringList m_asked;
    QString path() const { return m_directory.filePath(QStringLiteral("admin.sock")); }
    std::unique_ptr<RunningProgram> run(const QStringList& arguments)
    {
        auto program = std::make_unique<RunningProgram>(QStringLiteral(BEACON_BIN_DIR "/beacon-admin"),
            QStringList{QStringLiteral("--socket"), path()} + arguments);
        if (!program->start() || !program->waitForEnd(kPatienceMs))
            qFatal("beacon-admin does not end: %s", program->log().constData());
        return program;
    }
    template <class Answer> void answerWith(Answer answer)
    {
        m_instrument->feed().setCommands([this, answer](rpc::Peer&, admin::Role, const QString& method,
                                             const QJsonObject&, rpc::Responder responder) {
            m_asked << method;
            answer(responder);
        });
    }
};

void TestCommand::init()
{
    m_asked.clear();
    m_instrument = std::make_unique<FakeInstrument>(path());
    m_instrument->setRole(admin::Role::Admin);
    m_instrument->start();
    m_instrument->attempt(0); // not for a script
}

void TestCommand::theAnswerIsPrinted_data()
{
    QTest::addColumn<QString>("command");
    QTest::addColumn<QString>("method");
    QTest::addColumn<QJsonObject>("answer");
    QTest::addColumn<QByteArray>("printed");
    QTest::addColumn<int>("exitCode");
    const auto life = [](const char* word) { return QJsonObject{{QStringLiteral("life"), QLatin1StringView{word}}}; };
    const auto row = [](const char* command, const char* method, const QJsonObject& answer, const QByteArray& printed,
                         int exitCode, const char* name) {
        QTest::newRow(name) << QString::fromLatin1(command) << QString::fromLatin1(method) << answer << printed
                            << exitCode;
    };
    row("start", "beacon.start", life("starting"), "starting\n", 0, "start tells the life");
    row("stop", "beacon.stop", life("stopping"), "stopping\n", 0, "stop tells the life");
    row("restart", "beacon.restart", life("restarting"), "restarting\n", 0, "restart tells the life");
    row("self-test", "selftest.run", selfTest(true), "{\"attempts\":3,\"escaped\":true}\n", 0, "it escaped");
    row("self-test", "selftest.run", selfTest(false), "{\"attempts\":3,\"escaped\":false}\n", 1, "it did not escape");
    row("self-test", "selftest.run", life("running"), "", EX_SOFTWARE, "no result is no success");
}

void TestCommand::theAnswerIsPrinted()
{
    QFETCH(QString, command);
    QFETCH(QJsonObject, answer);
    answerWith([answer](rpc::Responder& responder) { responder.answer(answer); });
    const auto program = run({QStringLiteral("--command"), command});
    QTEST(program->output(), "printed");
    QTEST(program->exitCode(), "exitCode");
    QFETCH(QString, method);
    QCOMPARE(m_asked, QStringList{method});
}

void TestCommand::aFailureHasItsExitCode_data()
{
    QTest::addColumn<int>("code");
    QTest::addColumn<int>("exitCode");
    QTest::newRow("refused") << static_cast<int>(rpc::Code::Denied) << EX_NOPERM;
    QTest::newRow("under way already") << static_cast<int>(rpc::Code::Busy) << EX_TEMPFAIL;
    QTest::newRow("it took too long") << static_cast<int>(rpc::Code::Timeout) << EX_UNAVAILABLE;
    QTest::newRow("the self-test broke") << static_cast<int>(rpc::Code::Internal) << EX_SOFTWARE;
    QTest::newRow("an older Instrument") << static_cast<int>(rpc::Code::MethodNotFound) << EX_SOFTWARE;
}

void TestCommand::aFailureHasItsExitCode()
{
    QFETCH(int, code);
    answerWith([code](rpc::Responder& responder) {
        responder.fail(static_cast<rpc::Code>(code), QStringLiteral("Not \x1b[2J now"));
    });
    const auto program = run({QStringLiteral("--command"), QStringLiteral("self-test")});
    QTEST(program->exitCode(), "exitCode");
    QCOMPARE(program->output(), QByteArray());
    const QByteArray log = program->log();
    QVERIFY2(log.startsWith("beacon-admin: ") && log.endsWith(".\n") && log.count('\n') == 1, log.constData());
    QVERIFY(!log.contains('\x1b'));
}

void TestCommand::theBundleIsSavedForItsOwnerOnly()
{
    const QJsonObject bundle{{QStringLiteral("bundle"), 1}};
    answerWith([bundle](rpc::Responder& responder) { responder.answer(bundle); });
    const QString file = m_directory.filePath(QStringLiteral("bundle.json"));
    const auto program = run({QStringLiteral("--command"), QStringLiteral("support-bundle"), file});
    QCOMPARE(program->exitCode(), 0);
    QCOMPARE(program->output(), file.toUtf8() + '\n');
    QFile saved{file};
    QVERIFY(saved.open(QIODevice::ReadOnly));
    QCOMPARE(QJsonDocument::fromJson(saved.readAll()).object(), bundle);
    QVERIFY(!(saved.permissions()
        & (QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther | QFile::ExeOwner)));
}

void TestCommand::theBundleMayGoToStdout()
{
    answerWith([](rpc::Responder& responder) { responder.answer(QJsonObject{{QStringLiteral("bundle"), 1}}); });
    const auto program = run({QStringLiteral("--command=support-bundle"), QStringLiteral("-")});
    QCOMPARE(program->exitCode(), 0);
    QCOMPARE(program->output(), QByteArray("{\"bundle\":1}\n"));
}

void TestCommand::whereItCannotBeSavedIsSaid()
{
    answerWith([](rpc::Responder& responder) { responder.answer(QJsonObject{{QStringLiteral("bundle"), 1}}); });
    const QString file = m_directory.filePath(QStringLiteral("none/bundle.json"));
    const auto program = run({QStringLiteral("--command=support-bundle"), file});
    QCOMPARE(program->exitCode(), EX_CANTCREAT);
    QVERIFY2(program->log().contains(file.toUtf8()), program->log().constData());
    QCOMPARE(program->output(), QByteArray());
}

void TestCommand::nobodyThere()
{
    m_instrument.reset();
    const auto program = run({QStringLiteral("--command"), QStringLiteral("stop")});
    QCOMPARE(program->exitCode(), EX_UNAVAILABLE);
    QVERIFY2(program->log().contains("There is no Instrument at"), program->log().constData());
}

void TestCommand::aConnectionThatEndsInMidSelfTest()
{
    std::optional<rpc::Responder> waiting;
    answerWith([&](rpc::Responder& responder) {
        waiting = std::move(responder);
        QMetaObject::invokeMethod(
            this, [&] { m_instrument->hangUp(); }, Qt::QueuedConnection);
    });
    const auto program = run({QStringLiteral("--command"), QStringLiteral("self-test")});
    QCOMPARE(program->exitCode(), EX_UNAVAILABLE);
    QCOMPARE(program->output(), QByteArray());
    QCOMPARE(program->log().count('\n'), 1); // said once
    QVERIFY(waiting);
}

void TestCommand::mistakesOnTheCommandLine_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::newRow("no such command") << QStringList{QStringLiteral("--command=fly")};
    QTest::newRow("a file that nobody wants") << QStringList{QStringLiteral("--command=stop"), QStringLiteral("x")};
    QTest::newRow("a file without a command") << QStringList{QStringLiteral("x")};
    QTest::newRow("two things at once") << QStringList{QStringLiteral("--command=stop"), QStringLiteral("--print")};
}

void TestCommand::mistakesOnTheCommandLine()
{
    QFETCH(QStringList, arguments);
    answerWith([](rpc::Responder& responder) { responder.answer(QJsonObject{}); });
    const auto program = run(arguments);
    QCOMPARE(program->exitCode(), EX_USAGE);
    QVERIFY2(program->log().startsWith("beacon-admin: "), program->log().constData());
    QVERIFY(m_asked.isEmpty());
}

QTEST_GUILESS_MAIN(TestCommand)
#include "tst_command.moc"
