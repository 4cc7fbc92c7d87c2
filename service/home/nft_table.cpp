#include "service/home/nft_table.h"

#include "core/observe/responder.h"

namespace beacon {

namespace {

constexpr qsizetype kMaxOutputBytes = 64 * 1024;
constexpr auto kStopMs = 2'000;

QByteArray elements(const std::vector<IpAddress>& addresses, Family family)
{
    QByteArray list;
    for (const IpAddress& address : addresses) {
        if (address.family() == family)
            list += (list.isEmpty() ? "" : ", ") + QByteArray::fromStdString(address.text());
    }
    return list;
}

} // namespace

QByteArray NftTable::commands(const Wanted& wanted)
{
    const QByteArray inFrom =
        "add rule inet beacon_home divert iifname \"" + QByteArray::fromStdString(wanted.interface) + "\" ";
    const QByteArray out = "add rule inet beacon_home quiet ";
    QByteArray text =
        "add table inet beacon_home { flags owner; }\n"
        "add chain inet beacon_home divert { type filter hook prerouting priority mangle; policy accept; }\n"
        "add chain inet beacon_home quiet { type filter hook output priority filter; policy accept; }\n"
        "add rule inet beacon_home divert ct direction reply accept\n";
    text += out + "meta mark " + QByteArray::number(kResponderMark) + " accept\n";
    struct Kind {
        Family family;
        const char* ip;
        const char* icmp;
        const char* set;
        const char* type;
        QByteArray to;
    };
    const Kind kinds[] = {
        {Family::Ipv4, "ip", "icmp", "home4", "ipv4_addr", "127.0.0.1:" + QByteArray::number(wanted.listenerPort4)},
        {Family::Ipv6, "ip6", "icmpv6", "home6", "ipv6_addr", "[::1]:" + QByteArray::number(wanted.listenerPort6)}};
    for (const auto& [family, ip, icmp, set, type, to] : kinds) {
        const QByteArray addresses = elements(wanted.addresses, family);
        if (addresses.isEmpty())
            continue;
        const QByteArray from = QByteArray{ip} + " saddr @" + set + ' ';
        text += QByteArray{"add set inet beacon_home "} + set + " { type " + type + "; }\n";
        text += QByteArray{"add element inet beacon_home "} + set + " { " + addresses + " }\n";
        // Each SYN may have its answer, also one that is sent again because the answer was lost.
        text += inFrom + ip + " daddr @" + set + " tcp flags & (fin | syn | rst | ack) == syn ct mark set 0\n";
        text += inFrom + ip + " daddr @" + set + " meta l4proto tcp tproxy " + ip + " to " + to + " accept\n";
        text += out + from + icmp + " type { echo-reply, destination-unreachable } drop\n";
        text += out + from + "tcp flags & (syn | ack) == (syn | ack) ct mark 1 drop\n";
        text += out + from + "tcp flags & (syn | ack) == (syn | ack) ct mark set 1\n";
    }
    return text + "list table inet beacon_home\n";
}

NftTable::NftTable(Wanted wanted, QObject* parent)
    : QObject(parent)
    , m_wanted(std::move(wanted))
{
    m_nft.setProgram(QStringLiteral("nft"));
    m_nft.setArguments({QStringLiteral("-i")});
    m_nft.setProcessChannelMode(QProcess::MergedChannels);
    m_retry.setSingleShot(true);
    m_retry.setInterval(kRetry);
    connect(&m_retry, &QTimer::timeout, this, &NftTable::start);
    connect(&m_nft, &QProcess::readyRead, this, &NftTable::onOutput);
    connect(&m_nft, &QProcess::finished, this, &NftTable::onFinished);
    connect(&m_nft, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            fail(QStringLiteral("nft did not start (%1); install nftables").arg(m_nft.errorString()));
    });
}

NftTable::~NftTable()
{
    m_nft.disconnect(this);
    m_nft.closeWriteChannel(); // its end of input: nft leaves, and the table with it
    if (m_nft.state() != QProcess::NotRunning && !m_nft.waitForFinished(kStopMs)) {
        m_nft.kill();
        m_nft.waitForFinished(kStopMs);
    }
}

void NftTable::start()
{
    m_ready = false;
    m_output.clear();
    if (m_nft.state() != QProcess::NotRunning) { // the last one has still to leave
        m_retry.start();
        return;
    }
    m_nft.start();
    m_nft.write(commands(m_wanted));
}

void NftTable::onOutput()
{
    m_output += m_nft.readAll();
    if (m_ready) {
        m_output.clear();
        return;
    }
    const qsizetype error = m_output.indexOf("Error:");
    if (error >= 0) {
        const QString line = QString::fromUtf8(m_output.mid(error).left(200)).section(QLatin1Char{'\n'}, 0, 0);
        m_nft.closeWriteChannel();
        fail(QStringLiteral("nft refused the rules: %1").arg(line));
    } else if (m_output.contains("ct mark set 0x00000001") || m_output.contains("ct mark set 1\n\t}")) {
        m_ready = true;
        Q_EMIT ready();
    } else if (m_output.size() > kMaxOutputBytes) {
        m_output.clear();
    }
}

void NftTable::onFinished()
{
    fail(QStringLiteral("nft ended, and Home's firewall rules with it"));
}

void NftTable::fail(const QString& why)
{
    m_ready = false;
    m_output.clear();
    if (!m_retry.isActive()) {
        m_retry.start();
        Q_EMIT failed(why);
    }
}

} // namespace beacon
