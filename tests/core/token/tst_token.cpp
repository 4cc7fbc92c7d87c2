#include "core/base/base32.h"
#include "core/token/token.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace beacon;

namespace {

QJsonObject golden()
{
    QFile file{QStringLiteral(BEACON_SOURCE_DIR "/tests/golden/token.json")};
    return file.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(file.readAll()).object() : QJsonObject{};
}

ByteBuffer bytesOf(const QJsonValue& hex)
{
    return fromHex(hex.toString().toStdString()).value();
}

template <std::size_t Size> std::array<Byte, Size> arrayOf(const QJsonValue& hex)
{
    const ByteBuffer bytes = bytesOf(hex);
    std::array<Byte, Size> array{};
    std::copy_n(bytes.begin(), Size, array.begin());
    return array;
}

template <class T> T number(const QJsonObject& object, const char* key)
{
    return static_cast<T>(object.value(QLatin1String{key}).toInteger());
}

TokenFields fieldsOf(const QJsonObject& object)
{
    return {.flags = number<std::uint8_t>(object, "flags"),
        .keyId = number<std::uint32_t>(object, "key_id"),
        .run = number<std::uint32_t>(object, "run"),
        .counter = number<std::uint32_t>(object, "counter"),
        .technique = number<std::uint8_t>(object, "technique"),
        .protocol = number<std::uint8_t>(object, "protocol"),
        .port = number<std::uint16_t>(object, "port"),
        .path = number<std::uint16_t>(object, "path")};
}

constexpr TokenFields kFields{.flags = token_flag::kIpv6,
    .keyId = 1,
    .run = 2,
    .counter = 3,
    .technique = 4,
    .protocol = 17,
    .port = 53,
    .path = 6};

} // namespace

class TestToken final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void agreesWithAnotherImplementation_data();
    void agreesWithAnotherImplementation();
    void hashesPaths();
    void everyFlippedBitIsNoticed();
    void otherKeysAndRolesAreNoticed();
    void refusesOtherSizesAndVersions();
    void sealIgnoresReplyAndConfirm();
};

void TestToken::agreesWithAnotherImplementation_data()
{
    QTest::addColumn<QJsonObject>("vector");
    const QJsonArray tokens = golden().value(QLatin1String{"tokens"}).toArray();
    QVERIFY(tokens.size() >= 4);
    for (const QJsonValue& value : tokens)
        QTest::newRow(qPrintable(value[QLatin1String{"name"}].toString())) << value.toObject();
}

void TestToken::agreesWithAnotherImplementation()
{
    QFETCH(const QJsonObject, vector);
    const TokenKey key{arrayOf<kMasterKeyBytes>(vector[QLatin1String{"master_key"}])};
    const TokenFields fields = fieldsOf(vector[QLatin1String{"fields"}].toObject());
    const auto expected = arrayOf<kTokenBytes>(vector[QLatin1String{"token"}]);
    QCOMPARE(toHex(key.seal(fields)), toHex(expected));
    QCOMPARE(toBase32(expected), vector[QLatin1String{"base32"}].toString().toStdString());
    QCOMPARE(toHex(key.reply(expected)), vector[QLatin1String{"reply"}].toString().toStdString());
    QCOMPARE(toHex(key.confirm(expected)), vector[QLatin1String{"confirm"}].toString().toStdString());
    QCOMPARE(toHex(key.synKey()), vector[QLatin1String{"subkeys"}][QLatin1String{"syn"}].toString().toStdString());
    QVERIFY(decodeToken(expected) == fields);
    for (const Token& token : {expected, key.reply(expected), key.confirm(expected)})
        QVERIFY(key.verify(token));
}

void TestToken::hashesPaths()
{
    const QJsonArray paths = golden().value(QLatin1String{"paths"}).toArray();
    QVERIFY(paths.size() >= 3);
    for (const QJsonValue& path : paths)
        QCOMPARE(
            pathHash(ByteView{bytesOf(path[QLatin1String{"raw"}])}), number<std::uint16_t>(path.toObject(), "hash"));
    QCOMPARE(pathHash(std::string_view{"proxy.example:3128"}), number<std::uint16_t>(paths.last().toObject(), "hash"));
}

void TestToken::everyFlippedBitIsNoticed()
{
    const TokenKey key{MasterKey{1, 2, 3}};
    const Token sealed = key.seal(kFields);
    for (const Token& token : {sealed, key.reply(sealed), key.confirm(sealed)}) {
        for (std::size_t bit = 0; bit < kTokenBytes * 8; ++bit) {
            Token flipped = token;
            flipped[bit / 8] = static_cast<Byte>(flipped[bit / 8] ^ 1U << bit % 8);
            QVERIFY2(!key.verify(flipped), qPrintable(QString::number(bit)));
        }
    }
}

void TestToken::otherKeysAndRolesAreNoticed()
{
    const TokenKey key{MasterKey{1}};
    const TokenKey other{MasterKey{2}};
    const Token token = key.seal(kFields);
    QVERIFY(!other.verify(token));
    Token asReply = token; // an out tag never passes for a reply
    asReply[1] |= token_flag::kReply;
    QVERIFY(!key.verify(asReply));
    QVERIFY(key.confirm(token) != key.reply(token));
}

void TestToken::refusesOtherSizesAndVersions()
{
    Token token = TokenKey{MasterKey{}}.seal(kFields);
    QVERIFY(decodeToken(token));
    QVERIFY(!decodeToken(ByteView{token}.first(31)));
    token[0] = 2;
    QVERIFY(!decodeToken(token));
    QVERIFY(!TokenKey{MasterKey{}}.verify(token));
}

void TestToken::sealIgnoresReplyAndConfirm()
{
    const TokenKey key{MasterKey{}};
    TokenFields flagged = kFields;
    flagged.flags |= token_flag::kReply | token_flag::kConfirm;
    QCOMPARE(toHex(key.seal(flagged)), toHex(key.seal(kFields)));
}

QTEST_GUILESS_MAIN(TestToken)
#include "tst_token.moc"
