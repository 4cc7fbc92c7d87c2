#include "service/sensor/secrets.h"

#include "core/instrument/schema_faults.h"
#include "core/platform/control.h"

#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>

#include <map>
#include <optional>
#include <utility>

namespace beacon {

namespace {

using K = QLatin1StringView;

constexpr std::size_t kMostSchemas = 256; ///< that speak of one place
constexpr int kMostSteps = 64; ///< from one schema to the next, without a step in the document

const QJsonValue& absent()
{
    static const QJsonValue value{QJsonValue::Undefined};
    return value;
}

/// The schemas that speak of one place of a document.
struct Place {
    std::vector<QJsonObject> schemas;
    bool secret = false;
};

/// Follows a schema into a document.
class Map {
public:
    explicit Map(const QJsonObject& root)
        : m_root(root)
    {
    }

    [[nodiscard]] Place top() const
    {
        Place place;
        add(m_root, place, 0);
        return place;
    }

    [[nodiscard]] Place member(const Place& of, const QString& key) const
    {
        Place place;
        place.secret = of.secret;
        for (const QJsonObject& schema : of.schemas) {
            const QJsonObject properties = schema.value(K{"properties"}).toObject();
            if (properties.contains(key))
                add(properties.value(key), place, 0);
            else
                add(schema.value(K{"additionalProperties"}), place, 0);
            const QJsonObject patterns = schema.value(K{"patternProperties"}).toObject();
            for (auto at = patterns.begin(); at != patterns.end(); ++at)
                if (const QRegularExpression pattern{at.key()}; !pattern.isValid() || pattern.match(key).hasMatch())
                    add(at.value(), place, 0);
        }
        return place;
    }

    [[nodiscard]] Place item(const Place& of, qsizetype index) const
    {
        Place place;
        for (const QJsonObject& schema : of.schemas) {
            const QJsonValue items = schema.value(K{"items"});
            if (!items.isArray())
                add(items, place, 0);
            else if (const QJsonArray list = items.toArray(); index < list.size())
                add(list.at(index), place, 0);
            else
                add(schema.value(K{"additionalItems"}), place, 0);
            add(schema.value(K{"contains"}), place, 0);
        }
        return place;
    }

private:
    void add(const QJsonValue& value, Place& place, int steps) const
    {
        if (!value.isObject() || place.secret)
            return;
        if (steps > kMostSteps || place.schemas.size() >= kMostSchemas) {
            place.secret = true; // it cannot be told: masked rather than shown
            return;
        }
        const QJsonObject schema = value.toObject();
        place.schemas.push_back(schema);
        place.secret = schema.value(K{"writeOnly"}).toBool();
        if (const QJsonValue ref = schema.value(K{"$ref"}); ref.isString()) {
            const QJsonValue target = resolved(ref.toString());
            place.secret = place.secret || target.isUndefined();
            add(target, place, steps + 1);
        }
        for (const K key : {K{"allOf"}, K{"anyOf"}, K{"oneOf"}}) {
            const QJsonArray branches = schema.value(key).toArray();
            for (const auto& branch : branches)
                add(branch, place, steps + 1);
        }
        for (const K key : {K{"if"}, K{"then"}, K{"else"}})
            add(schema.value(key), place, steps + 1);
        const QJsonObject dependencies = schema.value(K{"dependencies"}).toObject();
        for (const auto& dependency : dependencies)
            add(dependency, place, steps + 1);
    }

    [[nodiscard]] QJsonValue resolved(const QString& ref) const
    {
        if (ref == K{"#"})
            return m_root;
        if (!ref.startsWith(K{"#/"}))
            return QJsonValue::Undefined;
        QJsonValue at = m_root;
        for (QString token : ref.mid(2).split(QLatin1Char('/'))) {
            token.replace(K{"~1"}, K{"/"}).replace(K{"~0"}, K{"~"});
            at = at.isArray() ? at.toArray().at(token.toLongLong()) : at.toObject().value(token);
        }
        return at;
    }

    QJsonObject m_root;
};

QJsonValue hide(const Map& map, const Place& place, const QJsonValue& value)
{
    if (value.isUndefined())
        return value;
    if (place.secret)
        return control::kMask;
    if (place.schemas.empty())
        return value;
    if (value.isArray()) {
        QJsonArray array = value.toArray();
        for (qsizetype i = 0; i < array.size(); ++i)
            array[i] = hide(map, map.item(place, i), array.at(i));
        return array;
    }
    if (!value.isObject())
        return value;
    const QJsonObject object = value.toObject();
    QJsonObject hidden;
    for (auto at = object.begin(); at != object.end(); ++at)
        hidden.insert(at.key(), hide(map, map.member(place, at.key()), at.value()));
    return hidden;
}

/// Finds the stored items that given ones with masks stand for.
class Stored {
public:
    /// `shown`: as it was given out, with masks.
    Stored(const QJsonArray& given, const QJsonArray& stored, const QJsonArray& shown)
        : m_stored(stored)
        , m_shown(shown)
        , m_sameLength(given.size() == stored.size())
        , m_longEnough(given.size() >= stored.size())
        , m_byName(namesOf(shown))
    {
        if (!namesOf(given))
            m_byName.reset();
        for (qsizetype i = 0; i < shown.size(); ++i)
            m_byForm[formOf(shown.at(i))].push_back(i);
    }

