#include "core/observe/finding.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kKeyId = 0x1a2b3c4d;

} // namespace

class TestFindings : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_clock = std::make_unique<ManualClock>();
        m_keyring = std::make_unique<Keyring>();
        m_keyring->put({.id = kKeyId, .name = "plant7", .key = m_key, .ranges = {}});
        m_classifier = std::make_unique<Classifier>(*m_keyring, *m_clock);
        m_findings = std::make_unique<Findings>(*m_clock);
        m_counter = 0;
    }

    void whatMakesAnotherFinding_data()
    {
        QTest::addColumn<int>("technique");
        QTest::addColumn<bool>("ipv6");
        QTest::addColumn<int>("port");
        QTest::addColumn<int>("path");
        QTest::addColumn<bool>("another");
        QTest::newRow("another port is evidence") << 3 << false << 444 << 5 << false;
        QTest::newRow("another technique") << 4 << false << 443 << 5 << true;
        QTest::newRow("another family") << 3 << true << 443 << 5 << true;
        QTest::newRow("another path") << 3 << false << 443 << 6 << true;
    }
    void whatMakesAnotherFinding()
    {
        QFETCH(int, technique);
        QFETCH(bool, ipv6);
        QFETCH(int, port);
        QFETCH(int, path);
        QFETCH(bool, another);
        QVERIFY(arrive({.technique = 3, .port = 443, .path = 5}).opened);
        const auto taken = arrive({.flags = ipv6 ? token_flag::kIpv6 : std::uint8_t{0},
            .technique = static_cast<std::uint8_t>(technique),
            .port = static_cast<std::uint16_t>(port),
            .path = static_cast<std::uint16_t>(path)});
        QCOMPARE(taken.opened, another);
        QVERIFY(taken.finding);
        QCOMPARE(m_findings->all().size(), another ? std::size_t{2} : std::size_t{1});
    }

    void anAnyAnyRuleIsOneAlert()
    {
        int opened = 0;
        const Finding* finding = nullptr;
        for (int port = 65'535; port >= 1; --port) {
            const auto taken = arrive({.technique = 3, .port = static_cast<std::uint16_t>(port), .path = 5});
            opened += taken.opened ? 1 : 0;
            finding = taken.finding;
        }
        QCOMPARE(opened, 1);
        QCOMPARE(finding->count, std::uint64_t{65'535});
        QCOMPARE(finding->ports.size(), Finding::kMaxPorts);
        QVERIFY(std::ranges::is_sorted(finding->ports));
    }

    void rollUpsComeAfterAMinuteTenAnHourThenDaily()
    {
        arrive({.technique = 3});
        std::vector<std::chrono::seconds> told;
        for (auto at = 10s; at <= 73h; at += 10s) {
            m_clock->advance(10s);
            arrive({.technique = 3});
            if (!m_findings->takeDue().empty())
                told.push_back(at);
        }
        const std::vector<std::chrono::seconds> expected{60s, 600s, 3'600s, 25h, 49h, 73h};
        QCOMPARE(told, expected);
    }

    void aLeakThatIsClosedIsNotOngoing()
    {
        arrive({.technique = 3});
        m_clock->advance(48h);
        QVERIFY(m_findings->takeDue().empty());
        arrive({.technique = 3}); // it is back: told at once, not a day later
        QCOMPARE(m_findings->takeDue().size(), std::size_t{1});
        QVERIFY(m_findings->takeDue().empty());
    }

    void aDuplicateJoinsTheEvidenceAndIsNotCounted()
    {
        const Token token = seal({.technique = 3, .port = 443});
        const auto first = take(token, "192.0.2.1", &carrier::TcpData);
        QVERIFY(first.opened && !first.finding->twoWay);
        QVERIFY(!take(token, "192.0.2.1", &carrier::TcpData).finding); // nothing new
        const auto more = take(token, "198.51.100.7", &carrier::DnsQuery);
        QVERIFY(more.newEvidence && !more.opened);
        QCOMPARE(more.finding->count, std::uint64_t{1});
        QCOMPARE(more.finding->egress.size(), std::size_t{2});
        QCOMPARE(more.finding->carriers.size(), std::size_t{2});
        const auto proven = take(token, "192.0.2.1", &carrier::TcpData, true);
        QVERIFY(proven.newEvidence && proven.finding->twoWay);
    }

    void aReplayOpensAndChangesNothing()
    {
        const Token token = seal({.technique = 3});
        take(token, "192.0.2.1");
        m_clock->advance(61s);
        QVERIFY(!take(token, "198.51.100.7").finding);
        QCOMPARE(m_findings->all().begin()->second.egress.size(), std::size_t{1});
    }

    void aConfirmationProvesBothWays()
    {
        const Token token = seal({.technique = 2});
        QVERIFY(!take(token, "192.0.2.1").finding->twoWay);
        const auto confirmed = take(m_key.confirm(token), "192.0.2.1");
        QVERIFY(confirmed.finding && confirmed.finding->twoWay && !confirmed.opened);
        QCOMPARE(confirmed.finding->count, std::uint64_t{1});
    }

    void whatOpensNothing()
    {
        Token bad = seal({.technique = 3});
        bad[31] ^= 1;
        QVERIFY(!take(bad, "192.0.2.1").finding);
        QVERIFY(!arrive({.flags = token_flag::kControl, .technique = 3}).finding); // meant to arrive
        m_keyring->put({.id = kKeyId, .name = "plant7", .key = m_key, .retired = true, .ranges = {}});
        QVERIFY(!arrive({.technique = 3}).finding);
        QVERIFY(m_findings->all().empty());
    }

    void evidenceIsBounded()
    {
        for (int i = 0; i < 200; ++i)
            take(seal({.technique = 3}), ("192.0.2." + std::to_string(i)).c_str());
        QCOMPARE(m_findings->all().begin()->second.egress.size(), Finding::kMaxAddresses);
    }

    void theQuietestMakesRoom()
    {
        for (std::uint32_t i = 0; i < Findings::kMaxFindings + 5; ++i) {
            m_clock->advance(1ms);
            arrive({.technique = static_cast<std::uint8_t>(1 + i / 60'000), .path = static_cast<std::uint16_t>(i)});
        }
        QCOMPARE(m_findings->all().size(), Findings::kMaxFindings);
        QVERIFY(arrive({.technique = 1, .path = 0}).opened); // was the first to go
    }

    void aRestoredFindingIsNotOpenedAgain()
    {
        arrive({.technique = 3, .port = 443, .path = 0x9f3c});
        const Finding kept = m_findings->all().begin()->second;
        QCOMPARE(QByteArray::fromStdString(kept.key.id()), QByteArray("1a2b3c4d-3-ipv4-9f3c"));
        Findings later{*m_clock};
        later.restore(kept);
        m_findings = std::make_unique<Findings>(later);
        const auto taken = arrive({.technique = 3, .port = 444, .path = 0x9f3c});
        QVERIFY(taken.finding && !taken.opened);
        QCOMPARE(taken.finding->count, std::uint64_t{2});
        m_clock->advance(1min);
        QCOMPARE(m_findings->takeDue().size(), std::size_t{1});
    }

private:
    Token seal(TokenFields fields)
    {
        fields.keyId = kKeyId;
        fields.run = 1;
        fields.counter = ++m_counter;
        return m_key.seal(fields);
    }
    Findings::Taken take(
        const Token& token, const char* source, const Carrier* carrier = &carrier::TcpData, bool twoWay = false)
    {
        const Sighting sighting{.token = token,
            .carrier = carrier,
            .source = *IpAddress::parse(source),
            .destination = *IpAddress::parse("203.0.113.10"),
            .twoWay = twoWay};
        return m_findings->take(m_classifier->classify(sighting), sighting);
    }
    Findings::Taken arrive(TokenFields fields) { return take(seal(fields), "192.0.2.1"); }

    TokenKey m_key{MasterKey{7}};
    std::uint32_t m_counter = 0;
    std::unique_ptr<ManualClock> m_clock;
    std::unique_ptr<Keyring> m_keyring;
    std::unique_ptr<Classifier> m_classifier;
    std::unique_ptr<Findings> m_findings;
};

QTEST_GUILESS_MAIN(TestFindings)
#include "tst_findings.moc"
