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

QJsonObject withoutSecrets(QJsonObject config, const Program& program)
{
    for (const std::string& key : secretKeys(program))
        if (const QString name = QString::fromStdString(key); config.contains(name))
            config.insert(name, kBlot);
    return config;
}

QJsonObject supportBundle(const QJsonObject& health, const QJsonObject& config, const QByteArrayList& recent, double at)
{
    constexpr qsizetype kMostBytes = 700 * 1024; // after redaction: a blot may be longer than a secret
    qsizetype bytes = 0;
    const auto bounded = [&](const QJsonObject& object) -> QJsonValue {
        QJsonObject clean = redacted(object).toObject();
        const qsizetype size = QJsonDocument{clean}.toJson(QJsonDocument::Compact).size() + 1;
        if (bytes + size > kMostBytes)
            return QJsonValue::Undefined;
        bytes += size;
        return clean;
    };
    QJsonObject bundle{{QStringLiteral("bundle"), 1}, {QStringLiteral("at"), at},
        {QStringLiteral("version"), QStringLiteral(BEACON_VERSION)},
        {QStringLiteral("host"), QSysInfo::machineHostName()},
        {QStringLiteral("system"), QSysInfo::prettyProductName()},
        {QStringLiteral("kernel"), QSysInfo::kernelVersion()}, {QStringLiteral("process"), processFacts()}};
    bundle.insert(QStringLiteral("health"), bounded(health)); // undefined, which is too large, is not inserted
    bundle.insert(QStringLiteral("config"), bounded(config));
    QJsonArray entries;
    for (auto entry = recent.crbegin(); entry != recent.crend(); ++entry) {
        const QJsonValue clean = bounded(QJsonDocument::fromJson(*entry).object());
        if (clean.isUndefined())
            break;
        entries.prepend(clean);
    }
    bundle.insert(QStringLiteral("recent"), entries);
    bundle.insert(QStringLiteral("left_out"), recent.size() - entries.size());
    return bundle;
}

} // namespace beacon
