// beacon-downloader, the real program, with a platform and on the bench.

#include "tests/support/running_program.h"
#include "tests/support/scripted_platform.h"

#include <QDir>
#include <QJsonArray>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

using namespace beacon::test;

namespace {

constexpr int kPatienceMs = 20'000;

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

QJsonObject wanted(const char* resource, const char* from = "beacon_0@plant7")
{
    return {{text("resource"), text(resource)}, {text("url"), text("https://user:secret@updates.example/b?key=secret")},
        {text("interval_s"), 600}, {text("target"), text(from)}};
}

struct Scene {
    QTemporaryDir dir;
    ScriptedPlatform platform{dir.filePath(QStringLiteral("platform.sock"))};
    RunningProgram downloader{QStringLiteral(BEACON_BIN_DIR "/beacon-downloader")};

    Scene()
    {
        platform.welcome.insert(text("address"), text("downloader_0@plant7"));
        downloader.setEnvironment(text("SENSOR_SOCKET"), platform.path());
        downloader.setArguments({text("--runtime-dir"), dir.filePath(text("run"))});
    }
    bool begin()
    {
        return platform.appear() && downloader.start() && platform.waitForHealth(text("WARNING"), kPatienceMs);
    }
    bool accepts(const char* method, const QJsonObject& params)
    {
        return platform.call(text(method), params)[text("result")][text("accepted")].toBool();
    }
    QJsonObject health() { return platform.call(text("health.get"))[text("result")].toObject(); }
    QJsonObject facts() { return health().value(text("facts")).toObject(); }
};

} // namespace

class TstDownloaderProgram : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void itSaysThatNothingIsFetched();
    void aRestartKeepsRequests();
    void aBadRequestIsToldWhatIsWrong();
    void withoutAWayOutHealthIsError();
    void storageThatFailsIsSaidAndRecovers();
    void onTheBenchItNeedsNoPlatform();
};

