#include "service/downloader/request_book.h"

#include <QJsonDocument>
#include <QRegularExpression>
#include <QUrl>

#include <algorithm>
#include <array>

namespace beacon {

namespace {

constexpr auto kMigrations = std::to_array<const char*>({
    "CREATE TABLE request (instrument TEXT NOT NULL, resource TEXT NOT NULL, document TEXT NOT NULL,"
    " PRIMARY KEY (instrument, resource)) WITHOUT ROWID",
});
constexpr qsizetype kMostHeaders = 32;

QByteArray textOf(const platform::DownloadRequest& request)
{
    return QJsonDocument{toJson(request)}.toJson(QJsonDocument::Compact);
}

/// RFC 9110, section 5.1 and 5.5; a line break would begin a header of somebody else's choice.
bool isHeader(const QString& name, const QJsonValue& value)
{
    static const QRegularExpression kName{QStringLiteral("\\A[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\\z")};
    static const QRegularExpression kValue{QStringLiteral("\\A[\\t\\x20-\\x7e]{0,4096}\\z")};
    return kName.match(name).hasMatch() && value.isString() && kValue.match(value.toString()).hasMatch();
}

} // namespace

std::optional<QString> faultOf(const platform::DownloadRequest& request)
{
    const QUrl url{request.url, QUrl::StrictMode};
    const bool known = url.scheme() == QLatin1String("https") || url.scheme() == QLatin1String("http");
    if (!url.isValid() || !known || url.host().isEmpty())
        return QStringLiteral("url must be an http or https URL with a host");
    if (request.headers.size() > kMostHeaders)
        return QStringLiteral("headers must be at most %1").arg(kMostHeaders);
    for (auto each = request.headers.begin(); each != request.headers.end(); ++each)
        if (!isHeader(each.key(), each.value()))
            return QStringLiteral("headers must be names and printable ASCII values, but %1 is not")
                .arg(each.key().left(64).simplified());
    return std::nullopt;
}

QString shownUrl(const QString& url)
{
    return QUrl{url}.toString(QUrl::RemoveUserInfo | QUrl::RemoveQuery | QUrl::RemoveFragment);
}

RequestBook::RequestBook(std::unique_ptr<Database> database)
    : m_database(std::move(database))
{
}

Result<RequestBook> RequestBook::open(const QString& path)
{
    auto database = Database::open(path, kMigrations, {});
    if (!database)
        return database.error();
    RequestBook book{*std::move(database)};
    if (const auto read = book.read(); !read)
        return read.error();
    return book;
}

Result<> RequestBook::read()
{
    const auto rows = m_database->select(
        QStringLiteral("SELECT instrument, resource, document FROM request"), {}, static_cast<int>(kMost));
    if (!rows)
        return rows.error();
    for (const QVariantList& row : *rows) {
        const auto request =
            platform::downloadRequestFromJson(QJsonDocument::fromJson(row[2].toString().toUtf8()).object());
        if (request && !faultOf(*request)) // else an earlier version took what this one does not; it is asked for again
            m_requests.emplace(Key{row[0].toString(), row[1].toString()}, *request);
    }
    return {};
}

Result<> RequestBook::keep(const QString& from, const platform::DownloadRequest& request)
{
    if (const auto fault = faultOf(request))
        return Error{Errc::BadInput, 0, fault->toStdString()};
    const QByteArray text = textOf(request);
    if (text.size() > kMostBytes)
        return Error{Errc::TooLarge, 0, "a request must be at most " + std::to_string(kMostBytes) + " bytes of JSON"};
    const Key key{from, request.resource};
    if (!m_requests.contains(key)) {
        const auto ofThisOne =
            std::ranges::count_if(m_requests, [&](const auto& each) { return each.first.first == from; });
        if (ofThisOne >= kMostOfOne)
            return Error{Errc::TooLarge, 0,
                "one Instrument may have " + std::to_string(kMostOfOne) + " requests at most; withdraw one first"};
        if (m_requests.size() >= kMost)
            return Error{Errc::TooLarge, 0,
                "there is no room for more than " + std::to_string(kMost) + " requests; withdraw one first"};
    }
    auto written = m_database->run(
        QStringLiteral("INSERT INTO request (instrument, resource, document) VALUES (?, ?, ?)"
                       " ON CONFLICT (instrument, resource) DO UPDATE SET document = excluded.document"),
        {from, request.resource, QString::fromUtf8(text)});
    if (written)
        m_requests.insert_or_assign(key, request);
    return written;
}

Result<bool> RequestBook::withdraw(const QString& from, const QString& resource)
{
    const Key key{from, resource};
    if (!m_requests.contains(key))
        return false;
    const auto deleted =
        m_database->run(QStringLiteral("DELETE FROM request WHERE instrument = ? AND resource = ?"), {from, resource});
    if (!deleted)
        return deleted.error();
    m_requests.erase(key);
    return true;
}

} // namespace beacon
