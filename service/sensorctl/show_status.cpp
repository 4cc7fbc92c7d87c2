#include "service/sensorctl/plain.h"
#include "service/sensorctl/show.h"

#include "core/event/severity.h"

#include <algorithm>
#include <array>

namespace beacon::sensorctl {

namespace {

constexpr std::array kStatusOrder{QLatin1StringView("OK"), QLatin1StringView("STOPPED"), QLatin1StringView("PENDING"),
    QLatin1StringView("WARNING"), QLatin1StringView("ERROR")};

QString text(const QJsonObject& object, const char* key)
{
    const QJsonValue value = object.value(QLatin1StringView(key));
    return value.isNull() || value.isUndefined() ? QString{} : shortText(value);
}

QString orDash(const QString& value)
{
    return value.isEmpty() ? QStringLiteral("-") : value;
}

/// "a, b" of an array of strings.
QString joined(const QJsonValue& items, const QString& between = QStringLiteral(", "))
{
    QStringList words;
    const QJsonArray array = items.toArray();
    for (const auto& item : array)
        words << shortText(item);
    return words.join(between);
}

QJsonObject healthOf(const QJsonObject& owner)
{
    return owner.value(QLatin1StringView("health")).toObject();
}

/// The members of an array, those of the worst health first.
std::vector<QJsonObject> worstFirst(const QJsonArray& all)
{
    std::vector<QJsonObject> sorted;
    sorted.reserve(static_cast<std::size_t>(all.size()));
    for (const auto& one : all)
        sorted.push_back(one.toObject());
    std::ranges::stable_sort(
        sorted, std::greater{}, [](const QJsonObject& one) { return rankOf(text(healthOf(one), "status")); });
    return sorted;
}

/// "8", or "8, not 9" where an Instrument reports another than it should have.
QString configText(const QJsonObject& config)
{
    QString desired = orDash(text(config, "desired"));
    if (!config.value(QLatin1StringView("drift")).toBool())
        return desired;
    return QStringLiteral("%1, not %2").arg(orDash(text(config, "reported")), desired);
}

/// The first thing that a person should read about an Instrument.
QString remarkOn(const QJsonObject& instrument)
{
    const QJsonArray reasons = healthOf(instrument).value(QLatin1StringView("reasons")).toArray();
    if (!reasons.isEmpty())
        return text(reasons.first().toObject(), "text");
    const QJsonArray drift = instrument.value(QLatin1StringView("drift")).toArray();
    return drift.isEmpty() ? QString{} : shortText(drift.first());
}

QString lifeText(const QJsonObject& instrument)
{
    const QString life = text(instrument, "life");
    const QString desired = text(instrument, "desired");
    const bool asDesired = desired.isEmpty() || desired == life;
    return asDesired ? life : QStringLiteral("%1 (to be %2)").arg(life, desired);
}

QString statusLine(const QString& what, const QJsonObject& health, const QString& rest, const Style& style)
{
    const QString status = text(health, "status");
    return painted(harmless(what), Tone::Heading, style) + QStringLiteral("  ")
        + painted(harmless(status, 20), toneOf(status), style) + (rest.isEmpty() ? QString{} : QStringLiteral("  "))
        + harmless(rest) + QLatin1Char('\n');
}

/// A reason's severity is that of events (1 to 5); where it makes the health, it is called as that is.
QString severityWord(const QJsonValue& severity)
{
    const auto known = severityFromNumber(severity.toInteger());
    if (!known)
        return severity.isString() ? severity.toString() : QString{};
    if (*known >= Severity::Medium)
        return *known == Severity::Medium ? QStringLiteral("WARNING") : QStringLiteral("ERROR");
    const std::string_view name = severityName(*known);
    return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
}

QString reasonsText(const QJsonObject& health, const Style& style)
{
    QString lines;
    const QJsonArray reasons = health.value(QLatin1StringView("reasons")).toArray();
    for (const auto& value : reasons) {
        const QJsonObject reason = value.toObject();
        QString words = text(reason, "source");
        words += (words.isEmpty() ? QString{} : QStringLiteral(": ")) + text(reason, "text");
        if (const QString since = localTime(reason.value(QLatin1StringView("since"))); since != QLatin1StringView("-"))
            words += QStringLiteral(" (since %1)").arg(since);
        const QString severity = severityWord(reason.value(QLatin1StringView("severity")));
        lines += QStringLiteral("  ") + painted(harmless(severity, 20), toneOf(severity), style)
            + (severity.isEmpty() ? QString{} : QStringLiteral("  ")) + harmless(words, 600) + QLatin1Char('\n');
    }
    return lines;
}

QString uplinkText(const QJsonValue& value)
{
    if (!value.isObject())
        return QStringLiteral("-");
    const QJsonObject uplink = value.toObject();
    return QStringLiteral("%1 frames, %2 tokens").arg(orDash(text(uplink, "frames")), orDash(text(uplink, "tokens")));
}

/// The sentence of a self-test, else its figures.
QString whatCameOut(const QJsonObject& result)
{
    const QString sentence = text(result, "text");
    const QJsonObject figures = result.value(QLatin1StringView("result")).toObject();
    return sentence.isEmpty() && !figures.isEmpty() ? shortText(figures) : sentence;
}

Cell stateOfInterface(const QJsonObject& interface)
{
    if (!interface.value(QLatin1StringView("present")).toBool())
        return {QStringLiteral("absent"), Tone::Bad};
    return interface.value(QLatin1StringView("carrier")).toBool() ? Cell{QStringLiteral("up"), Tone::Good}
                                                                  : Cell{QStringLiteral("no carrier"), Tone::Warning};
}

QString interfaceTable(const QJsonArray& interfaces, const Style& style)
{
    TextTable table{{{QStringLiteral("INTERFACE"), 24}, {QStringLiteral("TYPE"), 8}, {QStringLiteral("DEVICE"), 16},
        {QStringLiteral("STATE"), 12}, {QStringLiteral("LEFT THE SENSOR"), 40}, {QStringLiteral("USED BY"), 60},
        {QStringLiteral("PROBLEM"), 240}}};
    for (const auto& value : interfaces) {
        const QJsonObject interface = value.toObject();
        const QString drift = joined(interface.value(QLatin1StringView("drift")), QStringLiteral("; "));
        const QString problem = text(interface, "problem");
        table.add({{text(interface, "name")}, {text(interface, "type")}, {text(interface, "device")},
            stateOfInterface(interface), {uplinkText(interface.value(QLatin1StringView("uplink")))},
            {orDash(joined(interface.value(QLatin1StringView("used_by"))))},
            {problem.isEmpty() ? drift : problem, Tone::Bad}});
    }
    return table.isEmpty() ? QStringLiteral("No interfaces; 'sensorctl interfaces add' makes one of a device\n")
                           : table.text(style);
}

QString attachmentTable(const QJsonArray& attachments, const Style& style)
{
    TextTable table{{{QStringLiteral("INSIDE"), 16}, {QStringLiteral("INTERFACE"), 24}, {QStringLiteral("MAY"), 8},
        {QStringLiteral("ADDRESSING"), 10}, {QStringLiteral("ADDRESSES"), 90}, {QStringLiteral("GATEWAYS"), 60},
        {QStringLiteral("RESOLVERS"), 60}, {QStringLiteral("PROBLEM"), 240}}};
    for (const auto& value : attachments) {
        const QJsonObject one = value.toObject();
        const auto list = [&](const char* key) { return orDash(joined(one.value(QLatin1StringView(key)))); };
        table.add({{text(one, "name")}, {text(one, "interface")}, {list("capabilities")}, {text(one, "addressing")},
            {list("addresses")}, {list("gateways")}, {list("resolvers")}, {text(one, "problem"), Tone::Bad}});
    }
    return table.text(style, QStringLiteral("  "));
}

} // namespace

int rankOf(const QString& status)
{
    return static_cast<int>(std::ranges::find(kStatusOrder, status) - kStatusOrder.begin());
}

bool isStatus(const QString& status)
{
    return std::ranges::find(kStatusOrder, status) != kStatusOrder.end();
}

QString sensorText(const QJsonObject& status, const Style& style)
{
    QString out = statusLine(QStringLiteral("Sensor ") + text(status, "sensor"), healthOf(status),
        QStringLiteral("version %1, up %2")
            .arg(orDash(text(status, "version")), duration(status.value(QLatin1StringView("uptime_s")).toDouble(-1))),
        style);
    out += reasonsText(healthOf(status), style) + QLatin1Char('\n');
    TextTable table{{{QStringLiteral("INSTRUMENT"), 40}, {QStringLiteral("HEALTH"), 10}, {QStringLiteral("LIFE"), 28},
        {QStringLiteral("SINCE"), 25}, {QStringLiteral("RESTARTS"), 10}, {QStringLiteral("CONFIG"), 20},
        {QStringLiteral("REMARK"), 240}}};
    const auto instruments = worstFirst(status.value(QLatin1StringView("instruments")).toArray());
    for (const QJsonObject& one : instruments) {
        const QString health = text(healthOf(one), "status");
        const QJsonObject config = one.value(QLatin1StringView("config")).toObject();
        const bool drifts = config.value(QLatin1StringView("drift")).toBool();
        table.add({{text(one, "name")}, {health, toneOf(health)}, {lifeText(one)},
            {localTime(one.value(QLatin1StringView("since")))}, {text(one, "restarts")},
            {configText(config), drifts ? Tone::Warning : Tone::Plain}, {remarkOn(one)}});
    }
    out += table.isEmpty() ? QStringLiteral("No Instruments; 'sensorctl add' adds one\n") : table.text(style);
    return out + QLatin1Char('\n') + interfaceTable(status.value(QLatin1StringView("interfaces")).toArray(), style);
}

QString instrumentText(const QJsonObject& instrument, const Style& style)
{
    QString out = statusLine(text(instrument, "name"), healthOf(instrument), text(instrument, "title"), style);
    out += reasonsText(healthOf(instrument), style);
    const auto add = [&](const char* what, const QString& value) {
        if (!value.isEmpty())
            out += QStringLiteral("  %1 %2\n").arg(QLatin1StringView(what), -11).arg(harmless(value, 600));
    };
    const QJsonObject config = instrument.value(QLatin1StringView("config")).toObject();
    add("address", text(instrument, "address"));
    add("program", text(instrument, "program"));
    add("version", text(instrument, "program_version"));
    add("life", lifeText(instrument));
    add("since", localTime(instrument.value(QLatin1StringView("since"))));
    add("process", text(instrument, "pid"));
    add("restarts", text(instrument, "restarts"));
    add("last exit", text(instrument, "last_exit"));
    add("connected",
        instrument.value(QLatin1StringView("connected")).toBool() ? QStringLiteral("yes") : QStringLiteral("no"));
    add("config", configText(config));
    add("", text(config, "why"));
    const QJsonArray drift = instrument.value(QLatin1StringView("drift")).toArray();
    for (const auto& sentence : drift)
        add("drift", shortText(sentence));
    const QJsonObject facts = healthOf(instrument).value(QLatin1StringView("facts")).toObject();
    for (auto fact = facts.begin(); fact != facts.end(); ++fact)
        add("fact", fact.key() + QStringLiteral(": ") + shortText(*fact));
    const QJsonArray attachments = instrument.value(QLatin1StringView("interfaces")).toArray();
    return attachments.isEmpty() ? out + QStringLiteral("  no interfaces\n")
                                 : out + attachmentTable(attachments, style);
}

QString interfacesText(const QJsonObject& answer, const Style& style)
{
    QString out = interfaceTable(answer.value(QLatin1StringView("interfaces")).toArray(), style) + QLatin1Char('\n');
    TextTable table{{{QStringLiteral("DEVICE"), 16}, {QStringLiteral("KIND"), 12}, {QStringLiteral("MAC"), 17},
        {QStringLiteral("STATE"), 12}, {QStringLiteral("FREE"), 240}}};
    const QJsonArray devices = answer.value(QLatin1StringView("devices")).toArray();
    for (const auto& value : devices) {
        const QJsonObject device = value.toObject();
        const bool up = device.value(QLatin1StringView("up")).toBool();
        const bool carrier = device.value(QLatin1StringView("carrier")).toBool();
        const bool isFree = device.value(QLatin1StringView("free")).toBool();
        table.add({{text(device, "name")}, {text(device, "kind")}, {orDash(text(device, "mac"))},
            {!up              ? QStringLiteral("down")
                    : carrier ? QStringLiteral("up")
                              : QStringLiteral("no carrier")},
            {isFree ? QStringLiteral("yes") : QStringLiteral("no: ") + text(device, "why_not"),
                isFree ? Tone::Good : Tone::Faint}});
    }
    return out + (table.isEmpty() ? QStringLiteral("No devices\n") : table.text(style));
}

QString healthText(const QString& name, const QJsonObject& health, const Style& style)
{
    QString out = statusLine(name, health, {}, style) + reasonsText(health, style);
    const QJsonObject facts = health.value(QLatin1StringView("facts")).toObject();
    for (auto fact = facts.begin(); fact != facts.end(); ++fact)
        out += QStringLiteral("  %1: %2\n").arg(harmless(fact.key(), 60), harmless(shortText(*fact)));
    return out;
}

QString selfTestText(const QJsonArray& results, const Style& style)
{
    TextTable table{{{QStringLiteral("RESULT"), 8}, {QStringLiteral("NAME"), 40}, {QStringLiteral("TEXT"), 600}}};
    for (const bool passed : {false, true}) { // worst first
        for (const auto& value : results) {
            const QJsonObject result = value.toObject();
            if (result.value(QLatin1StringView("passed")).toBool() == passed)
                table.add(
                    {{passed ? QStringLiteral("passed") : QStringLiteral("FAILED"), passed ? Tone::Good : Tone::Bad},
                        {text(result, "name")}, {whatCameOut(result)}});
        }
    }
    return table.isEmpty() ? QStringLiteral("Nothing could be tested\n") : table.text(style);
}

} // namespace beacon::sensorctl
