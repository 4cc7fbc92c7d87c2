#include "tests/support/fake_instrument.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <array>

namespace beacon::test {

namespace {

struct Kind {
    const char* technique;
    int proto;
    bool hasPort;
};
constexpr std::array kKinds{Kind{"TcpConnection", 6, true}, Kind{"UdpDatagram", 17, true}, Kind{"IcmpEcho", 1, false},
    Kind{"DnsQuery", 17, true}};
constexpr std::array kPorts{22, 53, 80, 123, 443, 502, 1883, 4840, 8443, 20000, 44818, 47808};

} // namespace

FakeInstrument::FakeInstrument(QString socketPath, admin::Feed::Limits limits)
    : m_path(std::move(socketPath))
    , m_limits(limits)
{
}

void FakeInstrument::start()
{
    m_seq = 0;
    admin::Hello hello;
    hello.instrument = QStringLiteral("beacon_0@plant7");
    hello.interface = QStringLiteral("eth1");
    hello.version = QStringLiteral("0.1.0");
    hello.run = QUuid::createUuid();
    m_listener.reset();
    m_feed = std::make_unique<admin::Feed>(hello, m_clock, m_limits);
    listenAgain();
}

void FakeInstrument::stop()
{
    m_listener.reset();
    m_feed.reset();
}

void FakeInstrument::hangUp()
{
    m_listener.reset();
}

void FakeInstrument::listenAgain()
{
    m_listener = std::make_unique<rpc::Listener>();
    QObject::connect(m_listener.get(), &rpc::Listener::accepted, m_feed.get(),
        [this](rpc::Peer* peer) { m_feed->attach(peer, m_role); });
    rpc::Listener::Settings settings;
    settings.path = m_path;
    if (const auto listening = m_listener->listen(settings); !listening)
        qFatal("%s", describe(listening.error()).c_str());
}

quint64 FakeInstrument::attempt(quint64 n, const char* outcome)
{
    const Kind& kind = kKinds[n % kKinds.size()];
    const bool ipv6 = (n / kKinds.size()) % 2 == 1;
    QJsonObject line{{QStringLiteral("t"), QStringLiteral("attempt")}, {QStringLiteral("n"), static_cast<qint64>(n)},
        {QStringLiteral("technique"), QLatin1StringView(kind.technique)},
        {QStringLiteral("family"), QLatin1StringView(ipv6 ? "ipv6" : "ipv4")},
        {QStringLiteral("dst"), QLatin1StringView(ipv6 ? "2001:db8:0:9::10" : "192.0.2.10")},
        {QStringLiteral("proto"), ipv6 && kind.proto == 1 ? 58 : kind.proto},
        {QStringLiteral("via"), QStringLiteral("02:00:5e:10:00:01")},
        {QStringLiteral("outcome"), QLatin1StringView(outcome)}};
    if (kind.hasPort)
        line.insert(
            QStringLiteral("port"), qstrcmp(kind.technique, "DnsQuery") == 0 ? 53 : kPorts[n / 8 % kPorts.size()]);
    if (qstrcmp(outcome, "local_error") == 0)
        line.insert(QStringLiteral("errno"), QStringLiteral("ENETUNREACH"));
    return publish(line, false);
}

quint64 FakeInstrument::escape(quint64 n, const char* technique, int port)
{
    QJsonObject line{{QStringLiteral("t"), QStringLiteral("escape")}, {QStringLiteral("n"), static_cast<qint64>(n)},
        {QStringLiteral("technique"), QLatin1StringView(technique)}, {QStringLiteral("family"), QStringLiteral("ipv4")},
        {QStringLiteral("dst"), QStringLiteral("192.0.2.10")}, {QStringLiteral("proto"), 6},
        {QStringLiteral("via"), QStringLiteral("02:00:5e:10:00:01")}, {QStringLiteral("rtt_us"), 812}};
    if (port != 0)
        line.insert(QStringLiteral("port"), port);
    return publish(line, true);
}

quint64 FakeInstrument::publish(QJsonObject line, bool priority)
{
    line.insert(QStringLiteral("v"), 1);
    const QByteArray text = QJsonDocument(line).toJson(QJsonDocument::Compact);
    m_feed->publishLine({text.data(), static_cast<std::size_t>(text.size())}, m_clock.wall(), ++m_seq, priority);
    return m_seq;
}

} // namespace beacon::test
