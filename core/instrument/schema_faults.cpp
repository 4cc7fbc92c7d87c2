#include "core/instrument/schema_faults.h"

#include <QJsonArray>
#include <QRegularExpression>

#include <algorithm>
#include <cmath>

namespace beacon {

namespace {

constexpr qsizetype kMostShown = 60;
constexpr qsizetype kMostListed = 16;
constexpr int kMostSteps = 200'000; // schemas looked at; a $ref in a circle multiplies them
constexpr int kMostDepth = 64; // of schemas within schemas; a $ref may lead in a circle

using K = QLatin1StringView;

QString printableText(const QString& text)
{
    QString result;
    for (const QChar c : text.left(kMostShown))
        result += c.isPrint() ? QString{c} : QStringLiteral("\\u%1").arg(c.unicode(), 4, 16, QLatin1Char('0'));
    return text.size() > kMostShown ? result + QStringLiteral("…") : result;
}

QString shown(const QJsonValue& value)
{
    switch (value.type()) {
    case QJsonValue::Null:
        return QStringLiteral("null");
    case QJsonValue::Bool:
        return value.toBool() ? QStringLiteral("true") : QStringLiteral("false");
    case QJsonValue::Double:
        return QString::number(value.toDouble(), 'g', 15);
    case QJsonValue::String:
        return value.toString().isEmpty() ? QStringLiteral("empty")
                                          : QLatin1Char('"') + printableText(value.toString()) + QLatin1Char('"');
    case QJsonValue::Array:
        return QStringLiteral("an array");
    case QJsonValue::Object:
        return QStringLiteral("an object");
    case QJsonValue::Undefined:
        break;
    }
    return QStringLiteral("nothing");
}

QString kindOf(const QJsonValue& value)
{
    if (value.isString())
        return QStringLiteral("a string");
    if (value.isDouble())
        return QStringLiteral("a number");
    return shown(value);
}

bool fits(const QString& type, const QJsonValue& value)
{
    if (type == K{"integer"})
        return value.isDouble() && std::trunc(value.toDouble()) == value.toDouble();
    return (type == K{"number"} && value.isDouble()) || (type == K{"string"} && value.isString())
        || (type == K{"boolean"} && value.isBool()) || (type == K{"array"} && value.isArray())
        || (type == K{"object"} && value.isObject()) || (type == K{"null"} && value.isNull());
}

QString named(const QString& type)
{
    if (type == K{"integer"})
        return QStringLiteral("a whole number");
    if (type == K{"boolean"})
        return QStringLiteral("true or false");
    if (type == K{"null"})
        return type;
    const bool vowel = type.startsWith(QLatin1Char('a')) || type.startsWith(QLatin1Char('o'));
    return (vowel ? QStringLiteral("an ") : QStringLiteral("a ")) + type;
}

QString bounds(const QJsonObject& schema)
{
    const QJsonValue low = schema.value(K{"minimum"}), high = schema.value(K{"maximum"});
    if (low.isDouble() && high.isDouble())
        return QStringLiteral(" from %1 to %2").arg(shown(low), shown(high));
    if (low.isDouble())
        return QStringLiteral(" of at least %1").arg(shown(low));
    if (high.isDouble())
        return QStringLiteral(" of at most %1").arg(shown(high));
    return {};
}

class Walker {
public:
    explicit Walker(const QJsonObject& root, bool secret = false)
        : m_root(root)
        , m_secret(secret)
    {
    }
    std::vector<Fault> faults;

    void walk(const QJsonObject& given, const QJsonValue& value, const QString& pointer, int depth)
    {
        if (depth > kMostDepth || --m_left < 0 || faults.size() >= Schema::kMaxFaults)
            return;
        const QJsonObject schema = resolved(given);
        const bool outer = m_secret; // what lies within a secret is one, too
        m_secret = outer || schema.value(K{"writeOnly"}).toBool();
        look(schema, value, pointer, depth);
        m_secret = outer;
    }

private:
    void look(const QJsonObject& schema, const QJsonValue& value, const QString& pointer, int depth)
    {
        if (!typeFits(schema, value, pointer) || !oneOfThem(schema, value, pointer))
            return;
        if (value.isDouble())
            number(schema, value, pointer);
        else if (value.isString())
            string(schema, value.toString(), pointer);
        else if (value.isArray())
            array(schema, value.toArray(), pointer, depth);
        else if (value.isObject())
            object(schema, value.toObject(), pointer, depth);
        const QJsonArray all = schema.value(K{"allOf"}).toArray();
        for (const auto& each : all)
            walk(each.toObject(), value, pointer, depth + 1);
        for (const K key : {K{"anyOf"}, K{"oneOf"}})
            any(schema.value(key).toArray(), value, pointer, depth);
    }

