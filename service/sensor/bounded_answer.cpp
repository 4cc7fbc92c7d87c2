#include "service/sensor/bounded_answer.h"

#include <QJsonDocument>

namespace beacon {

namespace {

qsizetype sizeOf(const QJsonValue& item)
{
    return QJsonDocument{item.toObject()}.toJson(QJsonDocument::Compact).size() + 1;
}

} // namespace

QJsonObject boundedAnswer(const QString& key, const QJsonArray& items, Keep keep)
{
    qsizetype bytes = 0, count = 0;
    while (count < items.size()) {
        bytes += sizeOf(items[keep == Keep::First ? count : items.size() - 1 - count]);
        if (bytes > kMostAnswerBytes)
            break;
        ++count;
    }
    if (count == items.size())
        return {{key, items}};
    QJsonArray kept;
    const qsizetype from = keep == Keep::First ? 0 : items.size() - count;
    for (qsizetype i = from; i < from + count; ++i)
        kept.append(items[i]);
    return {{key, kept}, {QStringLiteral("more"), true}};
}

} // namespace beacon
