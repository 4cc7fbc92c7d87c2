#include "service/sensorctl/assign.h"

#include "core/base/json_depth.h"
#include "core/options/reader.h"
#include "service/sensorctl/document_file.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <span>
#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

/// nullopt: the key goes away.
using NewValue = std::optional<QJsonValue>;

Failure refused(const QString& sentence)
{
    return {EX_DATAERR, sentence};
}

/// JSON where it is JSON, else text.
QJsonValue valueFrom(const QByteArray& text)
{
    if (jsonDepth({text.constData(), static_cast<std::size_t>(text.size())}) >= rpc::kMaxNesting - 4)
        return QString::fromUtf8(text);
    const QJsonDocument wrapped = QJsonDocument::fromJson('[' + text + ']'); // Qt 6.4 reads arrays and objects only
    const QJsonArray one = wrapped.array();
    return wrapped.isArray() && one.size() == 1 ? QJsonValue{one.first()} : QJsonValue{QString::fromUtf8(text)};
}

Outcome<NewValue> newValue(const QByteArray& text)
{
    if (text.isEmpty())
        return NewValue{};
    if (!text.startsWith('@'))
        return NewValue{valueFrom(text)};
    const QString path = QString::fromUtf8(text.mid(1));
    const auto read = readInput(path);
    if (const Failure* failure = failureOf(read))
        return *failure;
    QByteArray content = std::get<QByteArray>(read);
    if (content.endsWith('\n'))
        content.chop(1);
    if (!isUtf8({content.constData(), static_cast<std::size_t>(content.size())}))
        return refused(QStringLiteral("%1 is not UTF-8 text").arg(path));
    return NewValue{QString::fromUtf8(content)};
}

Outcome<QStringList> stepsOf(const QString& key)
{
    if (!key.startsWith(QLatin1Char('/')))
        return QStringList{key};
    QStringList steps = key.mid(1).split(QLatin1Char('/'));
    for (QString& step : steps)
        step.replace(QLatin1StringView("~1"), QLatin1StringView("/"))
            .replace(QLatin1StringView("~0"), QLatin1StringView("~"));
    if (steps.size() > rpc::kMaxNesting - 4)
        return refused(QStringLiteral("%1 leads too deep").arg(key));
    return steps;
}

Outcome<QJsonValue> changed(const QJsonValue& place, std::span<const QString> steps, const NewValue& value);

Outcome<QJsonValue> changedArray(QJsonArray array, std::span<const QString> steps, const NewValue& value)
{
    bool isNumber = false;
    const QString& step = steps.front();
    const qsizetype index = step == QLatin1StringView("-") ? array.size() : step.toLongLong(&isNumber);
    const bool appends = step == QLatin1StringView("-") && steps.size() == 1 && value;
    if (!appends && (!isNumber || index < 0 || index >= array.size()))
        return refused(QStringLiteral("there is no item %1 in an array of %2").arg(step).arg(array.size()));
    if (steps.size() > 1) {
        auto inner = changed(array.at(index), steps.subspan(1), value);
        if (const Failure* failure = failureOf(inner))
            return *failure;
        array.replace(index, std::get<QJsonValue>(inner));
    } else if (appends) {
        array.append(*value);
    } else if (value) {
        array.replace(index, *value);
    } else {
        array.removeAt(index);
    }
    return QJsonValue{array};
}

Outcome<QJsonValue> changedObject(QJsonObject object, std::span<const QString> steps, const NewValue& value)
{
    const QString& step = steps.front();
    if (steps.size() > 1) {
        if (!object.contains(step))
            return refused(QStringLiteral("there is no key %1").arg(step));
        auto inner = changed(object.value(step), steps.subspan(1), value);
        if (const Failure* failure = failureOf(inner))
            return *failure;
        object.insert(step, std::get<QJsonValue>(inner));
    } else if (value) {
        object.insert(step, *value);
    } else {
        object.remove(step);
    }
    return QJsonValue{object};
}

Outcome<QJsonValue> changed(const QJsonValue& place, std::span<const QString> steps, const NewValue& value)
{
    if (place.isArray())
        return changedArray(place.toArray(), steps, value);
    if (place.isObject())
        return changedObject(place.toObject(), steps, value);
    return refused(QStringLiteral("%1 would be in what is neither an object nor an array").arg(steps.front()));
}

} // namespace

Outcome<QJsonObject> assigned(QJsonObject document, const std::vector<std::string>& assignments)
{
    for (const std::string& assignment : assignments) {
        const QByteArray words = QByteArray::fromStdString(assignment);
        const qsizetype equals = words.indexOf('=');
        if (equals <= 0)
            return Failure{EX_USAGE,
                QStringLiteral("%1 is not of the kind KEY=VALUE; see sensorctl config set --help")
                    .arg(equals < 0 ? QString::fromUtf8(words) : QStringLiteral("=…"))};
        const QString key = QString::fromUtf8(words.left(equals));
        const auto steps = stepsOf(key);
        const auto value = newValue(words.mid(equals + 1));
        const Failure* failure = failureOf(steps) != nullptr ? failureOf(steps) : failureOf(value);
        if (failure != nullptr)
            return *failure;
        const auto result = changed(document, std::get<QStringList>(steps), std::get<NewValue>(value));
        if (const Failure* nowhere = failureOf(result))
            return Failure{nowhere->exitCode, key + QStringLiteral(": ") + nowhere->sentence};
        document = std::get<QJsonValue>(result).toObject();
    }
    return document;
}

} // namespace beacon::sensorctl
