#include "core/instrument/configuration.h"
#include "core/platform/messages.h"
#include "mutate.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

/// As a platform writes them, a line each.
QByteArrayList seeds()
{
    QFile file(QStringLiteral(BEACON_SOURCE_DIR "/tests/fuzz/seeds/platform.jsonl"));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QByteArrayList lines = file.readAll().split('\n');
    lines.removeAll(QByteArray());
    return lines;
}

constexpr int kRounds = 4'000; ///< of each kind and seed

void feed(const QByteArray& bytes)
{
    (void)LLVMFuzzerTestOneInput(
        reinterpret_cast<const unsigned char*>(bytes.constData()), static_cast<std::size_t>(bytes.size()));
}

} // namespace

class TestFuzzPlatform : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void seedsAreAccepted();
    void mutatedJsonDoesNoHarm();
    void mutatedBytesDoNoHarm();
};

/// Mutations of what is refused anyway would prove little.
void TestFuzzPlatform::seedsAreAccepted()
{
    using namespace beacon::platform;
    const QByteArrayList all = seeds();
    QCOMPARE(all.size(), 9);
    const auto body = [&](qsizetype index) {
        const QJsonObject message = QJsonDocument::fromJson(all[index]).object();
        return message
            .value(message.contains(QStringLiteral("params")) ? QStringLiteral("params") : QStringLiteral("result"))
            .toObject();
    };
    QVERIFY(welcomeFromJson(body(0)));
    QVERIFY(std::holds_alternative<beacon::ConfigDocument>(beacon::documentFromJson(body(1))));
    QVERIFY(retentionRequestFromJson(body(2)));
    QVERIFY(retentionResultFromJson(body(3)));
    QVERIFY(downloadAvailableFromJson(body(4)));
    QVERIFY(downloadRequestFromJson(body(5)));
    QVERIFY(stopDeadlineFromJson(body(6)));
    QVERIFY(subscriptionFromJson(body(7)));
    QVERIFY(eventsFromJson(body(8)));
    for (const QByteArray& seed : all)
        feed(seed);
}

void TestFuzzPlatform::mutatedJsonDoesNoHarm()
{
    QRandomGenerator random(20'261'124); // the same every time
    for (const QByteArray& seed : seeds()) {
        const QJsonObject message = QJsonDocument::fromJson(seed).object();
        const QString key =
            message.contains(QStringLiteral("params")) ? QStringLiteral("params") : QStringLiteral("result");
        for (int i = 0; i < kRounds; ++i) {
            QJsonObject changed = message;
            changed.insert(key, beacon::test::mutated(message.value(key), random));
            feed(QJsonDocument{changed}.toJson(QJsonDocument::Compact));
        }
    }
}

void TestFuzzPlatform::mutatedBytesDoNoHarm()
{
    QRandomGenerator random(20'261'125);
    for (const QByteArray& seed : seeds())
        for (int i = 0; i < kRounds; ++i)
            feed(beacon::test::mutated(seed, random));
}

QTEST_GUILESS_MAIN(TestFuzzPlatform)
#include "tst_fuzz_platform.moc"
