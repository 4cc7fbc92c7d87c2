#include "core/base/base32.h"

#include <QTest>

using namespace beacon;

namespace {

ByteBuffer bytesOf(const QByteArray& text)
{
    return {text.begin(), text.end()};
}

} // namespace

class TestBase32 : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void encodes_data();
    void encodes();
    void refuses_data();
    void refuses();
    void everyLengthComesBack();
    void hexComesBack();
    void hexRefuses_data();
    void hexRefuses();
};

void TestBase32::encodes_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("text");
    // RFC 4648, section 10, without the padding and in lower case.
    QTest::newRow("nothing is nothing") << QByteArray{} << QByteArray{};
    QTest::newRow("one byte is two characters") << QByteArray{"f"} << QByteArray{"my"};
    QTest::newRow("two bytes are four characters") << QByteArray{"fo"} << QByteArray{"mzxq"};
    QTest::newRow("three bytes are five characters") << QByteArray{"foo"} << QByteArray{"mzxw6"};
    QTest::newRow("four bytes are seven characters") << QByteArray{"foob"} << QByteArray{"mzxw6yq"};
    QTest::newRow("five bytes are eight characters") << QByteArray{"fooba"} << QByteArray{"mzxw6ytb"};
    QTest::newRow("a token is 52 characters") << QByteArray(32, '\xff') << QByteArray(51, '7') + "q";
}

void TestBase32::encodes()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, text);
    QCOMPARE(QByteArray::fromStdString(toBase32(bytesOf(bytes))), text);
    QCOMPARE(fromBase32(text.toStdString()), std::optional{bytesOf(bytes)});
    QCOMPARE(fromBase32(text.toUpper().toStdString()), std::optional{bytesOf(bytes)});
}

void TestBase32::refuses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("a character outside the alphabet") << QByteArray{"mzxw1ytb"};
    QTest::newRow("padding") << QByteArray{"my======"};
    QTest::newRow("a space") << QByteArray{"my my"};
    QTest::newRow("a NUL") << QByteArray("m\0", 2);
    QTest::newRow("one character carries no byte") << QByteArray{"m"};
    QTest::newRow("three characters") << QByteArray{"mzx"};
    QTest::newRow("six characters") << QByteArray{"mzxw6y"};
    QTest::newRow("a pad bit that is set") << QByteArray{"mz"};
    QTest::newRow("the last of a token's pad bits is set") << QByteArray(51, '7') + "r";
}

void TestBase32::refuses()
{
    QFETCH(QByteArray, text);
    QVERIFY(!fromBase32(std::string_view{text.constData(), static_cast<std::size_t>(text.size())}));
}

void TestBase32::everyLengthComesBack()
{
    ByteBuffer bytes;
    for (int length = 0; length < 300; ++length) {
        QCOMPARE(fromBase32(toBase32(bytes)), std::optional{bytes});
        bytes.push_back(static_cast<Byte>(length * 37 + 11));
    }
}

void TestBase32::hexComesBack()
{
    QCOMPARE(toHex(bytesOf(QByteArray("\x00\x7f\xff", 3))), std::string{"007fff"});
    QCOMPARE(fromHex("007FfF"), std::optional{bytesOf(QByteArray("\x00\x7f\xff", 3))});
}

void TestBase32::hexRefuses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("an odd length") << QByteArray{"abc"};
    QTest::newRow("a prefix") << QByteArray{"0x12"};
    QTest::newRow("a letter after f") << QByteArray{"0g"};
    QTest::newRow("a single zero") << QByteArray{"0"};
}

void TestBase32::hexRefuses()
{
    QFETCH(QByteArray, text);
    QVERIFY(!fromHex(text.toStdString()));
}

QTEST_GUILESS_MAIN(TestBase32)
#include "tst_base32.moc"
