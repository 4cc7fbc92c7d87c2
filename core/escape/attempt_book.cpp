#include "core/escape/attempt_book.h"

#include "core/base/base32.h"
#include "core/packet/dns.h"
#include "core/packet/parse.h"

#include <algorithm>

namespace beacon {

namespace {

constexpr std::uint16_t kDnsPort = 53;

std::optional<Token> asToken(ByteView bytes)
{
    if (bytes.size() < kTokenBytes || bytes[0] != kTokenVersion)
        return std::nullopt;
    Token token;
    std::copy_n(bytes.begin(), kTokenBytes, token.begin());
    return token;
}

std::optional<Token> labelToken(std::string_view label)
{
    if (label.size() != kTokenChars)
        return std::nullopt;
    const auto bytes = fromBase32(label);
    return bytes ? asToken(*bytes) : std::nullopt;
}

/// The token that a payload carries, as sent: raw, or as the first label of a DNS question.
std::optional<Token> sentToken(ByteView payload, bool dns)
{
    if (!dns)
        return asToken(payload);
    const auto message = parseDns(payload);
    return message ? labelToken(std::string_view{message->question.name}.substr(0, kTokenChars)) : std::nullopt;
}

/// The token that Home answered with, where the answer has one.
std::optional<Token> repliedToken(ByteView payload, bool dns)
{
    if (!dns)
        return asToken(payload);
    const auto message = parseDns(payload);
    if (!message || !message->response)
        return std::nullopt;
    for (const std::string& text : message->textAnswers) {
        if (const auto token = labelToken(text))
            return token;
    }
    return std::nullopt;
}

std::uint32_t counterOf(const Token& token)
{
    return decodeToken(token)->counter;
}

struct IcmpKinds {
    std::uint8_t echo, echoReply, unreachable;
};

constexpr IcmpKinds kindsOf(std::uint8_t protocol)
{
    return protocol == ip_protocol::kIcmpv6 ? IcmpKinds{128, 129, 1} : IcmpKinds{8, 0, 3};
}

/// Never 0.
std::uint64_t tcpFlow(Family family, std::uint16_t sourcePort, std::uint16_t destinationPort)
{
    const std::uint64_t version = family == Family::Ipv4 ? 4 : 6;
    return version << 32 | static_cast<std::uint64_t>(sourcePort) << 16 | destinationPort;
}

bool isIcmp(std::uint8_t protocol)
{
    return protocol == ip_protocol::kIcmp || protocol == ip_protocol::kIcmpv6;
}

} // namespace

void AttemptBook::open(const Technique& technique, const Attempt& attempt, std::string via, MonotonicTime now)
{
    while (m_entries.size() >= kMaxEntries) {
        settle(m_entries.front());
        forgetOldest();
    }
    Entry entry;
    entry.n = counterOf(attempt.token);
    entry.technique = &technique;
    entry.attempt = attempt;
    entry.via = std::move(via);
    entry.sentAt = now;
    m_entries.push_back(std::move(entry));
    ++m_unsettled;
}

void AttemptBook::bindTcp(std::uint32_t n, std::uint16_t sourcePort)
{
    if (Entry* const entry = find(n)) {
        entry->tcpFlow = tcpFlow(entry->attempt.probe.family, sourcePort, entry->attempt.probe.port);
        m_tcpFlows[entry->tcpFlow] = n;
    }
}

void AttemptBook::fail(std::uint32_t n, Outcome outcome, std::string errnoName, std::string reason)
{
    Entry* const entry = find(n);
    if (entry == nullptr || entry->settled)
        return;
    entry->errnoName = std::move(errnoName);
    entry->reason = std::move(reason);
    entry->verdict = outcome;
    settle(*entry);
}

AttemptBook::Frame AttemptBook::onFrame(ByteView packet, bool outgoing, MonotonicTime now)
{
    const auto ip = parseIp(packet);
    if (!ip || ip->laterFragment)
        return Frame::Foreign;
    if (outgoing)
        return onOutgoing(*ip);
    if (ip->protocol == ip_protocol::kUdp) {
        if (const auto udp = parseUdp(ip->payload))
            takeReply(udp->payload, udp->sourcePort == kDnsPort, ip->source, ip->protocol, udp->sourcePort, now);
    } else if (isIcmp(ip->protocol)) {
        const auto icmp = parseIcmp(ip->payload);
        const IcmpKinds kinds = kindsOf(ip->protocol);
        if (icmp && icmp->type == kinds.echoReply)
            takeReply(icmp->payload, false, ip->source, ip->protocol, 0, now);
        else if (icmp && icmp->type == kinds.unreachable)
            takeError(icmp->payload, icmp->code == (ip->protocol == ip_protocol::kIcmpv6 ? 4 : 3));
    }
    return Frame::Foreign;
}

AttemptBook::Frame AttemptBook::onOutgoing(const IpView& ip)
{
    Entry* entry = nullptr;
    if (ip.protocol == ip_protocol::kTcp) {
        const auto tcp = parseTcp(ip.payload);
        if (!tcp)
            return Frame::Foreign;
        const auto known = m_tcpFlows.find(tcpFlow(ip.source.family(), tcp->sourcePort, tcp->destinationPort));
        if (known != m_tcpFlows.end())
            entry = find(known->second);
    } else if (ip.protocol == ip_protocol::kUdp) {
        if (const auto udp = parseUdp(ip.payload))
            entry = findToken(udp->payload, false);
        if (const auto udp = parseUdp(ip.payload); entry == nullptr && udp && udp->destinationPort == kDnsPort)
            entry = findToken(udp->payload, true);
    } else if (isIcmp(ip.protocol)) {
        const auto icmp = parseIcmp(ip.payload);
        if (icmp && icmp->type == kindsOf(ip.protocol).echo)
            entry = findToken(icmp->payload, false);
    }
    if (entry == nullptr || entry->attempt.probe.destination != ip.destination)
        return Frame::Foreign;
    return std::exchange(entry->seen, true) ? Frame::Further : Frame::First;
}

void AttemptBook::takeReply(
    ByteView payload, bool dns, const IpAddress& from, std::uint8_t protocol, std::uint16_t port, MonotonicTime now)
{
    std::optional<Token> token = repliedToken(payload, dns);
    if (!token && dns) // a UdpDatagram attempt at port 53 is answered raw
        token = repliedToken(payload, false);
    if (token && ((*token)[1] & token_flag::kReply) != 0 && m_key.verify(*token)) {
        Entry* const entry = find(counterOf(*token));
        if (entry != nullptr && m_key.reply(entry->attempt.token) == *token)
            escaped(*entry, now);
        return;
    }
    Entry* entry = findToken(payload, dns);
    if (entry == nullptr && protocol == ip_protocol::kUdp)
        entry = findTarget(from, protocol, port);
    if (entry != nullptr)
        judge(*entry, Outcome::Refused);
}

void AttemptBook::takeError(ByteView quoted, bool portUnreachable)
{
    const auto ip = parseIp(quoted);
    if (!ip)
        return;
    Entry* entry = nullptr;
    if (ip->protocol == ip_protocol::kUdp) {
        const auto udp = parseUdp(ip->payload);
        if (!udp)
            return;
        entry = findToken(udp->payload, false);
        if (entry == nullptr && udp->destinationPort == kDnsPort)
            entry = findToken(udp->payload, true);
        if (entry == nullptr)
            entry = findTarget(ip->destination, ip->protocol, udp->destinationPort);
    } else if (isIcmp(ip->protocol)) {
        if (const auto icmp = parseIcmp(ip->payload))
            entry = findToken(icmp->payload, false);
        if (entry == nullptr)
            entry = findTarget(ip->destination, ip->protocol, 0);
    }
    if (entry != nullptr && entry->attempt.probe.destination == ip->destination)
        judge(*entry, portUnreachable ? Outcome::Refused : Outcome::Unreachable);
}

void AttemptBook::onTcpRefused(std::uint32_t n)
{
    if (Entry* const entry = find(n))
        judge(*entry, Outcome::Refused);
}

void AttemptBook::onTcpUnreachable(std::uint32_t n)
{
    if (Entry* const entry = find(n))
        judge(*entry, Outcome::Unreachable);
}

void AttemptBook::onTcpReply(std::uint32_t n, ByteView data, MonotonicTime now)
{
    Entry* const entry = find(n);
    if (entry == nullptr)
        return;
    const auto token = asToken(data);
    if (token && m_key.reply(entry->attempt.token) == *token)
        escaped(*entry, now);
    else
        judge(*entry, Outcome::Refused);
}

void AttemptBook::settle(MonotonicTime now)
{
    while (m_firstUnsettled < m_entries.size()) {
        Entry& entry = m_entries[m_firstUnsettled];
        if (!entry.settled && now - entry.sentAt < kVerdict)
            break;
        settle(entry);
        ++m_firstUnsettled;
    }
    while (!m_entries.empty() && m_firstUnsettled > 0 && now - m_entries.front().sentAt >= kLate) {
        forgetOldest();
    }
}

void AttemptBook::forgetOldest()
{
    const Entry& oldest = m_entries.front();
    const auto flow = m_tcpFlows.find(oldest.tcpFlow);
    if (flow != m_tcpFlows.end() && flow->second == oldest.n)
        m_tcpFlows.erase(flow);
    m_entries.pop_front();
    m_firstUnsettled -= m_firstUnsettled > 0 ? 1 : 0;
}

void AttemptBook::settleAll()
{
    for (Entry& entry : m_entries)
        settle(entry);
    m_firstUnsettled = m_entries.size();
}

std::optional<MonotonicTime> AttemptBook::nextDue() const
{
    if (m_firstUnsettled >= m_entries.size())
        return std::nullopt;
    return m_entries[m_firstUnsettled].sentAt + kVerdict;
}

AttemptBook::Entry* AttemptBook::find(std::uint32_t n)
{
    const auto found = std::ranges::lower_bound(m_entries, n, {}, &Entry::n);
    return found != m_entries.end() && found->n == n ? &*found : nullptr;
}

AttemptBook::Entry* AttemptBook::findToken(ByteView payload, bool dns)
{
    const auto token = sentToken(payload, dns);
    if (!token)
        return nullptr;
    Entry* const entry = find(counterOf(*token));
    if (entry == nullptr)
        return nullptr;
    const bool same = entry->attempt.token == *token || m_key.confirm(entry->attempt.token) == *token;
    return same ? entry : nullptr;
}

AttemptBook::Entry* AttemptBook::findTarget(const IpAddress& address, std::uint8_t protocol, std::uint16_t port)
{
    for (std::size_t i = m_entries.size(); i > m_firstUnsettled; --i) {
        const Probe& probe = m_entries[i - 1].attempt.probe;
        if (probe.destination == address && probe.protocol == protocol && probe.port == port)
            return &m_entries[i - 1];
    }
    return nullptr;
}

void AttemptBook::judge(Entry& entry, Outcome outcome)
{
    if (entry.settled || entry.escaped)
        return;
    entry.verdict = outcome;
    entry.seen = true; // an answer proves that it left
    settle(entry);
}

void AttemptBook::escaped(Entry& entry, MonotonicTime now)
{
    if (std::exchange(entry.escaped, true))
        return;
    entry.seen = true;
    entry.verdict = entry.settled ? entry.verdict : Outcome::Sent;
    settle(entry);
    const auto rtt = std::chrono::duration_cast<std::chrono::microseconds>(now - entry.sentAt);
    m_lines.emplace_back(
        EscapeLine{targetOf(entry), static_cast<std::uint64_t>(std::max<std::int64_t>(rtt.count(), 0))});
    if (entry.technique->confirmed) {
        m_confirms.push_back(entry.attempt);
        m_confirms.back().token = m_key.confirm(entry.attempt.token);
    }
}

void AttemptBook::settle(Entry& entry)
{
    if (std::exchange(entry.settled, true))
        return;
    --m_unsettled;
    if (!entry.verdict && !entry.seen) {
        entry.errnoName = "EIO";
        entry.reason = "accepted by the kernel, but not seen leaving";
    }
    const Outcome outcome = entry.verdict.value_or(entry.seen ? Outcome::Sent : Outcome::LocalError);
    m_errors += leftTheHost(outcome) ? 0 : 1;
    m_lines.emplace_back(AttemptLine{targetOf(entry), outcome, entry.errnoName, entry.reason});
}

AttemptTarget AttemptBook::targetOf(const Entry& entry)
{
    const Probe& probe = entry.attempt.probe;
    return {.n = entry.n,
        .technique = std::string{entry.technique->name},
        .family = probe.family,
        .dst = probe.destination.text(),
        .proto = probe.protocol,
        .port = probe.port,
        .via = entry.via};
}

} // namespace beacon
