#include "service/beacon/prober.h"

#include "core/base/resolvers.h"
#include "core/packet/build.h"
#include "core/packet/parse.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sodium.h>
#include <sys/signalfd.h>

namespace beacon {

namespace {

using namespace std::chrono_literals;

constexpr auto kQuiet = 10s; // a line at least this often
constexpr auto kLinkEvery = 10s; // asked for even if no change was heard
constexpr auto kAimEvery = 1s; // resolv.conf and the stop file
constexpr auto kLongestSleep = 250ms;
constexpr std::size_t kMaxWaiting = 1'024;

MonotonicTime steadyNow()
{
    return std::chrono::steady_clock::now();
}

Result<UniqueFd> signalFd()
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    UniqueFd fd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd)
        return systemError("watch for signals");
    return fd;
}

std::uint64_t wholeSeconds(MonotonicTime::duration duration)
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

} // namespace

Result<std::unique_ptr<Prober>> Prober::open(Setup setup, WriteLines write)
{
    auto routes = Routes::open(setup.interface);
    if (!routes)
        return routes.error();
    const auto link = routes->link();
    if (!link)
        return link.error();
    if (!link->ethernet)
        return Error{Errc::Unsupported, 0, "interface " + setup.interface + " carries no Ethernet frames"};
    auto tap = Tap::open(link->index);
    if (!tap)
        return tap.error();
    auto tcp = TcpExchanges::open(setup.interface);
    if (!tcp)
        return tcp.error();
    auto ports = HeldPorts::open(setup.interface);
    if (!ports)
        return ports.error();
    auto signals = signalFd();
    if (!signals)
        return signals.error();
    Opened opened{std::move(*routes), *link, std::move(*tap), std::move(*tcp), std::move(*ports), std::move(*signals)};
    return std::unique_ptr<Prober>{new Prober{std::move(setup), std::move(write), std::move(opened)}};
}

Prober::Prober(Setup setup, WriteLines write, Opened opened)
    : m_setup(std::move(setup))
    , m_write(std::move(write))
    , m_opened(std::move(opened))
    , m_key(m_setup.identity.key)
    , m_book(m_key)
    , m_schedule(m_setup.techniques)
    , m_burst(m_setup.techniques)
    , m_pace(m_setup.rate, randombytes_random())
    , m_run(randombytes_random())
{
    m_aim.home = m_setup.identity.home;
    m_aim.zone = m_setup.identity.zone;
    m_aim.ports = m_setup.ports;
}

Result<> Prober::run()
{
    MonotonicTime now = steadyNow();
    m_cycleSince = m_lastLine = m_lastLink = now;
    refreshAim(now);
    m_waysHome = waysHome();
    if (!sayHello())
        return {};
    while (!m_stopping) {
        now = steadyNow();
        if (auto alive = refreshLink(now); !alive)
            return alive;
        refreshAim(now);
        takeFrames();
        m_opened.tcp.poll(now, *this);
        m_book.settle(now);
        sendConfirms();
        probeWhatIsDue(now);
        askNeighbours(now);
        if (!flush(now))
            return {};
        if (m_setup.once && m_cycleDone && m_waiting.empty() && m_book.idle())
            break;
        wait(now);
    }
    m_book.settleAll();
    flush(steadyNow());
    return {};
}

bool Prober::sayHello()
{
    HelloLine hello{.version = BEACON_VERSION,
        .interface = m_setup.interface,
        .ratePps = m_setup.rate,
        .run = m_run,
        .techniques = {}};
    for (const Technique* const technique : m_setup.techniques)
        hello.techniques.emplace_back(technique->name);
    return m_write({hello});
}

Result<> Prober::refreshLink(MonotonicTime now)
{
    pollfd change{.fd = m_opened.routes.changeFd(), .events = POLLIN, .revents = 0};
    const bool changed = ::poll(&change, 1, 0) > 0;
    if (!changed && now - m_lastLink < kLinkEvery)
        return {};
    m_lastLink = now;
    m_opened.routes.onChange();
    const LinkFacts before = m_opened.link;
    const auto link = m_opened.routes.link();
    if (!link)
        return link.error();
    if (link->index != before.index)
        return Error{Errc::NotFound, 0, "interface " + m_setup.interface + " was replaced by another of its name"};
    if (link->up != before.up || link->mac != before.mac)
        m_neighbours.forget();
    m_opened.link = *link;
    burstWhereWaysChanged(link->up && !before.up, now);
    return {};
}

std::vector<std::optional<Hop>> Prober::waysHome()
{
    std::vector<std::optional<Hop>> ways;
    for (const IpAddress& home : m_aim.home) {
        const auto hop = m_opened.routes.lookup(home);
        ways.push_back(hop ? std::optional{*hop} : std::nullopt);
    }
    return ways;
}

