// What the Instrument does about its interface: the fourth part of instrument.h.

#include "core/base/log.h"
#include "service/instrument/event_data.h"
#include "service/instrument/instrument.h"

namespace beacon {

Result<> Instrument::watchInterface()
{
    m_link = m_parts.makeLinkMonitor();
    connect(m_link.get(), &LinkMonitor::changed, this, &Instrument::onLink);
    connect(m_link.get(), &LinkMonitor::failed, this, [](const Error& error) {
        log::warning("interface monitor", {{"error", describe(error)}});
    });
    if (auto started = m_link->start(m_settings.interface); !started)
        return started;
    m_liveness.setCarrier(m_link->state().usable(), m_clock.now());
    switchOn();
    listenToSwitch();
    return {};
}

void Instrument::switchOn()
{
    const LinkState& link = m_link->state();
    if (!link.present || link.index == m_switchedOn)
        return;
    m_switchedOn = link.index;
    if (link.up)
        return;
    if (const auto up = m_link->bringUp(); up)
        log::info("interface switched on", {{"interface", link.name}});
    else
        log::warning("the interface is switched off", {{"interface", link.name}, {"error", describe(up.error())}});
}

void Instrument::listenToSwitch()
{
    const LinkState& link = m_link->state();
    if (const auto heard = m_switchPort.follow(link.usable() && link.ethernet ? link.index : 0); !heard)
        log::info("no word from a switch", {{"error", describe(heard.error())}});
}

void Instrument::announceInterface()
{
    const LinkState& link = m_link->state();
    publish(m_events.make(
        link.usable() ? EventId::InterfaceUp : EventId::InterfaceDown, interfaceSentence(link), interfaceData(link)));
}

void Instrument::onLink(const LinkState& now, const LinkState& before)
{
    const MonotonicTime time = m_clock.now();
    m_liveness.setCarrier(now.usable(), time);
    if (now.usable() && !before.usable())
        m_watch.restart(time);
    if (now.usable() != before.usable() || (now.usable() && now.index != before.index) || now.name != before.name)
        announceInterface();
    if (before.present && now.present && (now.index != before.index || now.name != before.name))
        m_moved = true;
    switchOn();
    if (now.usable() != before.usable() || now.index != before.index)
        listenToSwitch();
    reconcile();
    armCheck();
    judge();
}

} // namespace beacon
