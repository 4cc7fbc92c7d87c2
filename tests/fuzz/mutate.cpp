#include "mutate.h"

#include <QJsonArray>
#include <QJsonObject>

namespace beacon::test {

namespace {

int below(QRandomGenerator& random, qsizetype bound)
{
    return static_cast<int>(random.bounded(static_cast<quint32>(bound)));
}

/// `depth` arrays around nothing.
QJsonValue nested(int depth)
{
    QJsonValue value = QJsonArray{};
    for (int i = 0; i < depth; ++i) {
        QJsonArray outer;
        outer.append(value);
        value = outer;
    }
    return value;
}

QJsonValue hostile(QRandomGenerator& random)
{
    static const QJsonArray kValues{QJsonValue::Null, true, false, 0, -1, -0.0, 0.5, 1e308, -1e308, 4.9e-324, 1e11,
        9'007'199'254'740'992.0, 9.3e18, QStringLiteral(""), QStringLiteral("/"), QStringLiteral("//../../etc/shadow"),
        QStringLiteral("a@b@c"), QStringLiteral("*"), QStringLiteral("a*b*"), QStringLiteral("not\nprintable\u0007"),
        QString(QChar{u'\0'}), QString(QChar{char16_t{0xd800}}), QString(256, QLatin1Char('n')),
        QString(257, QLatin1Char('n')), QString(4'097, QLatin1Char('/')), QString(300'000, QLatin1Char('x')),
        QStringLiteral("2026-13-45T99:99:99Z"), QStringLiteral("0000-00-00T00:00:00Z"),
        QStringLiteral("9999-12-31T23:59:60.999999999999999999+23:59"), QStringLiteral("2026-11-24T12:00:00"),
        QStringLiteral("2026-11-24T12:00:00.Z"), QStringLiteral("-2026-11-24T12:00:00Z"), QJsonObject{},
        QJsonObject{{QString(), QJsonValue()}}};
    switch (below(random, 8)) {
    case 0:
        return nested(25);
    case 1: {
        QJsonArray many;
        for (int i = 0; i < 300; ++i)
            many.append(i);
        return many;
    }
    default:
        return kValues.at(below(random, kValues.size()));
    }
}

} // namespace

QByteArray mutated(QByteArray bytes, QRandomGenerator& random)
{
    const QByteArray spice = "{}[]\",:\\\n\r\0eE-+.0u\xff\xc0";
    for (quint32 i = random.bounded(12U) + 1; i > 0; --i) {
        const qsizetype at = below(random, bytes.size() + 1);
        switch (below(random, 5)) {
        case 0:
            bytes.insert(at, spice.at(below(random, spice.size())));
            break;
        case 1:
            bytes.remove(at, below(random, 8));
            break;
        case 2:
            bytes.insert(at, bytes.mid(below(random, bytes.size() + 1), below(random, 40)));
            break;
        case 3:
            bytes.insert(at, QByteArray(below(random, 200), spice.at(below(random, spice.size()))));
            break;
        default:
            if (at < bytes.size())
                bytes[at] = static_cast<char>(below(random, 256));
        }
    }
    return bytes;
}

QJsonValue mutated(const QJsonValue& value, QRandomGenerator& random)
{
    const bool goDeeper = below(random, 6) != 0; // most of what there is to break is inside
    if (value.isObject() && !value.toObject().isEmpty() && goDeeper) {
        QJsonObject object = value.toObject();
        const QString key = object.keys().at(below(random, object.size()));
        const QJsonValue member = object.value(key);
        if (below(random, 8) == 0)
            object.remove(key);
        else
            object.insert(key, mutated(member, random));
        if (below(random, 4) == 0) { // a second one
            const QString other = object.keys().value(below(random, object.size() + 1));
            object.insert(other, hostile(random));
        }
        return object;
    }
    if (value.isArray() && !value.toArray().isEmpty() && goDeeper) {
        QJsonArray array = value.toArray();
        const int at = below(random, array.size());
        const QJsonValue item = array.at(at);
        if (below(random, 8) == 0)
            array.append(item);
        else
            array.replace(at, mutated(item, random));
        return array;
    }
    if (below(random, 8) == 0) {
        QJsonArray wrapped;
        wrapped.append(value);
        return wrapped;
    }
    return hostile(random);
}

} // namespace beacon::test