void TstDownloaderProgram::itSaysThatNothingIsFetched()
{
    Scene scene;
    QVERIFY(scene.begin());
    QCOMPARE(scene.platform.healthCodes(), QStringList{text("downloads_not_fetched")});
    const QJsonObject manifest = scene.platform.hellos().front().params[text("manifest")].toObject();
    QCOMPARE(manifest.value(text("network_access")).toString(), text("active"));
    QCOMPARE(manifest[text("relations")][0][text("type")].toString(), text("beacon"));
    QVERIFY(scene.accepts("download.request", wanted("beacon")));
    QCOMPARE(scene.facts().value(text("requests")).toInt(), 1);
    const QString shown = scene.facts().value(text("wanted"))[0].toString();
    QCOMPARE(shown, text("beacon_0@plant7: beacon from https://updates.example/b, every 600 s"));
    QJsonObject forged = wanted("beacon", "beacon_9@plant7");
    forged.insert(text("source_instrument"), text("beacon_0@plant7"));
    QVERIFY(scene.accepts("download.request", forged));
    QVERIFY2(scene.facts().value(text("requests")).toInt() == 1, "who sent it counts, not for whom it says that it is");
    QVERIFY(scene.platform.events().size() > 0 || scene.platform.waitForEvents(1)); // health's change
    QVERIFY2(scene.platform.complaints().isEmpty(), qPrintable(scene.platform.complaints()));
    QVERIFY2(!scene.downloader.log().contains("secret"), scene.downloader.log());
    QVERIFY(scene.downloader.end(SIGTERM, 10'000));
    QCOMPARE(scene.downloader.exitCode(), 0);
}

void TstDownloaderProgram::aRestartKeepsRequests()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.accepts("download.request", wanted("beacon")));
    QVERIFY(scene.accepts("download.request", wanted("rules")));
    QVERIFY(scene.accepts("download.request", wanted("rules", "beacon_1@plant7")));
    QVERIFY(scene.accepts("download.withdraw", wanted("rules")));
    QVERIFY2(scene.accepts("download.withdraw", wanted("rules")), "withdrawn twice it is still withdrawn");
    QCOMPARE(scene.facts().value(text("requests")).toInt(), 2);
    QVERIFY(scene.downloader.end(SIGKILL, 10'000));
    QVERIFY(scene.downloader.start());
    QVERIFY(scene.platform.waitForHello(2, kPatienceMs));
    QTRY_COMPARE_WITH_TIMEOUT(scene.facts().value(text("requests")).toInt(), 2, kPatienceMs);
}

void TstDownloaderProgram::aBadRequestIsToldWhatIsWrong()
{
    Scene scene;
    QVERIFY(scene.begin());
    constexpr int kInvalidParams = -32602;
    constexpr int kMethodNotFound = -32601;
    const auto refusal = [&](const char* method, const QJsonObject& params) {
        return scene.platform.call(text(method), params)[text("error")].toObject();
    };
    QJsonObject file = wanted("beacon");
    file.insert(text("url"), text("file:///etc/shadow"));
    QCOMPARE(refusal("download.request", file).value(text("code")).toInt(), kInvalidParams);
    QVERIFY(refusal("download.request", file).value(text("message")).toString().contains(text("http")));
    QCOMPARE(refusal("download.request", {}).value(text("code")).toInt(), kInvalidParams);
    QCOMPARE(refusal("download.withdraw", {}).value(text("code")).toInt(), kInvalidParams);
    QCOMPARE(refusal("ledger.get", {}).value(text("code")).toInt(), kMethodNotFound);
    QCOMPARE(scene.facts().value(text("requests")).toInt(-1), 0);
    QCOMPARE(scene.health().value(text("status")).toString(), text("WARNING"));
}

void TstDownloaderProgram::withoutAWayOutHealthIsError()
{
    Scene scene;
    scene.platform.welcome.insert(text("interfaces"), QJsonArray{});
    QVERIFY(scene.platform.appear() && scene.downloader.start());
    QVERIFY(scene.platform.waitForHealth(text("ERROR"), kPatienceMs));
    QVERIFY(scene.platform.healthCodes().contains(text("interface_not_given")));
    QVERIFY2(scene.accepts("download.request", wanted("beacon")), "it is kept for when there is one");
}

void TstDownloaderProgram::storageThatFailsIsSaidAndRecovers()
{
    Scene scene;
    const QString storage = scene.dir.filePath(text("lost"));
    scene.platform.welcome.insert(text("storage"), QJsonObject{{text("persistent"), storage}});
    QVERIFY(scene.platform.appear() && scene.downloader.start());
    QVERIFY(scene.platform.waitForHealth(text("ERROR"), kPatienceMs));
    QVERIFY(scene.platform.healthCodes().contains(text("storage_failed")));
    QVERIFY(!scene.accepts("download.request", wanted("beacon")));
    QVERIFY(QDir{}.mkpath(storage));
    QVERIFY(scene.accepts("download.request", wanted("beacon")));
    QVERIFY(scene.platform.waitForHealth(text("WARNING"), kPatienceMs));
}

void TstDownloaderProgram::onTheBenchItNeedsNoPlatform()
{
    QTemporaryDir dir;
    const QStringList arguments{
        text("--runtime-dir"), dir.filePath(text("run")), text("--state-dir"), dir.filePath(text("state"))};
    RunningProgram downloader{QStringLiteral(BEACON_BIN_DIR "/beacon-downloader"), arguments};
    QVERIFY(downloader.start());
    QByteArray said;
    const auto health = [&] {
        QProcess probe;
        probe.start(text(BEACON_BIN_DIR "/beacon-downloader"), arguments + QStringList{text("--health")});
        const bool ended = probe.waitForFinished();
        said = probe.readAllStandardOutput();
        return ended ? probe.exitCode() : -1;
    };
    QTRY_COMPARE_WITH_TIMEOUT(health(), 0, kPatienceMs);
    QTRY_VERIFY2_WITH_TIMEOUT(health() == 0 && said.contains("not fetched yet"), said, kPatienceMs);
    RunningProgram second{QStringLiteral(BEACON_BIN_DIR "/beacon-downloader"), arguments};
    QVERIFY(second.start());
    QVERIFY(second.waitForEnd(10'000));
    QCOMPARE(second.exitCode(), 75);
    QVERIFY(downloader.end(SIGTERM, 10'000));
    QCOMPARE(downloader.exitCode(), 0);
    QCOMPARE(health(), 69);
}

QTEST_GUILESS_MAIN(TstDownloaderProgram)
#include "tst_downloader_program.moc"
