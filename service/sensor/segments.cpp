#include "service/sensor/segments.h"

#include "core/base/log.h"
#include "service/sensor/wires.h"

#include <algorithm>

namespace beacon {

Segments::Segments(WorkQueue& work, Wiring& wiring, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_work(work)
    , m_wiring(wiring)
    , m_clock(clock)
{
    connect(&m_again, &QTimer::timeout, this, &Segments::look);
}

Segments::~Segments() = default;

void Segments::want(const std::vector<SensorInterface>& interfaces)
{
    std::vector<State> wanted;
    for (const SensorInterface& interface : interfaces) {
        const auto before = std::find_if(
            m_states.begin(), m_states.end(), [&](const State& state) { return state.wanted == interface; });
        if (before != m_states.end()) {
            wanted.push_back(std::move(*before));
            m_states.erase(before);
            continue;
        }
        State state;
        state.wanted = interface;
        state.spec = segmentOf(interface);
        wanted.push_back(std::move(state));
    }
    for (const State& gone : m_states)
        close(gone.spec);
    m_states = std::move(wanted);
    m_again.start(kLookAgain);
    look();
}

void Segments::setPorts(const QString& interface, const std::vector<UplinkPort>& ports)
{
    for (State& state : m_states)
        if (state.wanted.name == interface && state.tap)
            state.tap->setPorts(ports);
}

void Segments::close(const SegmentSpec& spec)
{
    m_work.ask<Result<>>(
        this, [this, spec] { return m_wiring.closeSegment(spec); },
        [spec](const Result<>& closed) {
            if (!closed)
                log::warning(
                    "an interface was not given back", {{"interface", spec.name}, {"error", describe(closed.error())}});
        });
}

void Segments::giveBack(std::function<void()> done)
{
    m_again.stop();
    for (State& state : m_states) {
        state.tap.reset();
        close(state.spec);
    }
    m_states.clear();
    m_work.run(
        this, [] {}, std::move(done)); // when all of the above has been done
}

/// In the WorkQueue's thread.
Segments::Seen Segments::lookAt(Wiring& wiring, const QString& name, const SegmentSpec& spec)
{
    Seen seen;
    seen.name = name;
    const auto opened = wiring.openSegment(spec);
    seen.opened = static_cast<bool>(opened);
    if (!opened)
        seen.problem = describe(opened.error());
    seen.network = wiring.segmentNamespace(spec);
    const auto facts = wiring.look(spec);
    if (facts)
        seen.facts = *facts;
    if (seen.problem.empty())
        seen.problem = facts ? facts->problem : describe(facts.error());
    return seen;
}

void Segments::look()
{
    std::vector<std::pair<QString, SegmentSpec>> wanted;
    wanted.reserve(m_states.size());
    for (const State& state : m_states)
        wanted.emplace_back(state.wanted.name, state.spec);
    m_work.ask<std::vector<Seen>>(
        this,
        [this, wanted = std::move(wanted)] {
            std::vector<Seen> all;
            all.reserve(wanted.size());
            for (const auto& [name, spec] : wanted)
                all.push_back(lookAt(m_wiring, name, spec));
            return all;
        },
        [this](const std::vector<Seen>& seen) { take(seen); });
}

void Segments::take(const std::vector<Seen>& seen)
{
    bool news = false;
    for (const Seen& now : seen) {
        const auto state = std::find_if(m_states.begin(), m_states.end(),
            [&](const State& candidate) { return candidate.wanted.name == now.name; });
        if (state == m_states.end())
            continue;
        if (now.problem != state->problem && !now.problem.empty())
            log::warning("an interface", {{"interface", now.name.toStdString()}, {"error", now.problem}});
        news = news || now.problem != state->problem || now.opened != state->opened || now.facts != state->facts;
        state->opened = now.opened;
        state->problem = now.problem;
        state->facts = now.facts;
        if (now.opened && now.facts.owned && state->spec.type == SegmentSpec::Type::Bridge && !state->tap)
            tap(*state, now.network);
    }
    if (news)
        Q_EMIT changed();
}

void Segments::tap(State& state, const std::string& network)
{
    state.tap = std::make_unique<UplinkTap>(network, state.spec.device, m_clock);
    connect(state.tap.get(), &UplinkTap::counted, this, [this, name = state.wanted.name] { Q_EMIT counted(name); });
    if (const auto started = state.tap->start(); !started) // it looks for it again by itself
        log::warning("what leaves an uplink is not counted",
            {{"interface", state.spec.name}, {"error", describe(started.error())}});
    Q_EMIT tapped(state.wanted.name);
}

} // namespace beacon
