#include "core/observe/classifier.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kKeyId = 0x1a2b3c4d;
const IpAddress kHome = *IpAddress::parse("203.0.113.10");

} // namespace

class TestClassifier : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_clock = std::make_unique<ManualClock>();
        m_keyring = std::make_unique<Keyring>();
        put(false, {});
        m_classifier = std::make_unique<Classifier>(*m_keyring, *m_clock, 1'000);
    }

    void aTokenIsFreshThenDuplicateThenReplay_data()
    {
        QTest::addColumn<int>("afterMs");
        QTest::addColumn<QByteArray>("expected");
        QTest::newRow("at once it is a duplicate") << 0 << QByteArray("duplicate");
        QTest::newRow("at 60 s it still is") << 60'000 << QByteArray("duplicate");
        QTest::newRow("a moment later it is a replay") << 60'001 << QByteArray("replay");
        QTest::newRow("after six days it is a replay") << 6 * 86'400'000 << QByteArray("replay");
    }
    void aTokenIsFreshThenDuplicateThenReplay()
    {
        QFETCH(int, afterMs);
        QFETCH(QByteArray, expected);
        const Token token = seal(1, 1);
        QCOMPARE(classOf(token), QByteArray("fresh"));
        m_clock->advance(std::chrono::milliseconds{afterMs});
        QCOMPARE(classOf(token), expected);
    }

    void everyFlippedBitIsNoise()
    {
        const Token token = seal(1, 1);
        for (std::size_t bit = 0; bit < token.size() * 8; ++bit) {
            Token bad = token;
            bad[bit / 8] ^= static_cast<Byte>(1U << (bit % 8));
            QCOMPARE(classOf(bad), QByteArray("noise"));
        }
        QCOMPARE(classOf(token), QByteArray("fresh"));
    }

    void whatElseIsNoise()
    {
        QCOMPARE(classOf(m_key.reply(seal(1, 1))), QByteArray("noise")); // our own reply, sent back to us
        QCOMPARE(classOf(TokenKey{MasterKey{9}}.seal({.keyId = kKeyId, .run = 1, .counter = 1})), QByteArray("noise"));
        QCOMPARE(classOf(m_key.seal({.keyId = 1, .run = 1, .counter = 1})), QByteArray("noise"));
    }

    void aDeletedBeaconsTokenIsRetired()
    {
        const Token seen = seal(1, 1);
        (void)classOf(seen);
        put(true, {});
        QCOMPARE(classOf(seen), QByteArray("retired"));
        QCOMPARE(classOf(seal(1, 2)), QByteArray("retired"));
    }

    void aConfirmationIsTheSameToken()
    {
        const Token token = seal(1, 1);
        QCOMPARE(classOf(token), QByteArray("fresh"));
        const Verdict verdict = classify(m_key.confirm(token));
        QVERIFY(verdict.confirm);
        QCOMPARE(verdict.tokenClass, TokenClass::Duplicate);
        QCOMPARE(verdict.tokenId, SeenTokens::idOf(token));
        const Verdict alone = classify(m_key.confirm(seal(1, 2))); // the token itself was lost, or came another way
        QVERIFY(alone.confirm);
        QCOMPARE(alone.tokenClass, TokenClass::Fresh);
    }

    void aClonesTokenOfTheSameRunAndNumberIsFresh()
    {
        QCOMPARE(classOf(m_key.seal({.keyId = kKeyId, .run = 1, .counter = 1, .port = 80})), QByteArray("fresh"));
        QCOMPARE(classOf(m_key.seal({.keyId = kKeyId, .run = 1, .counter = 1, .port = 81})), QByteArray("fresh"));
    }

    void anUndeclaredSourceIsLabelled()
    {
        QCOMPARE(labels(seal(1, 1), "198.51.100.1"), QByteArray()); // nothing is declared
        put(false, {*IpRange::parse("192.0.2.0/25"), *IpRange::parse("2001:db8::/33")});
        QCOMPARE(labels(seal(1, 2), "192.0.2.127"), QByteArray());
        QCOMPARE(labels(seal(1, 3), "192.0.2.128"), QByteArray("unknown-egress"));
        QCOMPARE(labels(seal(1, 4), "2001:db8:7fff::1"), QByteArray());
        QCOMPARE(labels(seal(1, 5), "2001:db8:8000::1"), QByteArray("unknown-egress"));
        QCOMPARE(classOf(seal(1, 6), "8.8.8.8"), QByteArray("fresh"));
    }

    void anEarlierRunIsStale()
    {
        QCOMPARE(labels(seal(7, 1)), QByteArray());
        QCOMPARE(labels(seal(8, 1)), QByteArray());
        QCOMPARE(labels(seal(7, 2)), QByteArray("stale-run"));
        QCOMPARE(labels(seal(5, 1)), QByteArray("stale-run")); // a counter that was never seen, but lies before
        QCOMPARE(labels(seal(8, 2)), QByteArray("stale-run")); // run 7 went on, so 8 may be the dead one
        QCOMPARE(labels(seal(0xf0000000, 1)), QByteArray()); // a random run says nothing of order
    }

    void twoRunsSideBySideAreCloned()
    {
        QByteArray last;
        for (std::uint32_t n = 1; n <= 6; ++n) {
            (void)labels(seal(100'000, n));
            last = labels(seal(5'000'000, n));
        }
        QCOMPARE(last, QByteArray("stale-run,cloned"));
    }

    void oneLateTokenIsNoClone()
    {
        (void)labels(seal(1, 1));
        (void)labels(seal(2, 1));
        (void)labels(seal(1, 2));
        for (std::uint32_t n = 2; n < 50; ++n)
            QVERIFY(!labels(seal(2, n)).contains("cloned"));
    }

    void anEarlierLifeIsRemembered()
    {
        const Token token = seal(3, 9);
        m_classifier->restore(SeenTokens::idOf(token), kKeyId, 3, 9, 10s);
        QCOMPARE(classOf(token), QByteArray("duplicate"));
        const Token old = seal(3, 8);
        m_classifier->restore(SeenTokens::idOf(old), kKeyId, 3, 8, 2h);
        QCOMPARE(classOf(old), QByteArray("replay"));
        const Token fromTheFuture = seal(3, 7); // the wall clock was set back since
        m_classifier->restore(SeenTokens::idOf(fromTheFuture), kKeyId, 3, 7, -24h);
        QCOMPARE(classOf(fromTheFuture), QByteArray("duplicate"));
        QCOMPARE(labels(seal(2, 1)), QByteArray("stale-run"));
    }

    void memoryIsBounded()
    {
        SeenTokens seen{100};
        for (std::uint64_t id = 1; id <= 10'000; ++id) {
            seen.remember(id, m_clock->now());
            QVERIFY(seen.size() <= 200);
            QVERIFY(seen.firstSeen(id));
            if (id > 100)
                QVERIFY(seen.firstSeen(id - 100)); // at least the last generation's worth
        }
        QVERIFY(!seen.firstSeen(1));
    }

    void whatIsNoRange_data()
    {
        QTest::addColumn<QByteArray>("text");
        for (const char* text :
            {"", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/8x", "2001:db8::/129", "host/8"})
            QTest::newRow(text) << QByteArray(text);
    }
    void whatIsNoRange()
    {
        QFETCH(QByteArray, text);
        QVERIFY(!IpRange::parse(text.toStdString()));
    }

private:
    void put(bool retired, std::vector<IpRange> ranges)
    {
        m_keyring->put({.id = kKeyId, .name = "plant7", .key = m_key, .retired = retired, .ranges = std::move(ranges)});
    }
    Token seal(std::uint32_t run, std::uint32_t counter) const
    {
        return m_key.seal(
            {.keyId = kKeyId, .run = run, .counter = counter, .technique = 3, .protocol = 6, .port = 443});
    }
    Verdict classify(const Token& token, const char* source = "192.0.2.1")
    {
        return m_classifier->classify(
            {.token = token, .carrier = &carrier::TcpData, .source = *IpAddress::parse(source), .destination = kHome});
    }
    QByteArray classOf(const Token& token, const char* source = "192.0.2.1")
    {
        return className(classify(token, source).tokenClass).data();
    }
    QByteArray labels(const Token& token, const char* source = "192.0.2.1")
    {
        QByteArray joined;
        for (const std::string_view name : labelNames(classify(token, source).labels))
            joined += (joined.isEmpty() ? "" : ",") + QByteArray(name.data(), static_cast<qsizetype>(name.size()));
        return joined;
    }

    TokenKey m_key{MasterKey{7}};
    std::unique_ptr<ManualClock> m_clock;
    std::unique_ptr<Keyring> m_keyring;
    std::unique_ptr<Classifier> m_classifier;
};

QTEST_GUILESS_MAIN(TestClassifier)
#include "tst_classifier.moc"
