#include "service/home/zone.h"

#include "core/base/base32.h"
#include "core/observe/carrier.h"

#include <algorithm>

namespace beacon {

namespace {

constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kTypeAny = 255;

} // namespace

std::optional<ByteBuffer> Zone::answer(ByteView message, const IpAddress& source, MonotonicTime now, const Judge& judge)
{
    const auto query = parseDns(message);
    if (!query || query->response)
        return std::nullopt;
    // Judged before the limit: what arrives is a leak whether or not it is answered.
    const auto token = tokenInName(query->question.name, m_name);
    const std::optional<Token> reply = token ? judge(*token) : std::nullopt;
    if (!allowed(source, now))
        return std::nullopt;
    ByteBuffer answer;
    if (query->opcode != 0)
        answer = buildDnsAnswer(*query, dns_rcode::kNotImp, std::nullopt, "");
    else if (m_name.empty() || query->question.dnsClass != kClassIn || !labelsBelow(query->question.name, m_name))
        answer = buildDnsAnswer(*query, dns_rcode::kRefused, std::nullopt, "");
    else if (reply && (query->question.type == dns_type::kTxt || query->question.type == kTypeAny))
        answer = buildDnsAnswer(*query, dns_rcode::kNoError, toBase32(*reply), m_name);
    else
        answer = buildDnsAnswer(*query, dns_rcode::kNoError, std::nullopt, m_name);
    return answer.empty() || answer.size() > kMaxAnswerBytes ? std::nullopt : std::optional{std::move(answer)};
}

bool Zone::allowed(const IpAddress& source, MonotonicTime now)
{
    if (m_buckets.size() >= kMaxSources && !m_buckets.contains(source))
        m_buckets.clear(); // forged sources fill it; who is honest starts again with a full bucket
    const auto [at, fresh] = m_buckets.try_emplace(source, Bucket{kAnswersPerSecond, now});
    Bucket& bucket = at->second;
    const double seconds = std::chrono::duration<double>(now - bucket.at).count();
    bucket.left = std::min(kAnswersPerSecond, bucket.left + seconds * kAnswersPerSecond);
    bucket.at = now;
    if (bucket.left < 1)
        return false;
    bucket.left -= 1;
    return true;
}

} // namespace beacon
