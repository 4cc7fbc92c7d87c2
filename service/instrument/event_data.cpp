#include "service/instrument/event_data.h"

#include "service/instrument/roll_up.h"

#include <QJsonArray>

#include <pwd.h>

namespace beacon {

namespace {

QString text(std::string_view bytes)
{
    return QString::fromUtf8(bytes.data(), static_cast<qsizetype>(bytes.size()));
}

QJsonArray texts(const std::vector<std::string>& strings)
{
    QJsonArray array;
    for (const std::string& string : strings)
        array.append(text(string));
    return array;
}

} // namespace

QJsonObject interfaceData(const LinkState& link)
{
    QJsonArray addresses;
    for (const IpAddress& address : link.addresses)
        addresses.append(text(address.text()));
    QJsonObject data{{QStringLiteral("name"), text(link.name)}, {QStringLiteral("ifindex"), link.index},
        {QStringLiteral("carrier"), link.carrier}, {QStringLiteral("addresses"), addresses}};
    if (link.present)
        data.insert(QStringLiteral("mac"), text(link.mac.text()));
    return data;
}

QString interfaceSentence(const LinkState& link)
{
    const char* what = !link.present ? "is gone"
        : !link.up                   ? "is switched off"
        : !link.carrier              ? "has no carrier"
                                     : "is ready";
    return QStringLiteral("Interface %1 %2").arg(text(link.name), QLatin1StringView(what));
}

QJsonObject outputData(const std::string& line, Stream stream, bool truncated, quint64 dropped)
{
    QJsonObject data{{QStringLiteral("line"), text(line)},
        {QStringLiteral("stream"), stream == Stream::Out ? QStringLiteral("stdout") : QStringLiteral("stderr")},
        {QStringLiteral("truncated"), truncated}};
    if (dropped > 0)
        data.insert(QStringLiteral("dropped"), static_cast<qint64>(dropped));
    return data;
}

QJsonObject escapeData(const EscapeLine& line, std::uint32_t run)
{
    const AttemptTarget& target = line.target;
    QJsonObject data{{QStringLiteral("run"), static_cast<qint64>(run)},
        {QStringLiteral("n"), static_cast<qint64>(target.n)},
        {QStringLiteral("technique"), text(techniqueOrOther(target.technique))},
        {QStringLiteral("family"), text(familyName(target.family))}, {QStringLiteral("proto"), target.proto},
        {QStringLiteral("dst"), target.dst.empty() ? QStringLiteral("unknown") : text(target.dst)},
        {QStringLiteral("rtt"), static_cast<qint64>(line.rttUs)}};
    if (target.port != 0)
        data.insert(QStringLiteral("port"), target.port);
    if (!target.via.empty())
        data.insert(QStringLiteral("via"), text(target.via));
    return data;
}

QString escapeSentence(const EscapeLine& line)
{
    const AttemptTarget& target = line.target;
    const QString dst = target.family == Family::Ipv6 && target.port != 0 ? QStringLiteral("[%1]").arg(text(target.dst))
                                                                          : text(target.dst);
    QString sentence = QStringLiteral("Leak: %1 to %2").arg(text(target.technique), dst);
    if (target.port != 0)
        sentence += QStringLiteral(":%1").arg(target.port);
    return sentence;
}

QString containmentText(const Containment& containment)
{
    QString words = text(containment.kind);
    if (!containment.uid)
        return words;
    const passwd* entry = ::getpwuid(*containment.uid);
    const QString user = entry != nullptr ? QString::fromLocal8Bit(entry->pw_name) : QString::number(*containment.uid);
    return words + QStringLiteral(", user %1, capabilities %2").arg(user, text(containment.capabilities));
}

QJsonObject processStarted(qint64 pid, const std::optional<std::string>& version)
{
    return {
        {QStringLiteral("pid"), pid}, {QStringLiteral("version"), version ? QJsonValue{text(*version)} : QJsonValue{}}};
}

QJsonObject processExited(const Exit& exit, std::chrono::milliseconds uptime, const std::vector<std::string>& lastLines)
{
    const bool signalled = exit.how == Exit::How::Signal;
    return {{QStringLiteral("code"), signalled ? QJsonValue{} : QJsonValue{exit.value}},
        {QStringLiteral("signal"), signalled ? QJsonValue{exit.value} : QJsonValue{}},
        {QStringLiteral("uptime"), static_cast<double>(uptime.count()) / 1'000},
        {QStringLiteral("last_lines"), texts(lastLines)}};
}

} // namespace beacon
