#pragma once

#include "core/base/result.h"
#include "core/platform/messages.h"
#include "core/store/database.h"

#include <QString>

#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace beacon {

/// What other Instruments want fetched, in memory and in a SQLite file, so that a restart keeps it.
///
/// Thread:  used only in the thread that made it.
/// Errors:  BadInput: the request is none that could be fetched, with the reason. TooLarge: there is no room for it.
///          Anything else is the file's, and the book is as it was; the next call tries again.
/// Limits:  kMost requests, kMostOfOne of one Instrument, kMostBytes of JSON each.
class RequestBook {
public:
    using Key = std::pair<QString, QString>; ///< who asked, and for which resource
    static constexpr std::size_t kMost = 512;
    static constexpr int kMostOfOne = 64;
    static constexpr qsizetype kMostBytes = 32 * 1024;

    [[nodiscard]] static Result<RequestBook> open(const QString& path);

    /// In place of what the same Instrument asked for under the same resource.
    [[nodiscard]] Result<> keep(const QString& from, const platform::DownloadRequest& request);
    [[nodiscard]] Result<bool> withdraw(const QString& from, const QString& resource); ///< whether it was there
    [[nodiscard]] const std::map<Key, platform::DownloadRequest>& requests() const noexcept { return m_requests; }

private:
    explicit RequestBook(std::unique_ptr<Database> database);
    [[nodiscard]] Result<> read();

    std::unique_ptr<Database> m_database;
    std::map<Key, platform::DownloadRequest> m_requests;
};

/// What is wrong with a well-formed request; nothing: it could be fetched.
[[nodiscard]] std::optional<QString> faultOf(const platform::DownloadRequest& request);

/// The URL without user, password and query, which may be secrets.
[[nodiscard]] QString shownUrl(const QString& url);

} // namespace beacon