void Prober::burstWhereWaysChanged(bool linkCameUp, MonotonicTime now)
{
    if (m_setup.once)
        return;
    const auto before = std::exchange(m_waysHome, waysHome());
    const auto differs = [&](auto part) {
        return !std::equal(before.begin(), before.end(), m_waysHome.begin(), m_waysHome.end(),
            [&](const std::optional<Hop>& a, const std::optional<Hop>& b) {
                return !b || (a && part(*a) == part(*b));
            });
    };
    if (linkCameUp)
        m_burst.begin(Burst::Cause::Link, now);
    if (differs([](const Hop& hop) { return hop.source; }))
        m_burst.begin(Burst::Cause::Address, now);
    else if (differs([](const Hop& hop) { return hop.nextHop; }))
        m_burst.begin(Burst::Cause::Route, now);
}

void Prober::refreshAim(MonotonicTime now)
{
    const bool first = m_lastAim == MonotonicTime{};
    if (!first && now - m_lastAim < kAimEvery)
        return;
    m_lastAim = now;
    auto resolvers = readResolvers();
    if (resolvers != m_aim.resolvers && !resolvers.empty() && !first && !m_setup.once)
        m_burst.begin(Burst::Cause::Resolver, now);
    m_aim.resolvers = std::move(resolvers);
    m_stopFileSeen = !m_setup.stopFile.empty() && ::access(m_setup.stopFile.c_str(), F_OK) == 0;
}

std::string Prober::pauseReason() const
{
    if (m_stopFileSeen)
        return "stop file " + m_setup.stopFile;
    return m_opened.link.up ? "" : "interface down";
}

void Prober::takeFrames()
{
    const MonotonicTime now = steadyNow();
    m_opened.tap.read([this, now](const Tap::Frame& frame) { takeFrame(frame, now); });
}

void Prober::takeFrame(const Tap::Frame& frame, MonotonicTime now)
{
    const auto ethernet = parseEthernet(frame.bytes);
    if (!ethernet)
        return;
    if (ethernet->etherType == ether_type::kArp) {
        const auto arp = parseArp(ethernet->payload);
        if (arp && !frame.outgoing)
            m_neighbours.heard(arp->senderIp, arp->senderMac, now);
        return;
    }
    if (m_book.onFrame(ethernet->payload, frame.outgoing, now) == AttemptBook::Frame::Further)
        m_pace.charge(1);
    if (frame.outgoing || ethernet->etherType != ether_type::kIpv6)
        return;
    const auto ip = parseIp(ethernet->payload);
    if (!ip || ip->protocol != ip_protocol::kIcmpv6 || ip->ttl != 255) // RFC 4861 section 7.1.2
        return;
    const auto advertisement = parseNeighbourAdvertisement(ip->payload);
    if (advertisement)
        m_neighbours.heard(advertisement->target, advertisement->mac.value_or(ethernet->source), now);
}

void Prober::askNeighbours(MonotonicTime now)
{
    for (const IpAddress& hop : m_neighbours.due(now)) {
        const auto route = m_opened.routes.lookup(hop);
        if (!route)
            continue;
        const MacAddress& own = m_opened.link.mac;
        const ByteBuffer frame = hop.family() == Family::Ipv4 ? buildArpRequest(own, route->source, hop)
                                                              : buildNeighbourSolicitation(own, route->source, hop);
        if (m_opened.tap.send(frame))
            m_pace.charge(1);
    }
}

void Prober::probeWhatIsDue(MonotonicTime now)
{
    const std::string reason = pauseReason();
    if (reason != m_paused) {
        m_paused = reason;
        m_pausedSince = now;
        if (!m_paused.empty())
            m_lines.emplace_back(PausedLine{m_paused, 0});
    }
    if (!m_paused.empty())
        return;
    for (std::size_t left = m_waiting.size(); left > 0; --left) {
        const Waiting waiting = m_waiting.front();
        m_waiting.pop_front();
        launch(*waiting.technique, waiting.probe, now);
    }
    probeBurst(now);
    while (m_pace.due(now) && m_waiting.size() < kMaxWaiting && !(m_setup.once && m_cycleDone)) {
        const auto turn = m_schedule.next(m_aim);
        if (!turn) {
            endCycle(now);
            return;
        }
        ++m_cycleAttempts;
        m_pace.sent(now);
        launch(*turn->technique, turn->technique->at(m_aim, turn->index), now);
    }
}

void Prober::probeBurst(MonotonicTime now)
{
    if (!m_burst.due(now) || m_waiting.size() >= kMaxWaiting)
        return;
    if (const auto turn = m_burst.take(m_aim, now))
        launch(*turn->technique, turn->technique->at(m_aim, turn->index), now);
}

