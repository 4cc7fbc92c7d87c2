#include "core/options/completion.h"
#include "core/options/man.h"
#include "service/sensor/settings.h"
#include "service/sensorctl/table.h"

#include <QFile>
#include <QProcess>
#include <QTest>

using namespace beacon;

namespace {

QByteArray contentOf(const QString& path)
{
    QFile file{path};
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
}

QByteArray outputOf(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.start(program, arguments);
    return process.waitForFinished(20'000) && process.exitCode() == 0 ? process.readAllStandardOutput() : QByteArray{};
}

/// Compares; with BEACON_WRITE_RESOURCES set it writes first, so that a person need not copy.
void compare(const QString& path, const QByteArray& made)
{
    QVERIFY(!made.isEmpty());
    if (!qEnvironmentVariableIsEmpty("BEACON_WRITE_RESOURCES")) {
        QFile file{path};
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(made) == made.size());
    }
    QVERIFY2(contentOf(path) == made,
        qPrintable(path + QStringLiteral(" is not what the table says; run this test with BEACON_WRITE_RESOURCES=1")));
}

const QString kPages = QStringLiteral(BEACON_SOURCE_DIR "/resources/man/");

} // namespace

class TestManuals : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void thePageOfEachProgramIsItsTable_data();
    void thePageOfEachProgramIsItsTable();
    void thePageOfTheSensorIsItsTable()
    {
        compare(kPages + QStringLiteral("sensord.8"), QByteArray::fromStdString(manualPage(sensorProgram())));
    }
    void theCompletionIsTheTable();
    void pagesAreFaultless_data();
    void pagesAreFaultless();
};

void TestManuals::thePageOfEachProgramIsItsTable_data()
{
    QTest::addColumn<QString>("page");
    for (const char* page :
        {"sensorctl.1", "beacon-admin.1", "beacon.8", "beacon-home.8", "beacon-instrument.8", "beacon-listener.8"})
        QTest::newRow(page) << QString::fromLatin1(page);
}

void TestManuals::thePageOfEachProgramIsItsTable()
{
    QFETCH(QString, page);
    compare(kPages + page,
        outputOf(
            QStringLiteral(BEACON_BIN_DIR "/") + page.section(QLatin1Char('.'), 0, 0), {QStringLiteral("--manual")}));
}

void TestManuals::theCompletionIsTheTable()
{
    compare(QStringLiteral(BEACON_SOURCE_DIR "/resources/completion/sensorctl.bash"),
        QByteArray::fromStdString(bashCompletion(sensorctl::program())));
}

void TestManuals::pagesAreFaultless_data()
{
    thePageOfEachProgramIsItsTable_data();
    QTest::newRow("sensord.8") << QStringLiteral("sensord.8");
}

void TestManuals::pagesAreFaultless()
{
    QFETCH(QString, page);
    QProcess mandoc;
    mandoc.setProcessChannelMode(QProcess::MergedChannels);
    mandoc.start(QStringLiteral("mandoc"), {QStringLiteral("-Tlint"), QStringLiteral("-Wwarning"), kPages + page});
    QVERIFY(mandoc.waitForFinished());
    QCOMPARE(mandoc.readAll(), QByteArray{});
    QCOMPARE(mandoc.exitCode(), 0);
}

QTEST_GUILESS_MAIN(TestManuals)
#include "tst_manuals.moc"
