#include "service/sensorctl/addressing.h"

#include <QHostAddress>
#include <QJsonArray>

#include <algorithm>
#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

Failure wrong(const QString& sentence)
{
    return {EX_USAGE, sentence + QStringLiteral("; see sensorctl --help")};
}

bool isKeyword(const std::string& word)
{
    return word == "dhcp" || word == "slaac" || word == "none";
}

QJsonArray arrayOf(const std::vector<std::string>& items)
{
    QJsonArray array;
    for (const std::string& item : items)
        array.append(QString::fromStdString(item));
    return array;
}

/// What is wrong with "192.0.2.7/24", or nothing.
QString faultOfPrefix(const std::string& text)
{
    const QString word = QString::fromStdString(text);
    const qsizetype slash = word.indexOf(QLatin1Char('/'));
    const QHostAddress address{word.left(slash < 0 ? word.size() : slash)};
    if (address.isNull())
        return QStringLiteral("--address %1 is none of dhcp, slaac, none and no address").arg(word);
    if (slash < 0)
        return QStringLiteral("--address %1 lacks its prefix length, as in %1/24").arg(word);
    bool isNumber = false;
    const int length = word.mid(slash + 1).toInt(&isNumber);
    const int most = address.protocol() == QAbstractSocket::IPv6Protocol ? 128 : 32;
    return isNumber && length >= 1 && length <= most
        ? QString{}
        : QStringLiteral("--address %1 needs a prefix length from 1 to %2").arg(word).arg(most);
}

/// The keys that all interfaces of the command have in common.
Outcome<QJsonObject> addressingFrom(const Values& values)
{
    QJsonObject keys;
    const std::vector<std::string> how = values.list("address");
    const std::vector<std::string> gateways = values.list("gateway");
    const std::vector<std::string> resolvers = values.list("resolver");
    const bool isStatic = !how.empty() && !isKeyword(how.front());
    if (!isStatic && how.size() > 1)
        return wrong(QStringLiteral("--address %1 goes alone").arg(QString::fromStdString(how.front())));
    for (const std::string& address : how)
        if (const QString fault = isStatic ? faultOfPrefix(address) : QString{}; !fault.isEmpty())
            return wrong(fault);
    if (!isStatic && !gateways.empty())
        return wrong(QStringLiteral("--gateway goes with addresses in --address only"));
    for (const auto* list : {&gateways, &resolvers})
        for (const std::string& address : *list)
            if (QHostAddress{QString::fromStdString(address)}.isNull())
                return wrong(QString::fromStdString(address) + QStringLiteral(" is no address"));
    if (!how.empty())
        keys.insert(
            QStringLiteral("addressing"), isStatic ? QStringLiteral("static") : QString::fromStdString(how.front()));
    if (isStatic)
        keys.insert(QStringLiteral("addresses"), arrayOf(how));
    if (!gateways.empty())
        keys.insert(QStringLiteral("gateways"), arrayOf(gateways));
    if (!resolvers.empty())
        keys.insert(QStringLiteral("resolvers"), arrayOf(resolvers));
    if (values.flag("receive-only"))
        keys.insert(QStringLiteral("capabilities"), QJsonArray{QStringLiteral("rx")});
    return keys;
}

} // namespace

Outcome<std::vector<QJsonObject>> attachmentsFrom(const Values& values, const std::vector<std::string>& interfaces)
{
    const auto common = addressingFrom(values);
    if (const Failure* failure = failureOf(common))
        return *failure;
    const QJsonObject& keys = std::get<QJsonObject>(common);
    if (interfaces.empty() && !keys.isEmpty())
        return wrong(QStringLiteral("--address and the like need an --interface"));
    if (interfaces.size() > 1 && keys.contains(QLatin1StringView("addresses")))
        return wrong(QStringLiteral("one address cannot be on several interfaces; give each its own with "
                                    "'sensorctl interfaces give'"));
    std::vector<QJsonObject> attachments;
    attachments.reserve(interfaces.size());
    for (const std::string& word : interfaces) {
        const QString text = QString::fromStdString(word);
        const qsizetype colon = text.indexOf(QLatin1Char(':'));
        QJsonObject attachment = keys;
        attachment.insert(QStringLiteral("interface"), text.left(colon < 0 ? text.size() : colon));
        if (colon >= 0)
            attachment.insert(QStringLiteral("name"), text.mid(colon + 1));
        if (colon == 0 || colon == text.size() - 1)
            return wrong(QStringLiteral("%1 is not of the kind INTERFACE:NAME-INSIDE").arg(text));
        attachments.push_back(attachment);
    }
    return attachments;
}

} // namespace beacon::sensorctl