/// false: it waits for its next hop's MAC.
bool Prober::launch(const Technique& technique, const Probe& probe, MonotonicTime now)
{
    const auto hop = m_opened.routes.lookup(probe.destination);
    Neighbours::Answer neighbour;
    if (hop) {
        neighbour = m_neighbours.lookup(hop->nextHop, now);
        if (neighbour.state == Neighbours::State::Asking) {
            m_waiting.push_back({&technique, probe});
            return false;
        }
    }
    const bool known = hop && neighbour.state == Neighbours::State::Known;
    TokenFields fields{.flags = probe.family == Family::Ipv6 ? token_flag::kIpv6 : std::uint8_t{0},
        .keyId = m_setup.identity.keyId,
        .run = m_run,
        .counter = ++m_counter,
        .technique = technique.number,
        .protocol = probe.protocol,
        .port = probe.port,
        .path = 0};
    std::string via;
    if (probe.byResolver) {
        fields.path = pathHash(probe.destination.bytes());
        via = probe.destination.text();
    } else if (known) {
        fields.path = pathHash(ByteView{neighbour.mac.bytes});
        via = neighbour.mac.text();
    }
    Attempt attempt{.probe = probe,
        .token = m_key.seal(fields),
        .source = hop ? hop->source : IpAddress{},
        .sourcePort = m_opened.ports.of(probe.family),
        .zone = m_aim.zone};
    m_book.open(technique, attempt, std::move(via), now);
    if (!hop) {
        const int sys = hop.error().sys;
        m_book.fail(m_counter, Outcome::LocalError, sys != 0 ? ::strerrorname_np(sys) : "EIO", hop.error().context);
    } else if (!known) {
        m_book.fail(m_counter, Outcome::NoNextHop, "");
    } else {
        m_nextHop = neighbour.mac;
        if (const auto sent = technique.send(attempt, *this); !sent) {
            const int sys = sent.error().sys;
            m_book.fail(
                m_counter, Outcome::LocalError, sys != 0 ? ::strerrorname_np(sys) : "EIO", sent.error().context);
        }
    }
    return true;
}

void Prober::sendConfirms()
{
    for (const Attempt& attempt : m_book.takeConfirms()) {
        const Technique* const technique = findTechnique(decodeToken(attempt.token)->technique);
        const auto hop = m_opened.routes.lookup(attempt.probe.destination);
        if (technique == nullptr || !hop)
            continue;
        const Neighbours::Answer neighbour = m_neighbours.lookup(hop->nextHop, steadyNow());
        m_nextHop = neighbour.mac;
        if (neighbour.state == Neighbours::State::Known)
            static_cast<void>(
                technique->send(attempt, *this)); // a lost confirmation only leaves two_way unproven at Home
    }
}

void Prober::endCycle(MonotonicTime now)
{
    if (m_cycleAttempts == 0) { // nothing to try now: resolvers may still appear
        m_pace.sent(now);
        m_cycleDone = true;
        return;
    }
    m_lines.emplace_back(
        CycleLine{++m_cycle, m_cycleAttempts, m_book.errors() - m_errorsBefore, wholeSeconds(now - m_cycleSince)});
    m_errorsBefore = m_book.errors();
    m_cycleAttempts = 0;
    m_cycleSince = now;
    m_cycleDone = true;
}

bool Prober::flush(MonotonicTime now)
{
    std::vector<Line> lines = m_book.takeLines();
    lines.insert(lines.end(), std::make_move_iterator(m_lines.begin()), std::make_move_iterator(m_lines.end()));
    m_lines.clear();
    if (lines.empty() && now - m_lastLine >= kQuiet) {
        if (m_paused.empty())
            lines.emplace_back(IdleLine{wholeSeconds(now - m_lastLine)});
        else
            lines.emplace_back(PausedLine{m_paused, wholeSeconds(now - m_pausedSince)});
    }
    if (lines.empty())
        return true;
    m_lastLine = now;
    return m_write(lines);
}

void Prober::wait(MonotonicTime now)
{
    MonotonicTime until = now + kLongestSleep;
    if (m_paused.empty() && !(m_setup.once && m_cycleDone))
        until = std::min(until, m_burst.active() ? std::min(m_pace.next(), m_burst.next()) : m_pace.next());
    if (const auto deadline = m_opened.tcp.nextDeadline())
        until = std::min(until, *deadline);
    if (const auto due = m_book.nextDue())
        until = std::min(until, *due);
    if (!m_waiting.empty())
        until = std::min(until, now + 20ms);
    const auto left = std::max(until - steadyNow(), MonotonicTime::duration{0});
    const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(std::chrono::nanoseconds{left}.count())};
    pollfd fds[] = {{m_opened.signals.get(), POLLIN, 0}, {m_opened.tap.fd(), POLLIN, 0}, {m_opened.tcp.fd(), POLLIN, 0},
        {m_opened.routes.changeFd(), POLLIN, 0}};
    ::ppoll(fds, std::size(fds), &timeout, nullptr);
    m_stopping = (fds[0].revents & POLLIN) != 0;
}

Result<> Prober::sendIp(ByteView packet)
{
    return m_opened.tap.send(buildEthernet(m_nextHop, m_opened.link.mac, packet));
}

Result<> Prober::exchangeTcp(const Attempt& attempt, ByteView payload)
{
    const auto port = m_opened.tcp.start(attempt, payload, steadyNow());
    if (!port)
        return port.error();
    m_book.bindTcp(decodeToken(attempt.token)->counter, *port);
    return {};
}

void Prober::onTcpReply(std::uint32_t n, ByteView data)
{
    m_book.onTcpReply(n, data, steadyNow());
}

} // namespace beacon
