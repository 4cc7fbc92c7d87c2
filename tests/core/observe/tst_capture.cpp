#include "core/observe/capture.h"
#include "core/observe/carrier.h"
#include "core/packet/build.h"
#include "tests/support/net_fixture.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QTest>

#include <cstdio>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

using namespace beacon;

namespace {

const IpEnds kEnds{*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2")};
const MacAddress kMac{{2, 0, 0, 0, 0, 9}};

/// Frames as they are, out of `interface`.
bool sendFrame(const char* interface, const ByteBuffer& frame)
{
    const UniqueFd fd{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    return ::sendto(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to)
        == static_cast<ssize_t>(frame.size());
}

ByteBuffer datagram(Byte mark)
{
    const ByteBuffer payload(20, mark);
    return buildUdp(kEnds, 1, 9, payload);
}

ByteBuffer tagged(ByteBuffer frame, std::uint16_t type)
{
    frame.insert(frame.begin() + 12, {static_cast<Byte>(type >> 8), static_cast<Byte>(type), 0, 7});
    return frame;
}

} // namespace

class TestCapture : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        QVERIFY(beacon::test::ip(QStringLiteral("link add left type veth peer name right")));
        QVERIFY(beacon::test::ip(QStringLiteral("link set left up")));
        QVERIFY(beacon::test::ip(QStringLiteral("link set right up")));
    }
    void cleanup() { beacon::test::ip(QStringLiteral("link del left")); }

    void packetsArriveWithoutWhatWasSentHere()
    {
        const auto capture = Capture::open("right");
        QVERIFY2(capture, capture ? "" : describe(capture.error()).c_str());
        QVERIFY(sendFrame("right", buildEthernet(kMac, kMac, datagram('o')))); // outgoing
        QVERIFY(sendFrame("left", buildEthernet(kMac, kMac, datagram('a'))));
        QVERIFY(sendFrame("left", tagged(buildEthernet(kMac, kMac, datagram('b')), ETH_P_8021Q)));
        QVERIFY(sendFrame("left", tagged(tagged(buildEthernet(kMac, kMac, datagram('c')), ETH_P_8021Q), ETH_P_8021AD)));
        QCOMPARE(marks(**capture, 3), QByteArray("abc"));
    }

    void itSurvivesDownAndUp()
    {
        const auto capture = Capture::open("right");
        QVERIFY(capture);
        QVERIFY(beacon::test::ip(QStringLiteral("link set right down")));
        for (int i = 0; i < 3; ++i)
            QVERIFY((*capture)->drain([](Capture::Batch) {}));
        QVERIFY(!(*capture)->stale());
        QVERIFY(beacon::test::ip(QStringLiteral("link set right up")));
        QTRY_VERIFY(sendFrame("left", buildEthernet(kMac, kMac, datagram('u'))));
        QVERIFY(marks(**capture, 1).contains('u'));
    }

    void aDeletedInterfaceIsStale()
    {
        const auto capture = Capture::open("right");
        QVERIFY(capture);
        beacon::test::ip(QStringLiteral("link del left"));
        QVERIFY((*capture)->stale());
        Result<std::size_t> drained{std::size_t{0}};
        for (int i = 0; i < 5 && drained; ++i)
            drained = (*capture)->drain([](Capture::Batch) {});
        QVERIFY(!drained);
        QCOMPARE(drained.error().code, Errc::NotFound);
        QCOMPARE(Capture::open("right").error().code, Errc::NotFound);
    }

    void whatHasNoRoomIsCounted()
    {
        const auto capture = Capture::open("right");
        QVERIFY(capture);
        const ByteBuffer payload(1'400, 'f');
        const ByteBuffer frame = buildEthernet(kMac, kMac, buildUdp(kEnds, 1, 9, payload));
        const UniqueFd fd{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = static_cast<int>(::if_nametoindex("left"));
        for (int i = 0; i < 12'000; ++i) // 17 MB into a ring of 8
            ::sendto(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
        QVERIFY((*capture)->takeDrops() > 0);
        QCOMPARE((*capture)->takeDrops(), std::uint64_t{0});
        std::size_t packets = 0;
        for (int i = 0; i < 100; ++i)
            packets += *(*capture)->drain([](Capture::Batch) {});
        QVERIFY(packets > 1'000);
    }

private:
    /// The first payload byte of each datagram, until there are `count`.
    static QByteArray marks(Capture& capture, int count)
    {
        QByteArray seen;
        QElapsedTimer timer;
        timer.start();
        while (seen.size() < count && timer.elapsed() < 5'000) {
            pollfd ready{.fd = capture.fd(), .events = POLLIN, .revents = 0};
            ::poll(&ready, 1, 100);
            (void)capture.drain([&](Capture::Batch batch) {
                for (const ByteView packet : batch) {
                    const auto view = viewPacket(packet);
                    if (view && view->udp && view->ip.source == kEnds.source && !view->udp->payload.empty())
                        seen += static_cast<char>(view->udp->payload[0]);
                }
            });
        }
        return seen;
    }
};

BEACON_NETNS_MAIN(TestCapture)
#include "tst_capture.moc"