    void say(const QString& pointer, const QString& text)
    {
        if (faults.size() < Schema::kMaxFaults)
            faults.push_back({pointer, text});
    }
    [[nodiscard]] QString butIs(const QJsonValue& value, bool kind = false) const
    {
        return m_secret ? QString{} : QStringLiteral(", but is ") + (kind ? kindOf(value) : shown(value));
    }

    [[nodiscard]] QJsonObject resolved(const QJsonObject& schema) const
    {
        const QString ref = schema.value(K{"$ref"}).toString();
        if (!ref.startsWith(K{"#/"}))
            return schema;
        QJsonValue at = m_root;
        for (const QString& token : ref.mid(2).split(QLatin1Char('/')))
            at = at.toObject().value(QString{token}.replace(K{"~1"}, K{"/"}).replace(K{"~0"}, K{"~"}));
        return at.toObject();
    }

    bool typeFits(const QJsonObject& schema, const QJsonValue& value, const QString& pointer)
    {
        const QJsonValue type = schema.value(K{"type"});
        const QJsonArray types = type.isArray() ? type.toArray() : type.isString() ? QJsonArray{type} : QJsonArray{};
        if (types.isEmpty())
            return true;
        QStringList names;
        for (const auto& each : types) {
            if (fits(each.toString(), value))
                return true;
            names.append(named(each.toString()));
        }
        const bool numeric = types.first() == K{"number"} || types.first() == K{"integer"};
        say(pointer,
            QStringLiteral("must be ") + names.join(QStringLiteral(" or ")) + (numeric ? bounds(schema) : QString{})
                + butIs(value, true));
        return false;
    }

    bool oneOfThem(const QJsonObject& schema, const QJsonValue& value, const QString& pointer)
    {
        QJsonArray choices = schema.value(K{"enum"}).toArray();
        if (schema.contains(K{"const"}))
            choices = QJsonArray{schema.value(K{"const"})};
        if (choices.isEmpty() || choices.contains(value))
            return true;
        QStringList names;
        for (const auto& choice : choices)
            names.append(choice.isString() ? choice.toString() : shown(choice));
        say(pointer,
            (names.size() == 1 ? QStringLiteral("must be ") : QStringLiteral("must be one of "))
                + names.mid(0, kMostListed).join(QStringLiteral(", ")) + butIs(value));
        return false;
    }

    void number(const QJsonObject& schema, const QJsonValue& value, const QString& pointer)
    {
        const QJsonValue low = schema.value(K{"minimum"}), high = schema.value(K{"maximum"});
        const QJsonValue above = schema.value(K{"exclusiveMinimum"}), below = schema.value(K{"exclusiveMaximum"});
        const double is = value.toDouble();
        const QString kind = schema.value(K{"type"}) == K{"integer"} ? QStringLiteral("must be a whole number")
                                                                     : QStringLiteral("must be a number");
        if ((low.isDouble() && is < low.toDouble()) || (high.isDouble() && is > high.toDouble()))
            say(pointer, kind + bounds(schema) + butIs(value));
        else if (above.isDouble() && is <= above.toDouble())
            say(pointer, kind + QStringLiteral(" above ") + shown(above) + butIs(value));
        else if (below.isDouble() && is >= below.toDouble())
            say(pointer, kind + QStringLiteral(" below ") + shown(below) + butIs(value));
    }

