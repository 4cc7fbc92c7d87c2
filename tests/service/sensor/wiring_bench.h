#pragma once

#include "service/sensor/wiring.h"
#include "tests/support/wired_host.h"

#include <QTemporaryDir>
#include <QTest>

#include <memory>
#include <vector>

namespace beacon::test {

/// One device of the host's with a cable to an island outside.
struct Nic {
    Island outside;
    QString name;

    [[nodiscard]] RawPort port(RawPort::Way way = RawPort::Way::Usual) const
    {
        return RawPort{outside.network(), QStringLiteral("cable"), way};
    }
};

/// A host with devices, a Wiring with sensor-room, and Instruments' namespaces; what it made is gone with it.
class WiringBench {
public:
    WiringBench()
        : m_host(*NetworkNamespace::ofThisThread())
    {
        restart();
    }
    ~WiringBench()
    {
        for (const SegmentSpec& each : wiring().recorded())
            if (const auto closed = wiring().closeSegment(each); !closed)
                qWarning("at the end: %s", describe(closed.error()).c_str());
        for (const QString& each : std::as_const(m_devices)) {
            if (hostLink(each))
                static_cast<void>(ip(QStringLiteral("link del ") + each));
        }
    }
    WiringBench(const WiringBench&) = delete;
    WiringBench& operator=(const WiringBench&) = delete;

    /// As when sensord was killed and comes again.
    void restart() { m_wiring = std::make_unique<Wiring>(Wiring::Place{runtimeDir(), BEACON_BIN_DIR "/sensor-room"}); }
    [[nodiscard]] Wiring& wiring() { return *m_wiring; }
    [[nodiscard]] const NetworkNamespace& host() const { return m_host; }
    [[nodiscard]] std::string runtimeDir() const { return m_dir.path().toStdString(); }
    bool ip(const QString& arguments) const { return ipIn(m_host, arguments); }
    bool keep(const QString& device) ///< to be removed at the end
    {
        m_devices.append(device);
        return true;
    }

    /// Switched on at both ends.
    Nic nic(const QString& name)
    {
        Nic made{Island{}, name};
        const bool up = ip(QStringLiteral("link add %1 type veth peer name cable netns %2")
                                .arg(name, QString::fromStdString(made.outside.pin())))
            && made.outside.ip(QStringLiteral("link set cable up")) && ip(QStringLiteral("link set %1 up").arg(name));
        if (!up || !QTest::qWaitFor([&] {
                return isUp(m_host, name) && isUp(made.outside.network(), QStringLiteral("cable"));
            }))
            qFatal("a device for the test cannot be made");
        keep(name);
        return made;
    }
    /// A bridge of the host's with a device as its port.
    Nic bridge(const QString& name, const QString& port)
    {
        Nic made = nic(port);
        made.name = name;
        keep(name);
        if (!ip(QStringLiteral("link add %1 type bridge mcast_snooping 0").arg(name))
            || !ip(QStringLiteral("link set %1 master %2").arg(port, name))
            || !ip(QStringLiteral("link set %1 up").arg(name)))
            qFatal("a bridge for the test cannot be made");
        return made;
    }
    /// Of its own user namespace, as a Sensor's are.
    Island instrument() { return Island::ofInstrument(1'200'000'000 + 65'536 * m_instruments++); }

    [[nodiscard]] std::optional<Link> hostLink(const QString& name) const { return linkIn(m_host, name); }
    [[nodiscard]] static std::optional<Link> linkIn(const NetworkNamespace& where, const QString& name)
    {
        auto links = Links::in(where);
        auto found = links ? links->find(name.toStdString()) : Result<std::optional<Link>>{links.error()};
        return found ? *found : std::nullopt;
    }
    [[nodiscard]] NetworkNamespace inside(const SegmentSpec& segment)
    {
        auto network = NetworkNamespace::open(m_wiring->segmentNamespace(segment));
        if (!network)
            qFatal("the segment has no namespace");
        return std::move(*network);
    }

    /// As addressing does; frames pass from then on, and not before the kernel has told its bridge of the carrier.
    [[nodiscard]] bool switchOn(const SegmentSpec& segment, const PlugSpec& plug, const Island& instrument)
    {
        const QString name = QString::fromStdString(plug.name);
        if (!instrument.ip(QStringLiteral("link set %1 up").arg(name)))
            return false;
        if (segment.type == SegmentSpec::Type::Phy)
            return QTest::qWaitFor([&] { return isUp(instrument.network(), name); });
        const std::string pin = m_wiring->segmentNamespace(segment);
        const auto outside = pin.empty() ? NetworkNamespace::ofThisThread() : NetworkNamespace::open(pin);
        return outside && QTest::qWaitFor([&] {
            const auto inside = instrument.link(name);
            auto links = Links::in(*outside);
            const auto port = links && inside ? links->at(inside->lower) : Result<std::optional<Link>>{std::nullopt};
            return isUp(instrument.network(), name) && port && *port
                && isUp(*outside, QString::fromStdString((*port)->name))
                && isForwarding(*outside, QString::fromStdString((*port)->name));
        });
    }
    /// The port, and every one that is not an Instrument's.
    [[nodiscard]] static bool isForwarding(const NetworkNamespace& where, const QString& port)
    {
        const auto lines = saidIn(where, QStringLiteral("bridge"), {QStringLiteral("link")}).split('\n');
        return std::none_of(lines.begin(), lines.end(), [&port](const QByteArray& line) {
            return line.contains("state disabled") && (!line.contains("sns-") || line.contains(port.toUtf8()));
        });
    }
    [[nodiscard]] static bool isUp(const NetworkNamespace& where, const QString& interface)
    {
        return saidIn(where, QStringLiteral("ip"), {QStringLiteral("link"), QStringLiteral("show"), interface})
            .contains(" state UP ");
    }

private:
    NetworkNamespace m_host;
    QTemporaryDir m_dir;
    std::unique_ptr<Wiring> m_wiring;
    QStringList m_devices;
    std::uint32_t m_instruments = 0;
};

} // namespace beacon::test
