#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/packet/dns.h"
#include "core/token/token.h"

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

namespace beacon {

/// Home's DNS zone as its authoritative server: nothing in it but the names of tokens, and no answer is kept by
/// anybody.
///
/// Pure: time is given. Source: RFC 1035, RFC 2308, RFC 9156 (minimised names are answered NODATA, never NXDOMAIN).
class Zone {
public:
    static constexpr std::size_t kMaxAnswerBytes = 512;
    static constexpr double kAnswersPerSecond = 100; ///< to one source
    static constexpr std::size_t kMaxSources = 4'096;

    explicit Zone(std::string name)
        : m_name(std::move(name))
    {
    }

    /// Judges a token that stands in a question, and gives the reply that its answer shall carry, if any.
    using Judge = std::function<std::optional<Token>(const Token& token)>;

    /// The answer to `message`; nullopt: none is due (no question, an answer, too many by `source`).
    [[nodiscard]] std::optional<ByteBuffer> answer(
        ByteView message, const IpAddress& source, MonotonicTime now, const Judge& judge);

    [[nodiscard]] const std::string& name() const noexcept { return m_name; }

private:
    struct Bucket {
        double left = kAnswersPerSecond;
        MonotonicTime at;
    };
    bool allowed(const IpAddress& source, MonotonicTime now);

    std::string m_name;
    std::unordered_map<IpAddress, Bucket, IpAddressHash> m_buckets;
};

} // namespace beacon
