#include "service/instrument/uplink_watch.h"

namespace beacon {

namespace {
constexpr int kTcp = 6; // IANA protocol numbers
}

void UplinkWatch::sent(const AttemptLine& line)
{
    if (m_count && line.outcome == Outcome::Sent && line.target.proto != kTcp)
        ++m_sent;
}

void UplinkWatch::counted(MonotonicTime now, const platform::UplinkCounted& count)
{
    const bool anew = !m_count || count.since != m_count->since || count.tokens < m_count->tokens;
    const bool arrived = m_count && (anew ? count.tokens > 0 : count.tokens > m_count->tokens);
    if (anew || arrived) {
        begin(now, count);
        return;
    }
    m_count = count;
    if (m_sent >= kAttempts && now - m_quietFrom >= kQuiet && !m_notLeavingSince)
        m_notLeavingSince = std::max(count.last.value_or(count.since), count.since);
}

void UplinkWatch::begin(MonotonicTime now, const platform::UplinkCounted& count)
{
    m_count = count;
    m_quietFrom = now;
    m_sent = 0;
    m_notLeavingSince.reset();
}

void UplinkWatch::forget()
{
    *this = UplinkWatch{};
}

QJsonObject UplinkWatch::facts() const
{
    if (!m_count)
        return {};
    return {{QStringLiteral("uplink_frames"), m_count->frames}, {QStringLiteral("uplink_tokens"), m_count->tokens},
        {QStringLiteral("uplink_since"), toUnixSeconds(m_count->since)}};
}

} // namespace beacon
