#include "service/instrument/drill.h"

#include "core/base/run_place.h"
#include "core/netlink/throwaway_network.h"
#include "service/instrument/drilled_beacon.h"
#include "service/instrument/loopback_home.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sodium.h>
#include <sys/signalfd.h>

namespace beacon {

namespace {

using namespace std::chrono_literals;

constexpr auto kLinger = 1s; // for the Beacon to tell of what it has under way
constexpr auto kAfterTheEnd = 200ms; // for what a Beacon that has ended sent
constexpr auto kSilent = 2s; // from the first packet, after which it will not say hello any more
constexpr auto kLongestSleep = 50ms;
constexpr int kRate = 100; // attempts a second
constexpr const char* kHomeEnd = "home0";

/// All of RFC 5737 and RFC 3849. Not even the host's own network has them.
const ThrowawayNetwork::End kNear{.interface = kHomeEnd, .ipv4 = "192.0.2.1/30", .ipv6 = "2001:db8::1/64"};

Identity freshIdentity(bool ipv6)
{
    Identity identity;
    identity.name = "self-test";
    identity.keyId = randombytes_random();
    randombytes_buf(identity.key.data(), identity.key.size());
    identity.home.push_back(*IpAddress::parse("198.51.100.1"));
    if (ipv6)
        identity.home.push_back(*IpAddress::parse("2001:db8:1::1"));
    identity.zone = "self-test.invalid"; // RFC 6761: nobody's
    return identity;
}

/// The path of what BEACON_CONFIG is to name.
Result<std::string> writeFiles(const DrillOrder& order, const Identity& identity, const std::optional<UserIds>& owner)
{
    const std::string identityPath = order.directory + "/identity.json";
    if (auto written = writePrivateFile(identityPath, writeIdentity(identity), owner); !written)
        return written.error();
    nlohmann::ordered_json config{{"identity", identityPath}, {"rate", kRate}, {"ports", order.ports}};
    if (!order.techniques.empty())
        config["techniques"] = order.techniques;
    const std::string path = order.directory + "/beacon.json";
    if (auto written = writePrivateFile(path, config.dump() + '\n', owner); !written)
        return written.error();
    return path;
}

class Drill {
public:
    Drill(const DrillOrder& order, int signals, const Clock& clock)
        : m_order(order)
        , m_signals(signals)
        , m_clock(clock)
        , m_began(clock.now())
    {
    }

    Result<DrillResult> run();

private:
    Result<> prepare();
    void takeUntil(MonotonicTime until, bool stopsEarly);
    void wait(MonotonicTime until) const;
    void takeOnce();
    void onLine(std::string_view text);
    void judgeSilence();
    [[nodiscard]] bool isOver();
    bool drainSignals();
    [[nodiscard]] DrillResult result() const;