    /// Undefined: none, or it cannot be told which.
    [[nodiscard]] QJsonValue of(const QJsonValue& item, qsizetype index) const
    {
        if (m_byName) {
            const auto at = m_byName->find(nameOf(item));
            return at == m_byName->end() ? absent() : m_stored.at(at->second);
        }
        if (m_longEnough && index < m_stored.size() && m_shown.at(index) == item)
            return m_stored.at(index);
        const auto alike = m_byForm.value(formOf(item));
        for (const qsizetype at : alike)
            if (m_stored.at(at) != m_stored.at(alike.front()))
                return absent();
        if (!alike.empty())
            return m_stored.at(alike.front());
        return m_sameLength ? m_stored.at(index) : absent();
    }

private:
    static QString nameOf(const QJsonValue& item) { return item.toObject().value(K{"name"}).toString(); }
    static QByteArray formOf(const QJsonValue& item)
    {
        return QJsonDocument{QJsonArray{item}}.toJson(QJsonDocument::Compact);
    }
    static std::optional<std::map<QString, qsizetype>> namesOf(const QJsonArray& array)
    {
        std::map<QString, qsizetype> names;
        for (qsizetype i = 0; i < array.size(); ++i) {
            const QString name = nameOf(array.at(i));
            if (name.isEmpty() || !names.emplace(name, i).second)
                return std::nullopt;
        }
        return names;
    }

    const QJsonArray& m_stored;
    const QJsonArray& m_shown;
    bool m_sameLength, m_longEnough;
    std::optional<std::map<QString, qsizetype>> m_byName;
    QHash<QByteArray, std::vector<qsizetype>> m_byForm;
};

class Restoring {
public:
    Restoring(const Map& map, std::vector<Fault>& faults)
        : m_map(map)
        , m_faults(faults)
    {
    }

    QJsonValue walk(const Place& place, const QJsonValue& given, const QJsonValue& stored, const QString& pointer)
    {
        if (place.secret)
            return given == QJsonValue{control::kMask} ? secret(given, stored, pointer) : given;
        if (place.schemas.empty())
            return given;
        if (given.isArray())
            return array(place, given.toArray(), stored.toArray(), pointer);
        if (!given.isObject())
            return given;
        return members(place, given.toObject(), stored.toObject(), pointer);
    }

    QJsonObject members(const Place& place, const QJsonObject& given, const QJsonObject& stored, const QString& pointer)
    {
        QJsonObject object;
        for (auto at = given.begin(); at != given.end(); ++at)
            object.insert(at.key(),
                walk(m_map.member(place, at.key()), at.value(), stored.value(at.key()),
                    pointer + QLatin1Char('/') + pointerToken(at.key())));
        return object;
    }

private:
    QJsonValue secret(const QJsonValue& given, const QJsonValue& stored, const QString& pointer)
    {
        if (!stored.isUndefined())
            return stored;
        if (m_faults.size() < Schema::kMaxFaults)
            m_faults.push_back({pointer,
                QStringLiteral(
                    "is masked, but no stored secret belongs there; give the secret itself, or leave it out")});
        return given;
    }

    QJsonValue array(const Place& place, QJsonArray given, const QJsonArray& before, const QString& pointer)
    {
        const QJsonArray shown = hide(m_map, place, before).toArray();
        const Stored stored{given, before, shown};
        for (qsizetype i = 0; i < given.size(); ++i)
            given[i] = walk(m_map.item(place, i), given.at(i), stored.of(given.at(i), i),
                pointer + QLatin1Char('/') + QString::number(i));
        return given;
    }

    const Map& m_map;
    std::vector<Fault>& m_faults;
};

/// Where a pointer leads: the place, and the pointer, cut at the first secret on the way.
std::pair<Place, QString> follow(const Map& map, const QString& pointer)
{
    Place place = map.top();
    QString way;
    if (place.secret)
        return {place, way};
    for (const QString& token : pointer.split(QLatin1Char('/')).mid(1)) {
        const QString key = QString{token}.replace(K{"~1"}, K{"/"}).replace(K{"~0"}, K{"~"});
        Place next = map.member(place, key);
        bool isIndex = false;
        if (const qlonglong index = key.toLongLong(&isIndex); isIndex) { // an array's or an object's: both count
            Place item = map.item(place, index);
            next.secret = next.secret || item.secret;
            next.schemas.insert(next.schemas.end(), item.schemas.begin(), item.schemas.end());
        }
        place = std::move(next);
        way += QLatin1Char('/') + token;
        if (place.secret)
            break;
    }
    return {place, way};
}

} // namespace

QJsonObject masked(const QJsonObject& config, const QJsonObject& schema)
{
    const Map map{schema};
    const Place top = map.top();
    QJsonObject hidden; // an object, also where all of it is a secret
    for (auto at = config.begin(); at != config.end(); ++at)
        hidden.insert(at.key(), hide(map, map.member(top, at.key()), at.value()));
    return hidden;
}

std::vector<DocumentChange> maskedDifferences(const QJsonObject& a, const QJsonObject& b, const QJsonObject& schema)
{
    const Map map{schema};
    std::vector<DocumentChange> changes;
    for (const DocumentChange& change : differences(a, b)) {
        const auto [place, pointer] = follow(map, change.pointer);
        DocumentChange hidden{pointer, hide(map, place, change.from), hide(map, place, change.to)};
        if (pointer != change.pointer)
            hidden.from = hidden.to = control::kMask; // something within the secret
        if (changes.empty() || !(changes.back() == hidden))
            changes.push_back(std::move(hidden));
    }
    return changes;
}

QJsonObject unmasked(
    const QJsonObject& config, const QJsonObject& stored, const QJsonObject& schema, std::vector<Fault>& faults)
{
    const Map map{schema};
    return Restoring{map, faults}.members(map.top(), config, stored, {});
}

} // namespace beacon
