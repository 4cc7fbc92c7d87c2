#include "service/sensor/wiring.h"
#include "tests/service/sensor/wiring_bench.h"

#include "core/base/sockaddr.h"

#include <cstring>
#include <functional>
#include <netinet/in.h>

// Whoever reads a mirror cannot send by it, in whichever way it tries, and whatever it does as root in its namespace;
// on a bridge, the same tries leave.

using namespace beacon;
using namespace beacon::test;

namespace {

const PlugSpec kReader{"listener_0", "eth0", true, {}}; // asked for in vain
const MacAddress kOwn{{0x02, 0xaa, 0, 0, 0, 1}};
constexpr int kSoonMs = 150;

bool say(const Island& from, int family, const char* to, const QByteArray& text)
{
    const auto socket = from.network().socket(family, SOCK_DGRAM, 0);
    const SockAddr address{*IpAddress::parse(to), 4'000};
    const int on = 1;
    ::setsockopt(socket->get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    return ::sendto(socket->get(), text.data(), static_cast<std::size_t>(text.size()), 0, address.get(), address.length)
        > 0;
}

struct Try {
    const char* words;
    std::function<void(const Island&)> send; ///< whether the kernel says so is of no interest
    QByteArray trace; ///< in what leaves
};

QByteArray macBytes(const Island& island)
{
    const MacAddress mac = macOf(island.network(), QStringLiteral("eth0"));
    return {reinterpret_cast<const char*>(mac.bytes.data()), static_cast<qsizetype>(mac.bytes.size())};
}

const std::vector<Try>& tries()
{
    static const std::vector<Try> all{
        {"a raw socket",
            [](const Island& at) {
                static_cast<void>(RawPort{at.network(), QStringLiteral("eth0")}.send(
                    etherFrame(kEverybody, kOwn, 0x88b5, "outward")));
            },
            "outward"},
        {"a raw socket that passes the queue",
            [](const Island& at) {
                static_cast<void>(RawPort{at.network(), QStringLiteral("eth0"), RawPort::Way::Bypass}.send(
                    etherFrame(kEverybody, kOwn, 0x88b5, "outward")));
            },
            "outward"},
        {"a UDP broadcast", [](const Island& at) { static_cast<void>(say(at, AF_INET, "192.0.2.255", "outward")); },
            "outward"},
        {"ARP by the kernel", [](const Island& at) { static_cast<void>(say(at, AF_INET, "192.0.2.77", "outward")); },
            QByteArray::fromHex("0806")},
        {"neighbour discovery by the kernel",
            [](const Island& at) { static_cast<void>(say(at, AF_INET6, "2001:db8::77", "outward")); },
            QByteArray::fromHex("3aff")},
        {"a group that is joined, by MLD",
            [](const Island& at) {
                const auto socket = at.network().socket(AF_INET6, SOCK_DGRAM, 0);
                ipv6_mreq group{};
                const auto everybody = IpAddress::parse("ff15::99");
                std::memcpy(&group.ipv6mr_multiaddr, everybody->bytes().data(), sizeof group.ipv6mr_multiaddr);
                group.ipv6mr_interface = static_cast<unsigned>(at.link(QStringLiteral("eth0"))->index);
                ::setsockopt(socket->get(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group);
                QTest::qWait(1'200); // the kernel waits for up to a second with its report
            },
            QByteArray::fromHex("ff150000000000000000000000000099")},
    };
    return all;
}

} // namespace

class TstMirrorCannotSend : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void leaves_data()
    {
        QTest::addColumn<SegmentSpec::Type>("type");
        QTest::addColumn<bool>("asRoot");
        QTest::addColumn<int>("which");
        QTest::addColumn<bool>("leaves");
        for (int i = 0; i < static_cast<int>(tries().size()); ++i) {
            const char* const words = tries()[static_cast<std::size_t>(i)].words;
            QTest::addRow("%s does not leave by a mirror", words) << SegmentSpec::Type::Mirror << false << i << false;
            QTest::addRow("%s does not leave by a mirror of which the reader's own rules are gone", words)
                << SegmentSpec::Type::Mirror << true << i << false;
            QTest::addRow("%s leaves by a bridge", words) << SegmentSpec::Type::Bridge << false << i << true;
        }
    }
    void leaves()
    {
        QFETCH(SegmentSpec::Type, type);
        QFETCH(bool, asRoot);
        QFETCH(int, which);
        QFETCH(bool, leaves);
        const SegmentSpec segment{"span", type, "eth1"};
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island reader = bench.instrument();
        VERIFY_DONE(bench.wiring().openSegment(segment));
        VERIFY_DONE(bench.wiring().plug(segment, kReader, reader.pin()));
        QVERIFY(reader.ip(QStringLiteral("address add 192.0.2.2/24 broadcast 192.0.2.255 dev eth0")));
        QVERIFY(bench.switchOn(segment, kReader, reader));
        QVERIFY(reader.ip(QStringLiteral("address add 2001:db8::2/64 dev eth0 nodad")));
        if (asRoot) {
            static_cast<void>(
                saidIn(reader.network(), QStringLiteral("nft"), {QStringLiteral("flush"), QStringLiteral("ruleset")}));
            QVERIFY(reader.ip(QStringLiteral("link set eth0 address 02:00:00:00:00:77"))); // nor does another name help
        }
        RawPort outside = nic.port();
        RawPort inside{reader.network(), QStringLiteral("eth0")};
        const Try& one = tries()[static_cast<std::size_t>(which)];
        static_cast<void>(outside.seen());
        one.send(reader);
        const auto found = outside.await(one.trace, leaves ? 2'000 : kSoonMs);
        if (leaves) {
            QVERIFY(!found.isEmpty());
            return;
        }
        // Not this one, and nothing else that is the reader's: all that its kernel has said since it was switched on.
        QCOMPARE(found, QList<QByteArray>{});
        const QByteArray mac = macBytes(reader);
        for (const QByteArray& each : outside.seen())
            QVERIFY(each.mid(6, 6) != mac);
        // It does read.
        QVERIFY(outside.send(etherFrame(kEverybody, kOwn, 0x88b5, "inward")));
        QCOMPARE(inside.await("inward").size(), 1);
    }
    void theUplinkItselfSaysNothing()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const SegmentSpec segment{"span", SegmentSpec::Type::Mirror, "eth1"};
        QTest::qWait(kSoonMs);
        VERIFY_DONE(bench.wiring().openSegment(segment));
        const auto inside = bench.inside(segment);
        RawPort outside = nic.port();
        // Somebody gives it addresses by hand: still, no more than a raw socket with privileges in there gets out.
        QVERIFY(ipIn(inside, QStringLiteral("address add 192.0.2.3/24 dev eth1")));
        static_cast<void>(saidIn(inside, QStringLiteral("ping"),
            {QStringLiteral("-c1"), QStringLiteral("-W1"), QStringLiteral("192.0.2.77")}));
        QVERIFY(outside.send(udpFrame(kEverybody, kOwn, "192.0.2.3", "192.0.2.9", "you?")));
        QCOMPARE(outside.await("", kSoonMs), QList<QByteArray>{});
    }
};

BEACON_WIRED_MAIN(TstMirrorCannotSend)
#include "tst_mirror_cannot_send.moc"