    void string(const QJsonObject& schema, const QString& value, const QString& pointer)
    {
        const auto length = value.toUcs4().size();
        const int least = schema.value(K{"minLength"}).toInt();
        const QJsonValue most = schema.value(K{"maxLength"});
        if (length < least)
            say(pointer,
                length == 0 ? QStringLiteral("must not be empty")
                            : QStringLiteral("must have at least %1 characters, but has %2").arg(least).arg(length));
        else if (most.isDouble() && length > most.toInt())
            say(pointer, QStringLiteral("may have at most %1 characters, but has %2").arg(most.toInt()).arg(length));
        else if (const QString pattern = schema.value(K{"pattern"}).toString();
                 !pattern.isEmpty() && !QRegularExpression{pattern}.match(value).hasMatch())
            say(pointer, QStringLiteral("must match ") + pattern + butIs(value));
    }

    void array(const QJsonObject& schema, const QJsonArray& value, const QString& pointer, int depth)
    {
        const int least = schema.value(K{"minItems"}).toInt();
        const QJsonValue most = schema.value(K{"maxItems"});
        if (value.size() < least)
            say(pointer,
                value.isEmpty() ? QStringLiteral("is an empty array; list something or leave the key out")
                                : QStringLiteral("must have at least %1 items").arg(least));
        else if (most.isDouble() && value.size() > most.toInt())
            say(pointer, QStringLiteral("may have at most %1 items, but has %2").arg(most.toInt()).arg(value.size()));
        const QJsonValue items = schema.value(K{"items"});
        if (!items.isObject())
            return;
        for (qsizetype i = 0; i < value.size() && faults.size() < Schema::kMaxFaults; ++i)
            walk(items.toObject(), value.at(i), pointer + QLatin1Char('/') + QString::number(i), depth + 1);
    }

    void object(const QJsonObject& schema, const QJsonObject& value, const QString& pointer, int depth)
    {
        const QJsonObject properties = schema.value(K{"properties"}).toObject();
        const QJsonArray required = schema.value(K{"required"}).toArray();
        for (const auto& key : required)
            if (!value.contains(key.toString()))
                say(pointer + QLatin1Char('/') + pointerToken(key.toString()), QStringLiteral("is missing; add it"));
        const QJsonValue more = schema.value(K{"additionalProperties"});
        for (auto at = value.begin(); at != value.end() && faults.size() < Schema::kMaxFaults; ++at) {
            const QString place = pointer + QLatin1Char('/') + pointerToken(at.key());
            if (properties.contains(at.key()))
                walk(properties.value(at.key()).toObject(), at.value(), place, depth + 1);
            else if (more.isBool() && !more.toBool() && !schema.contains(K{"patternProperties"}))
                say(place, unknownKey(properties));
            else if (more.isObject())
                walk(more.toObject(), at.value(), place, depth + 1);
        }
    }

    static QString unknownKey(const QJsonObject& properties)
    {
        const QStringList keys = properties.keys();
        if (keys.isEmpty())
            return QStringLiteral("is not a key here; remove it");
        return QStringLiteral("is not a key here; remove it, or use one of: ")
            + keys.mid(0, kMostListed).join(QStringLiteral(", "))
            + (keys.size() > kMostListed ? QStringLiteral(" …") : QString{});
    }

    void any(const QJsonArray& choices, const QJsonValue& value, const QString& pointer, int depth)
    {
        if (choices.isEmpty())
            return;
        QStringList texts;
        for (const auto& choice : choices) {
            Walker inner{m_root, m_secret};
            inner.m_left = m_left;
            inner.walk(choice.toObject(), value, pointer, depth + 1);
            m_left = inner.m_left;
            if (inner.faults.empty())
                return;
            texts.append(inner.faults.front().text);
        }
        say(pointer, texts.join(QStringLiteral(", or ")));
    }

    const QJsonObject& m_root;
    bool m_secret;
    int m_left = kMostSteps;
};

} // namespace

QString pointerToken(const QString& key)
{
    return printableText(key).replace(K{"~"}, K{"~0"}).replace(K{"/"}, K{"~1"});
}

std::vector<Fault> faultsOf(const QJsonObject& root, const QJsonValue& value)
{
    Walker walker{root};
    walker.walk(root, value, {}, 0);
    return std::move(walker.faults);
}

} // namespace beacon
