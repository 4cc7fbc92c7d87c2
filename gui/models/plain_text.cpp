#include "gui/models/plain_text.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <cmath>

namespace beacon {

namespace {

constexpr qsizetype kMostFacts = 200;
constexpr qsizetype kMostItems = 32; ///< of one array or object

QString words(QString key)
{
    return key.replace(QLatin1Char{'_'}, QLatin1Char{' '});
}

QString andMore(const QStringList& shown, qsizetype all, const QString& between)
{
    const QString text = shown.join(between);
    return all > shown.size() ? QStringLiteral("%1%2and %3 more").arg(text, between).arg(all - shown.size()) : text;
}

QString numberText(double number)
{
    const bool whole = std::abs(number) < 9e15 && std::trunc(number) == number;
    return whole ? QString::number(static_cast<qint64>(number)) : QString::number(number);
}

QString valueText(const QJsonValue& value, int depth = 0)
{
    if (value.isNull() || value.isUndefined())
        return QStringLiteral("unknown");
    if (value.isBool())
        return value.toBool() ? QStringLiteral("yes") : QStringLiteral("no");
    if (value.isDouble())
        return numberText(value.toDouble());
    if (value.isString())
        return value.toString().isEmpty() ? QStringLiteral("none") : printable(value.toString());
    QStringList shown;
    if (value.isArray()) {
        const QJsonArray items = value.toArray();
        if (depth > 1)
            return printable(QString::fromUtf8(QJsonDocument{items}.toJson(QJsonDocument::Compact)));
        for (auto item = items.begin(); item != items.end() && shown.size() < kMostItems; ++item)
            shown << (item->isObject() ? QStringLiteral("(%1)").arg(valueText(*item, depth + 1))
                                       : valueText(*item, depth + 1));
        return items.isEmpty() ? QStringLiteral("none") : andMore(shown, items.size(), QStringLiteral(", "));
    }
    const QJsonObject members = value.toObject();
    if (depth > 1)
        return printable(QString::fromUtf8(QJsonDocument{members}.toJson(QJsonDocument::Compact)));
    for (auto member = members.begin(); member != members.end() && shown.size() < kMostItems; ++member)
        shown << printable(words(member.key())) + QLatin1Char{' '} + valueText(*member, depth + 1);
    return members.isEmpty() ? QStringLiteral("none") : andMore(shown, members.size(), QStringLiteral("; "));
}

} // namespace

QString printable(const QString& text, qsizetype most)
{
    QString clean = text.left(most);
    for (QChar& each : clean)
        if (!each.isPrint() && !each.isSurrogate())
            each = QLatin1Char{' '};
    clean = clean.simplified();
    return text.size() > most ? clean + QStringLiteral("…") : clean;
}

QString sentence(const QString& text)
{
    const QString clean = printable(text);
    if (clean.isEmpty())
        return QStringLiteral("No reason was given.");
    const bool ended = QStringView{u".?!…"}.contains(clean.back());
    return ended ? clean : clean + QLatin1Char{'.'};
}

QStringList factLines(const QJsonObject& facts)
{
    QStringList lines;
    for (auto fact = facts.begin(); fact != facts.end() && lines.size() < kMostFacts; ++fact)
        lines << printable(words(fact.key())) + QStringLiteral(": ") + valueText(*fact);
    if (facts.size() > lines.size())
        lines << QStringLiteral("and %1 more").arg(facts.size() - lines.size());
    return lines;
}

} // namespace beacon