    const DrillOrder& m_order;
    int m_signals;
    const Clock& m_clock;
    MonotonicTime m_began, m_started, m_lastWord;
    std::optional<MonotonicTime> m_firstFrame, m_firstToken, m_ended;
    std::optional<DrillFigures> m_figures;
    std::unique_ptr<LoopbackHome> m_home;
    std::unique_ptr<DrilledBeacon> m_beacon; // after Home: it goes first
    bool m_introduced = false; // its first line has come
    bool m_told = false; // to stop
};

Result<> Drill::prepare()
{
    const ThrowawayNetwork::End far{.interface = m_order.interface, .ipv4 = "192.0.2.2/30", .ipv6 = "2001:db8::2/64"};
    const auto network = ThrowawayNetwork::make(kNear, far);
    if (!network)
        return network.error();
    const Identity identity = freshIdentity(network->hasIpv6());
    const auto user = network->hasOneUser() ? std::nullopt : m_order.user;
    const auto config = writeFiles(m_order, identity, user);
    if (!config)
        return config.error();
    m_figures.emplace(
        Aim{.home = identity.home, .resolvers = {}, .ports = PortSet{m_order.ports}, .zone = identity.zone});
    auto home = LoopbackHome::open(
        {.interface = kHomeEnd, .identity = identity, .ports = m_order.ports, .ipv6 = network->hasIpv6()}, m_clock,
        *m_figures);
    if (!home)
        return home.error();
    m_home = std::move(*home);
    m_started = m_clock.now();
    auto beacon = DrilledBeacon::start({.launcher = m_order.launcher,
                                           .beacon = m_order.beacon,
                                           .interface = m_order.interface,
                                           .config = *config,
                                           .user = user,
                                           .netAdmin = m_order.netAdmin},
        *network);
    if (!beacon)
        return beacon.error();
    m_beacon = std::move(*beacon);
    return {};
}

Result<DrillResult> Drill::run()
{
    if (auto prepared = prepare(); !prepared)
        return prepared.error();
    takeUntil(m_order.deadline, true);
    m_beacon->terminate(); // so that it tells what became of the attempts that are under way
    takeUntil(m_clock.now() + kLinger, false);
    if (m_told)
        return Error{Errc::Timeout, 0, "the self-test was told to stop"};
    return result();
}

void Drill::takeUntil(MonotonicTime until, bool stopsEarly)
{
    while (!m_told && m_clock.now() < until) {
        wait(until);
        m_told = drainSignals();
        takeOnce();
        if ((stopsEarly && m_figures->complete()) || isOver())
            return;
    }
}

void Drill::wait(MonotonicTime until) const
{
    const auto [out, err, report] = m_beacon->fds();
    std::array<pollfd, 5> fds{{{m_signals, POLLIN, 0}, {m_home->fd(), POLLIN, 0}, {out, POLLIN, 0}, {err, POLLIN, 0},
        {report, POLLIN, 0}}}; // a negative one is passed over
    const auto left = std::clamp<MonotonicTime::duration>(until - m_clock.now(), 0ms, kLongestSleep);
    ::poll(fds.data(), fds.size(), static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

void Drill::takeOnce()
{
    m_home->take(); // first: Home must have answered whatever is told as an escape
    const MonotonicTime now = m_clock.now();
    if (!m_firstFrame && m_figures->frames() > 0)
        m_firstFrame = now;
    if (!m_firstToken && m_figures->recognised() > 0)
        m_firstToken = now;
    if (m_beacon->take([this](std::string_view line) { onLine(line); }))
        m_lastWord = now;
    judgeSilence();
}

void Drill::onLine(std::string_view text)
{
    const auto line = readLine(text);
    if (!std::exchange(m_introduced, true) && !(line && std::holds_alternative<HelloLine>(*line)))
        m_figures->setForeign();
    if (m_figures->foreign())
        m_figures->onForeignLine();
    else if (line)
        m_figures->onLine(*line);
}

/// A Beacon of ours says hello before it sends; a foreign one may have nothing to say.
void Drill::judgeSilence()
{
    if (m_introduced || !m_firstFrame)
        return;
    if (m_ended || m_clock.now() - *m_firstFrame > kSilent)
        m_figures->setForeign();
}

/// The Beacon has ended, and all that it sent and said is here.
bool Drill::isOver()
{
    if (m_beacon->running())
        return false;
    const MonotonicTime now = m_clock.now();
    if (!m_ended)
        m_ended = m_lastWord = now;
    return now - m_lastWord >= kAfterTheEnd;
}

bool Drill::drainSignals()
{
    bool told = false;
    signalfd_siginfo info{};
    while (::read(m_signals, &info, sizeof info) == sizeof info)
        told = told || info.ssi_signo != SIGCHLD;
    return told;
}

DrillResult Drill::result() const
{
    const auto& first = m_figures->foreign() ? m_firstFrame : m_firstToken;
    DrillFigures::Circumstances circumstances{.beacon = m_order.beacon,
        .trouble = m_ended && *m_ended < m_order.deadline ? m_beacon->ending() : std::string{},
        .seconds = std::chrono::duration<double>(m_clock.now() - m_began).count(),
        .firstEscapeMs = std::nullopt};
    if (first)
        circumstances.firstEscapeMs = std::chrono::duration_cast<std::chrono::milliseconds>(*first - m_started).count();
    return {m_figures->escaped(), m_figures->json(circumstances)};
}

} // namespace

Result<DrillResult> runDrill(const DrillOrder& order, int signals, const Clock& clock)
{
    return Drill{order, signals, clock}.run();
}

} // namespace beacon
