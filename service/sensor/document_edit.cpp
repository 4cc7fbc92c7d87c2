#include "service/sensor/document_edit.h"

#include <algorithm>

namespace beacon {

Error wrong(const QString& sentence)
{
    return Error{Errc::BadInput, 0, sentence.toStdString()};
}

qsizetype indexOf(const QJsonArray& objects, const QString& name)
{
    for (qsizetype i = 0; i < objects.size(); ++i)
        if (objects[i][kNameKey] == name)
            return i;
    return -1;
}

Result<> editNamed(QJsonObject& document, QLatin1StringView array, const QString& name,
    const std::function<Result<>(QJsonObject&)>& edit)
{
    QJsonArray objects = document.value(array).toArray();
    const qsizetype at = indexOf(objects, name);
    if (at < 0)
        return wrong(QStringLiteral("there is no %1; 'sensorctl status' lists what there is").arg(name));
    QJsonObject object = objects[at].toObject();
    if (auto edited = edit(object); !edited)
        return edited;
    objects[at] = object;
    document.insert(array, objects);
    return {};
}

Result<> removeNamed(QJsonObject& document, QLatin1StringView array, const QString& name)
{
    QJsonArray objects = document.value(array).toArray();
    const qsizetype at = indexOf(objects, name);
    if (at < 0)
        return wrong(QStringLiteral("there is no %1; 'sensorctl status' lists what there is").arg(name));
    objects.removeAt(at);
    document.insert(array, objects);
    return {};
}

QJsonObject withName(QJsonObject attachment, const QJsonArray& others)
{
    if (!attachment.value(kNameKey).toString().isEmpty())
        return attachment;
    int i = 0;
    while (indexOf(others, QStringLiteral("eth%1").arg(i)) >= 0)
        ++i;
    attachment.insert(kNameKey, QStringLiteral("eth%1").arg(i));
    return attachment;
}

QJsonObject without(QJsonObject object, std::initializer_list<const char*> keys)
{
    for (const char* key : keys)
        object.remove(QLatin1StringView{key});
    return object;
}

Result<QJsonObject> fitted(QJsonObject attachment, const Manifest& manifest, const SensorDocument& document)
{
    const QString interface = attachment.value(QStringLiteral("interface")).toString();
    const QString addressing = attachment.value(QStringLiteral("addressing")).toString(QStringLiteral("none"));
    const QString capabilities = QStringLiteral("capabilities");
    const SensorInterface* given = document.interface(interface);
    const bool mirror = given != nullptr && given->type == SensorInterface::Type::Mirror;
    if (manifest.networkAccess == QLatin1StringView{"passive"} && addressing == QLatin1StringView{"none"}
        && (given == nullptr || given->type != SensorInterface::Type::Phy) && !attachment.contains(capabilities))
        attachment.insert(capabilities, QJsonArray{QStringLiteral("rx")});
    const bool sends = attachment.contains(capabilities)
        ? attachment.value(capabilities).toArray().contains(QStringLiteral("tx"))
        : !mirror;
    const bool mustSend = std::any_of(manifest.interfaces.begin(), manifest.interfaces.end(),
        [](const Manifest::Interface& wanted) { return wanted.capabilities.contains(QLatin1StringView{"tx"}); });
    if (mustSend && !sends && manifest.interfaces.size() == 1)
        return wrong(QStringLiteral("a %1 needs an interface by which it may send, and by %2 it may only receive")
                         .arg(manifest.type, interface));
    return attachment;
}

Configurations::Change changeFor(Configurations::Change change, const QString& why)
{
    if (change.why.isEmpty())
        change.why = why;
    return change;
}

} // namespace beacon
