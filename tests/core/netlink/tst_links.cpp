#include "core/netlink/links.h"
#include "core/netlink/netfilter.h"
#include "core/netlink/offloads.h"
#include "tests/support/wired_host.h"

#include <QTest>

#include <linux/netfilter.h>

using namespace beacon;
using namespace beacon::test;

class TstLinks : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_island = std::make_unique<Island>();
        auto links = Links::in(m_island->network());
        QVERIFY(links);
        m_links = std::make_unique<Links>(std::move(*links));
    }
    void aPairHasItsEndsWhereTheyShouldBe()
    {
        const Island far;
        const MacAddress near{{0xfe, 0, 0, 0, 0, 1}};
        const MacAddress inside{{0x02, 0, 0, 0, 0, 2}};
        VERIFY_DONE(m_links->add({.name = "near",
            .mac = near,
            .mtu = 1'400,
            .farName = "eth0",
            .farMac = inside,
            .farNamespace = &far.network()}));
        const auto here = m_links->find("near");
        const auto there = far.link(QStringLiteral("eth0"));
        QVERIFY(here && *here && there);
        QCOMPARE((*here)->mac.text(), near.text());
        QCOMPARE((*here)->kind, std::string{"veth"});
        QCOMPARE((*here)->mtu, 1'400);
        QCOMPARE(there->mac.text(), inside.text());
        QVERIFY(!(*here)->up && (*here)->lowerIsElsewhere && (*here)->lower == there->index
            && there->lower == (*here)->index);
        const auto twice = m_links->add({.name = "near", .farName = "other"});
        QVERIFY(!twice);
        QCOMPARE(twice.error().code, Errc::Busy);
        VERIFY_DONE(m_links->remove((*here)->index));
        QVERIFY(!far.link(QStringLiteral("eth0")));
        VERIFY_DONE(m_links->remove((*here)->index));
    }
    void whatIsNotThereIsNotFound()
    {
        for (const char* name : {"eth0", "", "a-name-that-is-too-long-for-any"}) {
            const auto found = m_links->find(name);
            QVERIFY(found && !*found);
        }
        const auto at = m_links->at(4'711);
        QVERIFY(at && !*at);
        const auto changed = m_links->change(4'711, {.up = true});
        QVERIFY(!changed);
        QCOMPARE(changed.error().code, Errc::NotFound);
    }
    void changesAreSeen()
    {
        const Island other;
        VERIFY_DONE(m_links->add({.name = "one", .farName = "two"}));
        VERIFY_DONE(m_links->setTransparentBridge("br0", {{0x02, 0, 0, 0, 0, 9}}));
        const auto bridge = m_links->find("br0");
        const auto one = m_links->find("one");
        QVERIFY(bridge && *bridge && one && *one);
        QVERIFY((*bridge)->transparent);
        VERIFY_DONE(m_links->change(
            (*one)->index, {.name = "port", .alias = "for people", .master = (*bridge)->index, .promiscuous = true}));
        VERIFY_DONE(m_links->setPort((*one)->index, true, true));
        const auto port = m_links->at((*one)->index);
        QVERIFY(port && *port);
        QCOMPARE((*port)->name, std::string{"port"});
        QCOMPARE((*port)->alias, std::string{"for people"});
        QVERIFY(
            (*port)->master == (*bridge)->index && (*port)->isolated && (*port)->transparent && (*port)->promiscuous);
        VERIFY_DONE(m_links->change((*one)->index, {.name = "eth7", .to = &other.network()}));
        QVERIFY(other.link(QStringLiteral("eth7")) && !other.link(QStringLiteral("port")));
        const auto all = m_links->all();
        QVERIFY(all);
        QCOMPARE(all->size(), std::size_t{3}); // lo, two, br0
        QCOMPARE(all->front().kind, std::string{"loopback"});
    }
    void offloadsGoOffAndOnAgain()
    {
        VERIFY_DONE(m_links->add({.name = "one", .farName = "two"}));
        const auto features = [this] {
            return saidIn(
                m_island->network(), QStringLiteral("ethtool"), {QStringLiteral("-k"), QStringLiteral("one")});
        };
        const QByteArray before = features();
        QVERIFY(before.contains("tcp-segmentation-offload: on") && before.contains("tx-checksumming: on"));
        const auto off = switchOffloadsOff(m_island->network(), "one");
        QVERIFY(off && !off->empty());
        for (const char* each : {"rx-checksumming", "tx-checksumming", "scatter-gather", "tcp-segmentation-offload",
                 "generic-segmentation-offload", "generic-receive-offload"})
            QVERIFY2(features().contains(QByteArray{each} + ": off"), each);
        QVERIFY(features().contains("tx-vlan-offload: on")); // which alters nothing
        const auto again = switchOffloadsOff(m_island->network(), "one");
        QVERIFY(again && again->empty());
        VERIFY_DONE(switchOffloadsOn(m_island->network(), "one", *off));
        QCOMPARE(features(), before);
        const auto absent = switchOffloadsOff(m_island->network(), "three");
        QVERIFY(!absent);
        QCOMPARE(absent.error().code, Errc::NotFound);
    }
    void chainsAreSeenAsTheyAre()
    {
        VERIFY_DONE(m_links->add({.name = "one", .farName = "two"}));
        for (const char* each : {"add table netdev t",
                 "add chain netdev t in { type filter hook ingress device \"one\" priority 0; policy drop; }",
                 "add rule netdev t in dup to \"two\" comment \"why not\"", "add chain netdev t plain"})
            QVERIFY(saidIn(m_island->network(), QStringLiteral("nft"), {QString::fromLatin1(each)}).isEmpty());
        const auto chains = nftChains(m_island->network(), NFPROTO_NETDEV);
        QVERIFY(chains);
        QCOMPARE(chains->size(), std::size_t{2});
        const NftChain& in = chains->front();
        QCOMPARE(in.table + '/' + in.name, std::string{"t/in"});
        QCOMPARE(in.hook, int{NF_NETDEV_INGRESS});
        QVERIFY(in.drops && in.devices == std::vector<std::string>{"one"});
        QCOMPARE(in.rules.size(), std::size_t{1});
        QCOMPARE(in.rules.front().comment, std::string{"why not"});
        const auto two = m_links->find("two");
        QVERIFY(in.rules.front().numbers == std::vector<std::uint32_t>{static_cast<std::uint32_t>((*two)->index)});
        QCOMPARE(chains->back().hook, -1);
        const auto others = nftChains(m_island->network(), NFPROTO_INET);
        QVERIFY(others && others->empty());
    }

private:
    std::unique_ptr<Island> m_island;
    std::unique_ptr<Links> m_links;
};

BEACON_WIRED_MAIN(TstLinks)
#include "tst_links.moc"
