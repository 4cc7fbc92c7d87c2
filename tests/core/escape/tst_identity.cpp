#include "core/escape/identity.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <sys/stat.h>

using namespace beacon;

namespace {

const QByteArray kGood = R"({"name":"plant7","key_id":"1a2b3c4d","key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",)"
                         R"("home":["192.0.2.10","2001:db8::10"],"zone":"Leak.Example."})";

} // namespace

class TestIdentity final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void comesBack();
    void saysWhichKeyIsWrong_data();
    void saysWhichKeyIsWrong();
    void refusesWhatOthersMayRead();
    void neverFollowsALink();
    void neverSaysTheKey();
};

void TestIdentity::comesBack()
{
    const auto identity = parseIdentity(kGood.toStdString());
    QVERIFY2(identity, identity ? "" : describe(identity.error()).c_str());
    QCOMPARE(identity->keyId, 0x1a2b3c4dU);
    QCOMPARE(identity->key[31], 31);
    QCOMPARE(identity->home.size(), 2U);
    QCOMPARE(identity->zone, std::string{"leak.example"});
    const auto again = parseIdentity(writeIdentity(*identity));
    QVERIFY(again && again->key == identity->key && again->home == identity->home && again->zone == identity->zone);
}

void TestIdentity::saysWhichKeyIsWrong_data()
{
    QTest::addColumn<QByteArray>("before");
    QTest::addColumn<QByteArray>("after");
    QTest::addColumn<QByteArray>("names");
    QTest::newRow("no JSON") << kGood << QByteArray{"{"} << QByteArray{"JSON object"};
    QTest::newRow("a short key id") << QByteArray{"1a2b3c4d"} << QByteArray{"1a2b3c"} << QByteArray{"/key_id"};
    QTest::newRow("a short key") << QByteArray{"AAEC"} << QByteArray{""} << QByteArray{"/key"};
    QTest::newRow("a key that is no base64") << QByteArray{"AAEC"} << QByteArray{"!!!!"} << QByteArray{"/key"};
    QTest::newRow("home without addresses")
        << QByteArray{R"(["192.0.2.10","2001:db8::10"])"} << QByteArray{"[]"} << QByteArray{"/home"};
    QTest::newRow("home by name") << QByteArray{"192.0.2.10"} << QByteArray{"home.example"}
                                  << QByteArray{"home.example"};
    QTest::newRow("a zone with a blank") << QByteArray{"Leak.Example."} << QByteArray{"leak example"}
                                         << QByteArray{"/zone"};
    QTest::newRow("a zone without room for a token")
        << QByteArray{"Leak.Example."} << QByteArray{"a."}.repeated(110) << QByteArray{"/zone"};
    QTest::newRow("no name") << QByteArray{R"("name":"plant7",)"} << QByteArray{} << QByteArray{"/name"};
}

void TestIdentity::saysWhichKeyIsWrong()
{
    QFETCH(const QByteArray, before);
    QFETCH(const QByteArray, after);
    QFETCH(const QByteArray, names);
    QByteArray text = kGood;
    text.replace(before, after);
    const auto identity = parseIdentity(text.toStdString());
    QVERIFY(!identity);
    QVERIFY2(
        describe(identity.error()).find(names.toStdString()) != std::string::npos, describe(identity.error()).c_str());
}

void TestIdentity::refusesWhatOthersMayRead()
{
    const QTemporaryDir directory;
    const std::string path = directory.filePath(QStringLiteral("identity.json")).toStdString();
    QFile file{QString::fromStdString(path)};
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(kGood) > 0);
    file.close();
    ::chmod(path.c_str(), 0640);
    const auto open = loadIdentity(path);
    QVERIFY(!open && open.error().code == Errc::Denied);
    ::chmod(path.c_str(), 0600);
    QVERIFY(loadIdentity(path));
}

void TestIdentity::neverFollowsALink()
{
    const QTemporaryDir directory;
    QFile file{directory.filePath(QStringLiteral("real"))};
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(kGood) > 0);
    file.close();
    ::chmod(file.fileName().toLocal8Bit().constData(), 0600);
    const QString link = directory.filePath(QStringLiteral("link"));
    QVERIFY(QFile::link(file.fileName(), link));
    QVERIFY(!loadIdentity(link.toStdString()));
    QVERIFY(!loadIdentity(directory.path().toStdString()));
    QVERIFY(!loadIdentity(directory.filePath(QStringLiteral("absent")).toStdString()));
}

void TestIdentity::neverSaysTheKey()
{
    QByteArray text = kGood;
    text.replace("2001:db8::10", "nonsense");
    const auto identity = parseIdentity(text.toStdString());
    QVERIFY(!identity && describe(identity.error()).find("AAEC") == std::string::npos);
}

QTEST_GUILESS_MAIN(TestIdentity)
#include "tst_identity.moc"
