#include "service/instrument/support_bundle.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QSysInfo>

#include <sys/resource.h>

namespace beacon {

namespace {

const QString kBlot = QStringLiteral("[redacted]");

bool namesASecret(const QString& key)
{
    static const QRegularExpression secret{
        QStringLiteral(
            "(^|_)(?<!changed_)(key|token|secret|password|passphrase|passwd|private|psk|credential|authorization|"
            "cookie)s?$"),
        QRegularExpression::CaseInsensitiveOption};
    return secret.match(key).hasMatch();
}

QJsonObject processFacts()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    QFile status{QStringLiteral("/proc/self/status")};
    QJsonObject facts{{QStringLiteral("max_rss_kib"), static_cast<qint64>(usage.ru_maxrss)},
        {QStringLiteral("cpu_s"), static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)}};
    if (!status.open(QIODevice::ReadOnly))
        return facts;
    for (const QByteArray& line : status.readAll().split('\n'))
        for (const char* name : {"VmRSS:", "Threads:", "CapEff:", "NSpid:"})
            if (line.startsWith(name))
                facts.insert(
                    QString::fromLatin1(name).chopped(1), QString::fromLatin1(line.mid(qstrlen(name)).simplified()));
    return facts;
}

} // namespace

QString redactedText(const QString& text)
{
    static const QRegularExpression secrets{QStringLiteral("\\b[a-z2-7]{52}\\b" // a token
                                                           "|[A-Za-z0-9+/]{43}=" // 32 bytes in base64
                                                           "|\\b[0-9a-f]{64}\\b" // 32 bytes in hexadecimal
                                                           "|(?:key|token|secret|passw(?:or)?d|passphrase|psk)"
                                                           "[\"']?\\s*[=:]\\s*[\"']?\\K[^\\s\"',;&]+" // named so
                                                           "|\\bauthorization:\\s*(?:\\w+\\s+)?\\K[^\\s\"',;]+"
                                                           "|(?<=://)[^/@\\s\"]+(?=@)" // whoever logs in there
                                                           "|-----BEGIN [^-]*PRIVATE KEY-----.*?(-----END|$)"),
        QRegularExpression::CaseInsensitiveOption | QRegularExpression::DotMatchesEverythingOption};
    QString clean = text;
    return clean.replace(secrets, kBlot);
}

QJsonValue redacted(const QJsonValue& value)
{
    if (value.isString())
        return redactedText(value.toString());
    if (value.isArray()) {
        QJsonArray clean;
        for (const auto& item : value.toArray())
            clean.append(redacted(item));
        return clean;
    }
    if (!value.isObject())
        return value;
    QJsonObject clean;
    const QJsonObject object = value.toObject();
    for (auto member = object.begin(); member != object.end(); ++member)
        clean.insert(
            member.key(), namesASecret(member.key()) && !member->isNull() ? QJsonValue{kBlot} : redacted(*member));
    return clean;
}

QJsonObject supportBundle(const QJsonObject& health, const QJsonObject& config, const QByteArrayList& recent, double at)
{
    constexpr qsizetype kMostBytes = 700 * 1024;
    QJsonArray entries;
    qsizetype bytes = 0;
    for (auto entry = recent.crbegin(); entry != recent.crend(); ++entry) {
        const QJsonObject clean = redacted(QJsonDocument::fromJson(*entry).object()).toObject();
        bytes += QJsonDocument{clean}.toJson(QJsonDocument::Compact).size() + 1; // a blot may be longer than a secret
        if (bytes > kMostBytes)
            break;
        entries.prepend(clean);
    }
    return {{QStringLiteral("bundle"), 1}, {QStringLiteral("at"), at},
        {QStringLiteral("version"), QStringLiteral(BEACON_VERSION)},
        {QStringLiteral("host"), QSysInfo::machineHostName()},
        {QStringLiteral("system"), QSysInfo::prettyProductName()},
        {QStringLiteral("kernel"), QSysInfo::kernelVersion()}, {QStringLiteral("process"), processFacts()},
        {QStringLiteral("health"), redacted(health)}, {QStringLiteral("config"), redacted(config)},
        {QStringLiteral("recent"), entries}, {QStringLiteral("left_out"), recent.size() - entries.size()}};
}

} // namespace beacon
