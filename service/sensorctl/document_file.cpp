#include "service/sensorctl/document_file.h"

#include "core/base/json_depth.h"
#include "core/base/unique_fd.h"

#include <QFile>
#include <QJsonDocument>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

namespace beacon::sensorctl {

namespace {

using Json = nlohmann::json;

constexpr qsizetype kMostBytes = qsizetype{1'024} * 1'024;

/// Finds what QJsonDocument passes over: a key that one object has twice. nlohmann calls it by name (json_sax).
class KeyReader {
public:
    std::string twice;

    bool null() { return true; }
    bool boolean(bool) { return true; }
    bool number_integer(Json::number_integer_t) { return true; }
    bool number_unsigned(Json::number_unsigned_t) { return true; }
    bool number_float(Json::number_float_t, const std::string&) { return true; }
    bool string(std::string&) { return true; }
    bool binary(Json::binary_t&) { return true; }
    bool start_object(std::size_t)
    {
        m_open.emplace_back();
        return true;
    }
    bool end_object()
    {
        m_open.pop_back();
        return true;
    }
    bool start_array(std::size_t) { return true; }
    bool end_array() { return true; }
    bool key(std::string& name)
    {
        if (m_open.back().insert(name).second)
            return true;
        twice = name;
        return false;
    }
    bool parse_error(std::size_t, const std::string&, const Json::exception&) { return false; }

private:
    std::vector<std::set<std::string>> m_open;
};

QString placeOf(const QByteArray& text, qsizetype offset)
{
    const QByteArray before = text.left(offset);
    const qsizetype lineBegin = before.lastIndexOf('\n') + 1;
    return QStringLiteral("line %1, column %2")
        .arg(before.count('\n') + 1)
        .arg(QString::fromUtf8(before.mid(lineBegin)).size() + 1);
}

Failure unreadable(const QString& path)
{
    return {EX_NOINPUT, QStringLiteral("cannot read %1: %2").arg(path, QString::fromLocal8Bit(std::strerror(errno)))};
}

} // namespace

Outcome<QByteArray> readInput(const QString& path)
{
    const bool isStdin = path == QLatin1StringView("-");
    const UniqueFd file{isStdin ? -1 : ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC)};
    if (!isStdin && !file)
        return unreadable(path);
    QByteArray text;
    QByteArray part(64 * 1'024, Qt::Uninitialized);
    for (;;) {
        const ssize_t count =
            ::read(isStdin ? STDIN_FILENO : file.get(), part.data(), static_cast<std::size_t>(part.size()));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return unreadable(isStdin ? QStringLiteral("stdin") : path);
        if (count == 0)
            return text;
        text.append(part.constData(), count);
        if (text.size() > kMostBytes)
            return Failure{EX_DATAERR, QStringLiteral("%1 is larger than 1 MiB; shorten it").arg(path)};
    }
}

Outcome<QJsonObject> parseDocument(const QByteArray& text, const QString& name)
{
    const auto refused = [&](const QString& why) {
        return Failure{EX_DATAERR, QStringLiteral("%1 is refused: %2").arg(name, why)};
    };
    if (jsonDepth({text.constData(), static_cast<std::size_t>(text.size())}) > rpc::kMaxNesting - 4)
        return refused(QStringLiteral("it is nested too deeply; flatten it"));
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(text, &problem);
    if (document.isNull())
        return refused(
            QStringLiteral("it is not JSON at %1: %2").arg(placeOf(text, problem.offset), problem.errorString()));
    if (!document.isObject())
        return refused(QStringLiteral("it must be a JSON object { … }"));
    KeyReader keys;
    if (!Json::sax_parse(text.begin(), text.end(), &keys) && !keys.twice.empty())
        return refused(QStringLiteral("the key \"%1\" is given twice; keep one of the two")
                           .arg(QString::fromStdString(keys.twice)));
    return document.object();
}

} // namespace beacon::sensorctl
