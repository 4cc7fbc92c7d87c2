// The half of ScriptedPlatform that asks, and that says what was seen.
#include "tests/support/scripted_platform.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QTest>
#include <QUuid>

#include <algorithm>

namespace beacon::test {

namespace {

QString uuid7()
{
    QByteArray bytes = QUuid::createUuid().toRfc4122();
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    for (int i = 0; i < 6; ++i)
        bytes[i] = static_cast<char>(now >> (40 - 8 * i));
    bytes[6] = static_cast<char>(0x70 | (bytes[6] & 0x0f));
    return QUuid::fromRfc4122(bytes).toString(QUuid::WithoutBraces);
}

} // namespace

qint64 ScriptedPlatform::ask(const QString& method, const QJsonObject& params)
{
    const qint64 ticket = ++m_lastTicket;
    const QJsonObject message{{QStringLiteral("jsonrpc"), QStringLiteral("2.0")}, {QStringLiteral("id"), ticket},
        {QStringLiteral("method"), method}, {QStringLiteral("params"), params}};
    sendRaw(QJsonDocument{message}.toJson(QJsonDocument::Compact) + '\n');
    return ticket;
}

QJsonObject ScriptedPlatform::call(const QString& method, const QJsonObject& params, int withinMs)
{
    const qint64 ticket = ask(method, params);
    (void)waitFor([&] { return m_answers.contains(ticket); }, withinMs);
    QJsonObject answer = answerTo(ticket);
    answer.remove(QStringLiteral("jsonrpc"));
    answer.remove(QStringLiteral("id"));
    return answer;
}

void ScriptedPlatform::notify(const QString& method, const QJsonObject& params)
{
    const QJsonObject message{{QStringLiteral("jsonrpc"), QStringLiteral("2.0")}, {QStringLiteral("method"), method},
        {QStringLiteral("params"), params}};
    sendRaw(QJsonDocument{message}.toJson(QJsonDocument::Compact) + '\n');
}

QJsonObject ScriptedPlatform::envelope(const QJsonObject& config, qint64 version)
{
    m_lastVersion = version > 0 ? version : m_lastVersion + 1;
    return {{QStringLiteral("target"), welcome.value(QStringLiteral("address"))},
        {QStringLiteral("version"), m_lastVersion}, {QStringLiteral("uuid"), uuid7()},
        {QStringLiteral("timestamp"), static_cast<double>(QDateTime::currentMSecsSinceEpoch()) / 1000.0},
        {QStringLiteral("source_instrument"), QStringLiteral("console_0@plant7")}, {QStringLiteral("config"), config}};
}

QJsonObject ScriptedPlatform::applyRetention(const QString& olderThan, int deadlineSeconds)
{
    return call(QStringLiteral("retention.apply"),
        {{QStringLiteral("older_than"), olderThan}, {QStringLiteral("deadline_s"), deadlineSeconds}},
        deadlineSeconds * 1'000 + 5'000);
}

QJsonObject ScriptedPlatform::offerDownload(const QString& resource, const QString& file, const QString& signature)
{
    QFile content{file};
    QCryptographicHash hash{QCryptographicHash::Sha512};
    if (content.open(QIODevice::ReadOnly))
        hash.addData(&content);
    return call(QStringLiteral("download.available"),
        {{QStringLiteral("resource"), resource}, {QStringLiteral("path"), file},
            {QStringLiteral("signature"), signature}, {QStringLiteral("size"), QFileInfo{file}.size()},
            {QStringLiteral("sha512"), QString::fromLatin1(hash.result().toHex())},
            {QStringLiteral("metadata"), QJsonObject{}}},
        70'000);
}

QJsonObject ScriptedPlatform::deliver(const QJsonArray& events)
{
    return call(QStringLiteral("event.deliver"), {{QStringLiteral("events"), events}});
}

QJsonObject ScriptedPlatform::eventOf(const QString& type, const QJsonObject& data, const QString& from)
{
    static qint64 seq = 0;
    const QString uuid = uuid7();
    return {{QStringLiteral("schema"), QStringLiteral("event/1")}, {QStringLiteral("uuid"), uuid},
        {QStringLiteral("context_uuid"), uuid},
        {QStringLiteral("timestamp"), static_cast<double>(QDateTime::currentMSecsSinceEpoch()) / 1000.0},
        {QStringLiteral("type"), type}, {QStringLiteral("message"), QStringLiteral("For a test")},
        {QStringLiteral("severity"), 1}, {QStringLiteral("source_instrument"), from},
        {QStringLiteral("source_sensor"), from.section(QLatin1Char('@'), 1)},
        {QStringLiteral("instrument_type"), from.section(QLatin1Char('_'), 0, 0)},
        {QStringLiteral("sensor_event_id"), ++seq}, {QStringLiteral("seq"), seq},
        {QStringLiteral("metadata"), QJsonObject{}}, {QStringLiteral("data"), data}};
}

QString ScriptedPlatform::healthStatus() const
{
    return m_healths.empty() ? QString{} : m_healths.back().params.value(QStringLiteral("status")).toString();
}

QStringList ScriptedPlatform::healthCodes() const
{
    QStringList codes;
    if (!m_healths.empty())
        for (const QJsonValue& reason : m_healths.back().params.value(QStringLiteral("reasons")).toArray())
            codes << reason.toObject().value(QStringLiteral("code")).toString();
    return codes;
}

std::vector<ScriptedPlatform::Arrival> ScriptedPlatform::eventsOf(const QString& type) const
{
    std::vector<Arrival> found;
    std::copy_if(m_events.begin(), m_events.end(), std::back_inserter(found),
        [&](const Arrival& arrival) { return arrival.event.value(QStringLiteral("type")) == QJsonValue(type); });
    return found;
}

std::vector<ScriptedPlatform::Said> ScriptedPlatform::saidOf(const QString& method) const
{
    std::vector<Said> found;
    std::copy_if(m_said.begin(), m_said.end(), std::back_inserter(found),
        [&](const Said& said) { return said.method == method; });
    return found;
}

bool ScriptedPlatform::waitFor(const std::function<bool()>& isSo, int withinMs)
{
    return QTest::qWaitFor(isSo, withinMs);
}

bool ScriptedPlatform::waitForHello(std::size_t count, int withinMs) const
{
    return waitFor([&] { return m_hellos.size() >= count; }, withinMs);
}

bool ScriptedPlatform::waitForEvents(std::size_t count, int withinMs) const
{
    return waitFor([&] { return m_events.size() >= count; }, withinMs);
}

QJsonObject ScriptedPlatform::waitForEvent(const QString& type, std::size_t after, int withinMs) const
{
    const auto first = [&] {
        const auto from = m_events.begin() + static_cast<std::ptrdiff_t>(std::min(after, m_events.size()));
        return std::find_if(from, m_events.end(),
            [&](const Arrival& arrival) { return arrival.event.value(QStringLiteral("type")) == QJsonValue(type); });
    };
    return waitFor([&] { return first() != m_events.end(); }, withinMs) ? first()->event : QJsonObject{};
}

bool ScriptedPlatform::waitForHealth(const QString& status, int withinMs) const
{
    return waitFor([&] { return healthStatus() == status; }, withinMs);
}

bool ScriptedPlatform::waitForSaid(const QString& method, std::size_t count, int withinMs) const
{
    return waitFor([&] { return saidOf(method).size() >= count; }, withinMs);
}

} // namespace beacon::test
