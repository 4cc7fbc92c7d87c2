#pragma once

#include "tests/support/net_fixture.h"

#include "core/base/address.h"
#include "core/netlink/links.h"
#include "core/netlink/network_namespace.h"

#include <QByteArray>
#include <QList>
#include <QString>
#include <QTemporaryDir>

#include <memory>
#include <string>

namespace beacon::test {

/// A host of our own with devices that have cables (veth pairs) to the outside; the process has entered it before its
/// first thread, by enterWiredHost(). All of it ends with the process, the pins included.
[[nodiscard]] bool enterWiredHost(QString& why);

/// Whether `ip ARGUMENTS` succeeded in that namespace.
[[nodiscard]] bool ipIn(const NetworkNamespace& where, const QString& arguments);
/// What a program says on stdout there.
[[nodiscard]] QByteArray saidIn(const NetworkNamespace& where, const QString& program, const QStringList& arguments);

/// Another network namespace, held by a pin.
class Island {
public:
    Island(); ///< as `unshare --net`; a failure ends the test program
    /// As an Instrument's: made by sensor-room, owned by a user namespace of its own.
    static Island ofInstrument(std::uint32_t idBase);
    Island(Island&&) noexcept = default;
    Island& operator=(Island&&) noexcept = default;
    ~Island();

    [[nodiscard]] const NetworkNamespace& network() const { return *m_network; }
    [[nodiscard]] std::string pin() const; ///< a file
    void drop(); ///< the pin and our descriptor: it ends, unless somebody else holds it
    [[nodiscard]] std::optional<Link> link(const QString& name) const;
    [[nodiscard]] bool ip(const QString& arguments) const { return ipIn(*m_network, arguments); }

private:
    struct Bare { };
    explicit Island(Bare);
    std::unique_ptr<QTemporaryDir> m_dir;
    std::optional<NetworkNamespace> m_network;
};

/// A raw socket at an interface. What it sees is as on the cable: VLAN tags are put back, and what was sent from the
/// same interface is left out.
class RawPort {
public:
    enum class Way { Usual, Bypass /**< PACKET_QDISC_BYPASS */ };
    RawPort(const NetworkNamespace& where, const QString& interface, Way way = Way::Usual);

    [[nodiscard]] bool send(const QByteArray& frame) const; ///< whether the kernel took it
    /// Frames that contain `marker`, until there is one or the time is over.
    [[nodiscard]] QList<QByteArray> await(const QByteArray& marker, int withinMs = 2'000);
    /// Everything that has arrived by now.
    [[nodiscard]] QList<QByteArray> seen();
    [[nodiscard]] bool good() const { return bool(m_socket); }

private:
    bool take(int withinMs);

    UniqueFd m_socket;
    QList<QByteArray> m_seen;
};

[[nodiscard]] QByteArray etherFrame(
    const MacAddress& to, const MacAddress& from, std::uint16_t type, const QByteArray& payload);
/// UDP in IPv4 or IPv6, with right checksums.
[[nodiscard]] QByteArray udpFrame(
    const MacAddress& to, const MacAddress& from, const char* toIp, const char* fromIp, const QByteArray& payload);
[[nodiscard]] MacAddress macOf(const NetworkNamespace& where, const QString& interface);
inline constexpr MacAddress kEverybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

} // namespace beacon::test

#define BEACON_WIRED_MAIN(Test) BEACON_MAIN_IN(beacon::test::enterWiredHost, Test)

/// Fails the test with what an Error says.
#define VERIFY_DONE(call)                                                                                              \
    do {                                                                                                               \
        const auto done_ = (call);                                                                                     \
        QVERIFY2(done_, done_ ? "" : describe(done_.error()).c_str());                                                 \
    } while (false)
