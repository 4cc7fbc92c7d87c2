#include "service/sensor/document_diff.h"

#include <QJsonDocument>

#include <algorithm>
#include <map>
#include <optional>

namespace beacon {

namespace {

constexpr auto kName = QLatin1StringView("name");

/// Where each name stands; nullopt: not every item is an object with a name of its own.
std::optional<std::map<QString, qsizetype>> namesOf(const QJsonArray& array)
{
    std::map<QString, qsizetype> names;
    for (qsizetype i = 0; i < array.size(); ++i) {
        const QString name = array.at(i).toObject().value(kName).toString();
        if (name.isEmpty() || !names.emplace(name, i).second)
            return std::nullopt;
    }
    return names;
}

class Comparison {
public:
    explicit Comparison(int depth)
        : m_depth(depth)
    {
    }
    std::vector<DocumentChange> changes;

    [[nodiscard]] bool tooMany() const noexcept
    {
        return changes.size() > kMaxChanges || m_length > kMaxPointersLength;
    }

    void compare(const QJsonValue& a, const QJsonValue& b, const QString& pointer, int depth)
    {
        if (a == b || tooMany())
            return;
        if (depth < m_depth && a.isObject() && b.isObject())
            objects(a.toObject(), b.toObject(), pointer, depth + 1);
        else if (depth < m_depth && a.isArray() && b.isArray())
            arrays(a.toArray(), b.toArray(), pointer, depth + 1);
        else
            say(pointer, a, b);
    }

private:
    void say(const QString& pointer, const QJsonValue& from, const QJsonValue& to)
    {
        m_length += pointer.size();
        changes.push_back({pointer, from, to});
    }

    void objects(const QJsonObject& a, const QJsonObject& b, const QString& pointer, int depth)
    {
        QStringList keys = a.keys();
        for (const QString& key : b.keys())
            if (!a.contains(key))
                keys.append(key);
        keys.sort();
        for (const QString& key : keys)
            compare(a.value(key), b.value(key), pointer + QLatin1Char('/') + escaped(key), depth);
    }

    void arrays(const QJsonArray& a, const QJsonArray& b, const QString& pointer, int depth)
    {
        const auto item = [&pointer](qsizetype i) { return pointer + QLatin1Char('/') + QString::number(i); };
        const auto before = namesOf(a);
        const auto after = namesOf(b);
        if (!before || !after) {
            for (qsizetype i = 0; i < std::max(a.size(), b.size()); ++i)
                compare(i < a.size() ? a.at(i) : kAbsent, i < b.size() ? b.at(i) : kAbsent, item(i), depth);
            return;
        }
        if (reordered(a, *after))
            return say(pointer, a, b);
        for (qsizetype i = 0; i < a.size(); ++i)
            if (!after->contains(nameOf(a.at(i))))
                compare(a.at(i), kAbsent, item(i), depth);
        for (qsizetype i = 0; i < b.size(); ++i) {
            const auto at = before->find(nameOf(b.at(i)));
            compare(at == before->end() ? kAbsent : a.at(at->second), b.at(i), item(i), depth);
        }
    }

    static QString nameOf(const QJsonValue& item) { return item.toObject().value(kName).toString(); }

    /// Whether those that stayed stand in another order.
    static bool reordered(const QJsonArray& a, const std::map<QString, qsizetype>& after)
    {
        qsizetype last = -1;
        for (const auto& each : a) {
            const auto at = after.find(nameOf(each));
            if (at == after.end())
                continue;
            if (at->second < last)
                return true;
            last = at->second;
        }
        return false;
    }

    static QString escaped(QString key)
    {
        return key.replace(QLatin1Char('~'), QLatin1StringView("~0"))
            .replace(QLatin1Char('/'), QLatin1StringView("~1"));
    }

    const QJsonValue kAbsent{QJsonValue::Undefined};
    int m_depth;
    qsizetype m_length = 0;
};

/// As a file would give it back: 1.0 and 1 are the same.
QJsonObject plain(const QJsonObject& object)
{
    return QJsonDocument::fromJson(QJsonDocument{object}.toJson(QJsonDocument::Compact)).object();
}

} // namespace

std::vector<DocumentChange> differences(const QJsonObject& a, const QJsonObject& b)
{
    const QJsonObject before = plain(a);
    const QJsonObject after = plain(b);
    for (const int depth : {64, 4, 3, 2, 1}) {
        Comparison comparison{depth};
        comparison.compare(before, after, {}, 0);
        if (!comparison.tooMany())
            return std::move(comparison.changes);
    }
    return {DocumentChange{{}, before, after}};
}

QJsonObject toJson(const DocumentChange& change)
{
    QJsonObject object{{QStringLiteral("pointer"), change.pointer}};
    if (!change.from.isUndefined())
        object.insert(QStringLiteral("from"), change.from);
    if (!change.to.isUndefined())
        object.insert(QStringLiteral("to"), change.to);
    return object;
}

QJsonArray toJson(const std::vector<DocumentChange>& changes)
{
    QJsonArray list;
    for (const DocumentChange& change : changes)
        list.append(toJson(change));
    return list;
}

} // namespace beacon
