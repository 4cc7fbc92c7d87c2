#include "core/base/address.h"
#include "core/base/sockaddr.h"
#include "core/netlink/throwaway_network.h"
#include "tests/support/net_fixture.h"

#include <QTest>

#include <functional>
#include <net/if.h>
#include <poll.h>
#include <sys/wait.h>

using namespace beacon;

namespace {

constexpr std::uint16_t kPort = 7'777;
const ThrowawayNetwork::End kNear{.interface = "near0", .ipv4 = "192.0.2.1/30", .ipv6 = "2001:db8::1/64"};
const ThrowawayNetwork::End kFar{.interface = "seg0", .ipv4 = "192.0.2.2/30", .ipv6 = "2001:db8::2/64"};

/// What `body` returns in a process of its own: it moves to another network for good.
int inChild(const std::function<int()>& body)
{
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A listener at every address of this network.
UniqueFd listenEverywhere()
{
    UniqueFd fd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(kPort);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 || ::listen(fd.get(), 8) != 0)
        fd.reset();
    return fd;
}

bool connects(const char* text)
{
    const SockAddr to{*IpAddress::parse(text), kPort};
    const UniqueFd fd{::socket(to.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (::connect(fd.get(), to.get(), to.length) != 0 && errno != EINPROGRESS)
        return false;
    pollfd connected{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    constexpr int kPatienceMs = 5'000;
    int failure = 0;
    socklen_t length = sizeof failure;
    return ::poll(&connected, 1, kPatienceMs) == 1
        && ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &length) == 0 && failure == 0;
}

} // namespace

class TstThrowawayNetwork : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whateverTheFarEndReachesForIsNear();
    void theHostsNetworkIsOutOfReach();
    void aNameThatIsTakenIsAnError();
};

void TstThrowawayNetwork::whateverTheFarEndReachesForIsNear()
{
    const int code = inChild([] {
        const auto network = ThrowawayNetwork::make(kNear, kFar);
        if (!network)
            return 1;
        const UniqueFd listener = listenEverywhere();
        if (!listener || ::if_nametoindex("near0") == 0 || ::if_nametoindex("seg0") != 0)
            return 2;
        return inChild([&] {
            if (!network->enterFar() || ::if_nametoindex("seg0") == 0 || ::if_nametoindex("near0") != 0)
                return 3;
            for (const char* address : {"192.0.2.1", "198.51.100.1", "10.20.30.40"})
                if (!connects(address))
                    return 4;
            if (network->hasIpv6() && (!connects("2001:db8::1") || !connects("2001:db8:ffff::9")))
                return 5;
            return 0;
        });
    });
    QCOMPARE(code, 0);
}

void TstThrowawayNetwork::theHostsNetworkIsOutOfReach()
{
    const UniqueFd here = listenEverywhere();
    QVERIFY(here && test::ip(QStringLiteral("link set lo up")) && connects("127.0.0.1"));
    const int code = inChild([] {
        const auto network = ThrowawayNetwork::make(kNear, kFar);
        if (!network || connects("127.0.0.1"))
            return 1;
        return network->enterFar() && !connects("127.0.0.1") ? 0 : 2;
    });
    QCOMPARE(code, 0);
    QVERIFY(::if_nametoindex("near0") == 0 && ::if_nametoindex("seg0") == 0);
}

void TstThrowawayNetwork::aNameThatIsTakenIsAnError()
{
    const int code = inChild([] {
        ThrowawayNetwork::End far = kFar;
        far.interface = "lo";
        const auto network = ThrowawayNetwork::make(kNear, far);
        return !network && network.error().context.find("called lo") != std::string::npos ? 0 : 1;
    });
    QCOMPARE(code, 0);
}

BEACON_NETNS_MAIN(TstThrowawayNetwork)
#include "tst_throwaway_network.moc"
