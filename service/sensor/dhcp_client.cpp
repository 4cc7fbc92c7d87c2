#include "service/sensor/dhcp_client.h"

#include "core/supervision/qt_process.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace beacon {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBeginsWithin{10'000}; ///< it says "deconfig" before anything else
constexpr milliseconds kEndsLate{2'000}; ///< the client sees the end of a lease a little later than we do
constexpr milliseconds kLongestArm{3'600'000}; ///< a day would not fit into some timers' milliseconds
/// udhcpc takes none for shorter than 2 × 61 s, and renews after half of that: a shorter one is renewed at our word.
constexpr std::chrono::seconds kRenewsByItself{122};
constexpr std::size_t kMostWords = 200;

constexpr Supervisor::Policy kPolicy{
    .backoff = {.longest = milliseconds{10'000}}, // a network that has a server again is not kept waiting for long
    .stopGrace = milliseconds{2'000},
    .heldPoll = milliseconds{2'000},
};

QString onInterface(const std::string& interface)
{
    return QString::fromStdString(interface);
}

} // namespace

DhcpClient::DhcpClient(const std::string& interface, const Place& place, const Clock& clock, QObject* parent)
    : DhcpClient(interface, place,
        Parts{std::make_unique<QtProcess>(place.launcher, place.launcherOptions), std::make_unique<QtAlarm>(),
            std::make_unique<QtAlarm>()},
        clock, parent)
{
}

DhcpClient::DhcpClient(std::string interface, const Place& place, Parts parts, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_interface(std::move(interface))
    , m_place(place)
    , m_clock(clock)
    , m_supervisor(std::make_unique<Supervisor>(std::move(parts.process), std::move(parts.restart), clock, kPolicy))
    , m_deadline(std::move(parts.deadline))
{
    connect(m_supervisor.get(), &Supervisor::output, this, &DhcpClient::onOutput);
    connect(m_supervisor.get(), &Supervisor::stateChanged, this, &DhcpClient::onStateChanged);
    connect(m_deadline.get(), &Alarm::elapsed, this, &DhcpClient::onDeadline);
    setCommand();
}

DhcpClient::~DhcpClient() = default;

void DhcpClient::start()
{
    m_supervisor->start();
}

void DhcpClient::stop()
{
    if (m_supervisor->life() == Life::Stopped)
        onStateChanged(Life::Stopped);
    else
        m_supervisor->stop();
}

void DhcpClient::askAgain()
{
    if (m_supervisor->life() != Life::Stopped && m_supervisor->life() != Life::Stopping)
        m_supervisor->restart();
}

void DhcpClient::setCommand()
{
    // -f foreground, without a pid file; four discoveries a second apart, two seconds' pause, for ever; -a: an address
    // that somebody answers an ARP request for is declined; -o and -O: what is not used is not asked for.
    Command command{.program = m_place.client,
        .arguments = {"-f", "-i", m_interface, "-s", m_place.event, "-t", "4", "-T", "1", "-A", "2", "-a200", "-o",
            "-O", "subnet", "-O", "router", "-O", "dns", "-O", "staticroutes"},
        .environment = {}};
    if (m_lease) {
        command.arguments.emplace_back("-r");
        command.arguments.push_back(m_lease->address.text());
    }
    m_supervisor->setCommand(std::move(command));
}

void DhcpClient::onOutput(Stream stream, const QByteArray& chunk)
{
    const std::string_view bytes{chunk.constData(), static_cast<std::size_t>(chunk.size())};
    if (stream == Stream::Out) {
        m_lines.feed(bytes, [this](const RawLine& line) { onLine(line); });
        return;
    }
    m_errors.feed(bytes, [this](const RawLine& line) {
        if (!line.text.empty())
            m_lastWords = printable(line.text.substr(0, kMostWords));
    });
}

/// The shortest lease is renewed every 5 s: who says much more is not the client that we know.
bool DhcpClient::isTooMuch()
{
    if (m_clock.now() - m_windowBegan >= kWindow) {
        m_windowBegan = m_clock.now();
        m_linesInWindow = 0;
    }
    if (++m_linesInWindow == kMostLines + 1) {
        setProblem(tr("The DHCP client on %1 floods us; it is started again.").arg(onInterface(m_interface)));
        m_supervisor->noteStalled();
    }
    return m_linesInWindow > kMostLines;
}

void DhcpClient::onLine(const RawLine& line)
{
    if (isTooMuch())
        return;
    const auto event = leaseEventFrom(line.truncated ? std::string_view{} : line.text);
    if (event)
        take(*event);
    else
        refuse(event.error());
}

void DhcpClient::take(const LeaseEvent& event)
{
    const bool beginning = std::exchange(m_beginsUntil, std::nullopt).has_value();
    m_supervisor->noteReady();
    switch (event.kind) {
    case LeaseEvent::Kind::Deconfig:
        if (!beginning) // or else it is a new process that knows nothing of the lease that its predecessor got
            lose(tr("The DHCP client on %1 could not renew the lease.").arg(onInterface(m_interface)));
        break;
    case LeaseEvent::Kind::Bound:
    case LeaseEvent::Kind::Renew:
        m_lease = event.lease;
        m_leaseEnds = m_clock.now() + event.lease.seconds;
        m_renewAt.reset();
        if (event.lease.seconds < kRenewsByItself)
            m_renewAt = m_clock.now() + event.lease.seconds / 2;
        setCommand();
        setProblem({});
        Q_EMIT leased(*m_lease);
        break;
    case LeaseEvent::Kind::LeaseFail:
        if (!m_lease)
            setProblem(tr("No DHCP server answers on %1: check that there is one on this segment, or give the "
                          "interface static addresses.")
                           .arg(onInterface(m_interface)));
        break;
    case LeaseEvent::Kind::Nak:
        lose(tr("The DHCP server on %1 took the address back.").arg(onInterface(m_interface)));
        if (!m_lease)
            setProblem(tr("The DHCP server on %1 refuses what it has offered: look at its log.")
                           .arg(onInterface(m_interface)));
        break;
    }
    armDeadline();
}

/// The client believes to have a lease, and would be silent for half of its time.
void DhcpClient::refuse(const Error& why)
{
    m_beginsUntil.reset();
    setProblem(tr("The DHCP server's answer on %1 %2: it was not taken.")
                   .arg(onInterface(m_interface), QString::fromStdString(why.context)));
    m_supervisor->noteReady();
    m_supervisor->noteStalled();
    armDeadline();
}

void DhcpClient::lose(const QString& reason)
{
    if (!m_lease)
        return;
    m_lease.reset();
    m_renewAt.reset();
    setCommand();
    Q_EMIT lost(reason);
}

void DhcpClient::setProblem(const QString& problem)
{
    if (std::exchange(m_problem, problem) != problem)
        Q_EMIT problemChanged(problem);
}

void DhcpClient::onStateChanged(Life now)
{
    const auto ignore = [](const RawLine&) {};
    switch (now) {
    case Life::Starting:
        m_lines.finish(ignore);
        m_errors.finish(ignore);
        m_lastWords.clear();
        m_beginsUntil = m_clock.now() + kBeginsWithin;
        break;
    case Life::Held:
        setProblem(tr("The DHCP client %1 cannot be executed: install the package udhcpc.")
                       .arg(QString::fromStdString(m_place.client)));
        break;
    case Life::Waiting:
        if (m_problem.isEmpty() && m_supervisor->lastExit())
            setProblem(tr("The DHCP client on %1 ended and is started again: %2")
                           .arg(onInterface(m_interface),
                               QString::fromStdString(
                                   m_lastWords.empty() ? describe(*m_supervisor->lastExit()) : m_lastWords)));
        break;
    case Life::Stopped:
        lose(tr("DHCP was ended on %1.").arg(onInterface(m_interface)));
        setProblem({});
        break;
    default:
        break;
    }
    if (!hasProcess(now))
        m_beginsUntil.reset();
    armDeadline();
    if (now == Life::Stopped)
        Q_EMIT stopped();
}

void DhcpClient::armDeadline()
{
    MonotonicTime at = m_lease ? m_leaseEnds + kEndsLate : MonotonicTime::max();
    at = std::min({at, m_beginsUntil.value_or(at), m_renewAt.value_or(at)});
    if (at == MonotonicTime::max()) {
        m_deadline->disarm();
        return;
    }
    const auto left = std::chrono::ceil<milliseconds>(at - m_clock.now());
    m_deadline->arm(std::clamp(left, milliseconds{0}, kLongestArm));
}

void DhcpClient::onDeadline()
{
    const MonotonicTime now = m_clock.now();
    const bool ended = m_lease && now >= m_leaseEnds + kEndsLate;
    const bool mute = m_beginsUntil && now >= *m_beginsUntil;
    if (m_renewAt && now >= *m_renewAt) {
        m_renewAt.reset();
        m_supervisor->signal(SIGUSR1); // udhcpc(8): renew
    }
    if (ended)
        lose(tr("The lease on %1 is over, and the DHCP client did not renew it.").arg(onInterface(m_interface)));
    if (mute) {
        m_beginsUntil.reset();
        setProblem(tr("The DHCP client on %1 does not begin; it is started again.").arg(onInterface(m_interface)));
    }
    if (ended || mute)
        m_supervisor->noteStalled();
    armDeadline();
}

} // namespace beacon
