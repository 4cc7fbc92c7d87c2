#include "service/home/key_copy.h"

#include "core/base/unique_fd.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QVariant>

#include <cstdio>
#include <fcntl.h>

namespace beacon {

namespace {

constexpr qint64 kMaxBytes = 16LL * 1024 * 1024;
const QString kColumns = QStringLiteral("key_id, name, key, ranges, retired, created");

std::string copyOf(const std::string& path)
{
    return path + ".keys";
}

Result<> replaceFile(const std::string& path, const QByteArray& bytes)
{
    const std::string scratch = path + ".new";
    const UniqueFd fd{::open(scratch.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd)
        return systemError("open " + scratch);
    const ssize_t written = ::write(fd.get(), bytes.constData(), static_cast<std::size_t>(bytes.size()));
    if (written != bytes.size() || ::fsync(fd.get()) != 0 || ::rename(scratch.c_str(), path.c_str()) != 0)
        return systemError("write " + path);
    return {};
}

} // namespace

Result<> writeKeyCopy(Database& database, const std::string& path)
{
    const auto rows = database.select(QStringLiteral("SELECT %1 FROM keys ORDER BY key_id").arg(kColumns));
    if (!rows)
        return rows.error();
    if (rows->empty())
        return {};
    QJsonArray keys;
    for (const QVariantList& row : *rows)
        keys.append(
            QJsonArray{row[0].toLongLong(), row[1].toString(), QString::fromLatin1(row[2].toByteArray().toBase64()),
                row[3].toString(), row[4].toInt(), row[5].toLongLong()});
    return replaceFile(copyOf(path), QJsonDocument{keys}.toJson());
}

Result<int> restoreKeyCopy(Database& database, const std::string& path)
{
    QFile file{QString::fromStdString(copyOf(path))};
    if (!file.open(QIODevice::ReadOnly) || file.size() > kMaxBytes)
        return 0;
    std::vector<QVariantList> rows;
    for (const QJsonValue& key : QJsonDocument::fromJson(file.readAll()).array()) {
        const QJsonArray row = key.toArray();
        if (row.size() == 6)
            rows.push_back(
                {row.at(0).toInteger(), row.at(1).toString(), QByteArray::fromBase64(row.at(2).toString().toLatin1()),
                    row.at(3).toString(), row.at(4).toInt(), row.at(5).toInteger()});
    }
    const auto put = database.transaction([&] {
        return database.runMany(
            QStringLiteral("INSERT OR IGNORE INTO keys (%1) VALUES (?, ?, ?, ?, ?, ?)").arg(kColumns), rows);
    });
    if (!put)
        return put.error();
    return static_cast<int>(rows.size());
}

} // namespace beacon
