#pragma once

#include "core/base/result.h"
#include "core/escape/identity.h"
#include "core/observe/classifier.h"
#include "core/observe/finding.h"
#include "core/observe/keyring.h"
#include "core/store/database.h"

#include <QJsonObject>

#include <memory>
#include <vector>

namespace beacon {

/// What is kept of one token that arrived.
struct Observation {
    WallTime at{};
    std::uint64_t tokenId = 0;
    TokenFields fields;
    TokenClass tokenClass = TokenClass::Fresh;
    const Carrier* carrier = nullptr;
    IpAddress destination;
    IpAddress egress;
    std::uint8_t labels = 0;
    bool confirm = false;
};

/// The object that `beacon-home observations` prints.
[[nodiscard]] QJsonObject toJson(const Observation& observation);

/// A finding event's data, design section 6; what `beacon-home findings` prints.
[[nodiscard]] QJsonObject toJson(const Finding& finding);

/// Home's memory: keys, observations and findings in one SQLite file.
///
/// Thread:  used only in the thread that opened it.
/// Errors:  as Database; a failed write changes nothing and may be tried again.
/// Bounds:  kMaxObservations; the oldest go first.
class Records {
public:
    static constexpr qint64 kMaxObservations = 2'000'000;

    /// A damaged file is set aside; the folder is made (0700) where only it is missing. NotFound with `readOnly`: no
    /// such file.
    [[nodiscard]] static Result<Records> open(const std::string& path, bool readOnly);

    [[nodiscard]] Result<std::vector<KeyEntry>> keys();
    /// Busy: the name is taken.
    Result<> addKey(const Identity& identity);

    /// All or nothing.
    Result<> write(const std::vector<Observation>& observations, const std::vector<Finding>& findings);

    [[nodiscard]] Result<std::vector<Finding>> findings();
    /// Oldest first, at most `limit` of the newest at or after `since`.
    [[nodiscard]] Result<std::vector<Observation>> observations(WallTime since, int limit);

    [[nodiscard]] const std::optional<QString>& setAside() const noexcept { return m_database->setAside(); }

private:
    Records(std::unique_ptr<Database> database, std::string path)
        : m_database(std::move(database))
        , m_path(std::move(path))
    {
    }
    Result<> prune();

    std::unique_ptr<Database> m_database;
    std::string m_path;
    qint64 m_untilPrune = 0;
};

} // namespace beacon
