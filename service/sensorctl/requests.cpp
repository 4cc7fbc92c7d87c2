#include "service/sensorctl/requests.h"

#include "core/platform/control.h"
#include "service/sensorctl/addressing.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QRegularExpression>

#include <algorithm>
#include <array>
#include <cmath>
#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

namespace method = control::method;

using Made = Outcome<std::vector<QJsonObject>>;

Failure wrong(const QString& sentence)
{
    return {EX_USAGE, sentence + QStringLiteral("; see sensorctl --help")};
}

QString operand(const Values& values, std::size_t at)
{
    return at < values.operands().size() ? QString::fromStdString(values.operands()[at]) : QString{};
}

QString text(const Values& values, const char* option)
{
    return QString::fromStdString(values.text(option));
}

/// Adds a whole number where it is known.
std::optional<Failure> addNumber(QJsonObject& params, const char* key, const Values& values, const char* option)
{
    const auto number = wholeNumber(values, option);
    if (const Failure* failure = failureOf(number))
        return *failure;
    if (const auto& value = std::get<std::optional<qint64>>(number))
        params.insert(QLatin1StringView(key), *value);
    return std::nullopt;
}

/// `word` is "7", or one of `names`.
Outcome<QJsonValue> versionFrom(const QString& word, const QStringList& names)
{
    bool isNumber = false;
    const qlonglong number = word.toLongLong(&isNumber);
    if (isNumber && number >= 0)
        return QJsonValue{number};
    if (names.contains(word))
        return QJsonValue{word};
    return wrong(QStringLiteral("%1 is no version; give a number%2")
                     .arg(word, names.isEmpty() ? QString{} : QStringLiteral(", current or reported")));
}

Made nothing(const Values&)
{
    return std::vector<QJsonObject>{{}};
}

Made maybeName(const Values& values)
{
    const QString name = operand(values, 0);
    return std::vector{name.isEmpty() ? QJsonObject{} : QJsonObject{{QStringLiteral("name"), name}}};
}

Made names(const Values& values)
{
    std::vector<QJsonObject> all;
    for (const std::string& word : values.operands()) {
        const QJsonObject params{{QStringLiteral("name"), QString::fromStdString(word)}};
        if (std::ranges::find(all, params) == all.end())
            all.push_back(params);
    }
    return all;
}

Made added(const Values& values)
{
    static const QRegularExpression kNumbered{QStringLiteral("_[0-9]+\\z")};
    const QString word = operand(values, 0);
    QJsonObject params{{kNumbered.match(word).hasMatch() ? QStringLiteral("name") : QStringLiteral("type"), word}};
    if (values.given("program")) {
        const QString program = text(values, "program");
        params.insert(QStringLiteral("program"),
            program.contains(QLatin1Char('/')) ? QFileInfo{program}.absoluteFilePath() : program);
    }
    const auto attachments = attachmentsFrom(values, values.list("interface"));
    if (const Failure* failure = failureOf(attachments))
        return *failure;
    QJsonArray interfaces;
    for (const QJsonObject& attachment : std::get<std::vector<QJsonObject>>(attachments))
        interfaces.append(attachment);
    if (!interfaces.isEmpty())
        params.insert(QStringLiteral("interfaces"), interfaces);
    if (values.flag("stopped"))
        params.insert(QStringLiteral("running"), false);
    return std::vector{params};
}

Made removed(const Values& values)
{
    QJsonObject params{{QStringLiteral("name"), operand(values, 0)}};
    if (values.command() == "remove" && values.flag("purge"))
        params.insert(QStringLiteral("purge"), true);
    return std::vector{params};
}

Made interfaceAdded(const Values& values)
{
    for (const char* option : {"type", "device"})
        if (!values.given(option))
            return wrong(QStringLiteral("interfaces add needs --type and --device"));
    return std::vector{QJsonObject{{QStringLiteral("name"), operand(values, 0)},
        {QStringLiteral("type"), text(values, "type")}, {QStringLiteral("device"), text(values, "device")}}};
}

Made interfaceGiven(const Values& values)
{
    auto attachments = attachmentsFrom(values, {values.operands()[1]});
    if (auto* all = std::get_if<std::vector<QJsonObject>>(&attachments))
        all->front().insert(QStringLiteral("instrument"), operand(values, 0));
    return attachments;
}

Made interfaceTaken(const Values& values)
{
    return std::vector{
        QJsonObject{{QStringLiteral("instrument"), operand(values, 0)}, {QStringLiteral("name"), operand(values, 1)}}};
}

Made target(const Values& values)
{
    QJsonObject params{{QStringLiteral("target"), operand(values, 0)}};
    const bool hasBase =
        values.command() == "config apply" || values.command() == "config rollback" || values.command() == "config set";
    if (auto failure = hasBase ? addNumber(params, "base", values, "base") : std::nullopt)
        return *std::move(failure);
    if (values.command() == "config history")
        if (auto failure = addNumber(params, "limit", values, "limit"))
            return *std::move(failure);
    if (values.command() == "config apply" && values.flag("check"))
        params.insert(QStringLiteral("check"), true);
    return std::vector{params};
}

Made targetVersion(const Values& values)
{
    auto made = target(values);
    auto* all = std::get_if<std::vector<QJsonObject>>(&made);
    if (all == nullptr || values.operands().size() < 2)
        return made;
    const auto version = versionFrom(operand(values, 1), {});
    if (const Failure* failure = failureOf(version))
        return *failure;
    all->front().insert(QStringLiteral("version"), std::get<QJsonValue>(version));
    return made;
}

Made compared(const Values& values)
{
    QJsonObject params{{QStringLiteral("target"), operand(values, 0)},
        {QStringLiteral("from"), QStringLiteral("reported")}, {QStringLiteral("to"), QStringLiteral("current")}};
    for (std::size_t i = 1; i < values.operands().size(); ++i) {
        const auto version = versionFrom(operand(values, i), {QStringLiteral("current"), QStringLiteral("reported")});
        if (const Failure* failure = failureOf(version))
            return *failure;
        params.insert(i == 1 ? QStringLiteral("from") : QStringLiteral("to"), std::get<QJsonValue>(version));
    }
    return std::vector{params};
}

Made events(const Values& values)
{
    const bool follow = values.flag("follow");
    QJsonObject params{{QStringLiteral("match"), text(values, "match")}};
    if (auto failure = addNumber(params, "severity", values, "severity"))
        return *std::move(failure);
    if (auto failure = addNumber(params, "after", values, "after"))
        return *std::move(failure);
    if (auto failure = addNumber(params, follow ? "history" : "limit", values, "limit"))
        return *std::move(failure);
    if (follow && !values.given("limit")) // a follower wants what comes
        params.insert(QStringLiteral("history"), 0);
    return std::vector{params};
}

Made logs(const Values& values)
{
    QJsonObject params{{QStringLiteral("name"), operand(values, 0)}};
    if (auto failure = addNumber(params, "lines", values, "lines"))
        return *std::move(failure);
    if (values.flag("follow"))
        params.insert(QStringLiteral("follow"), true);
    return std::vector{params};
}

struct Row {
    std::string_view command;
    QLatin1StringView method;
    Made (*make)(const Values&);
    bool changes = false; ///< then --why goes along
};

constexpr auto kRows = std::to_array<Row>({
    {"status", method::kStatus, nothing},
    {"add", method::kAdd, added, true},
    {"remove", method::kRemove, removed, true},
    {"start", method::kStart, names, true},
    {"stop", method::kStop, names, true},
    {"restart", method::kRestart, names, true},
    {"interfaces", method::kInterfaces, nothing},
    {"interfaces add", method::kInterfaceAdd, interfaceAdded, true},
    {"interfaces remove", method::kInterfaceRemove, removed, true},
    {"interfaces give", method::kInterfaceGive, interfaceGiven, true},
    {"interfaces take", method::kInterfaceTake, interfaceTaken, true},
    {"config get", method::kConfigGet, targetVersion},
    {"config edit", method::kConfigApply, target, true},
    {"config set", method::kConfigApply, target, true},
    {"config diff", method::kConfigDiff, compared},
    {"config apply", method::kConfigApply, target, true},
    {"config history", method::kConfigHistory, target},
    {"config rollback", method::kConfigRollback, targetVersion, true},
    {"config schema", method::kConfigSchema, target},
    {"health", method::kHealth, maybeName},
    {"events", method::kEventsRead, events},
    {"logs", method::kLogsRead, logs},
    {"selftest", method::kSelfTest, maybeName},
});

} // namespace

Outcome<Asking> askingOf(const Values& values)
{
    const auto row = std::ranges::find(kRows, values.command(), &Row::command);
    if (row == kRows.end())
        return Failure{
            EX_SOFTWARE, QString::fromStdString(values.command()) + QStringLiteral(" asks a Sensor nothing")};
    auto made = row->make(values);
    if (const Failure* failure = failureOf(made))
        return *failure;
    Asking asking{row->method, std::get<std::vector<QJsonObject>>(std::move(made))};
    if (row->changes && values.given("why"))
        for (QJsonObject& params : asking.params)
            params.insert(QStringLiteral("why"), text(values, "why"));
    if (asking.method == method::kEventsRead && values.flag("follow"))
        asking.method = method::kEventsFollow;
    return asking;
}

Outcome<std::optional<qint64>> wholeNumber(const Values& values, const char* option)
{
    if (values.text(option).empty())
        return std::nullopt;
    const double number = values.number(option);
    if (number < 0 || number > 9e15 || std::floor(number) != number)
        return wrong(QStringLiteral("--%1 must be a whole number, but is %2")
                         .arg(QLatin1StringView(option), text(values, option)));
    return static_cast<qint64>(number);
}

std::chrono::milliseconds patience(const Values& values, QLatin1StringView method)
{
    using std::chrono::seconds;
    if (values.given("timeout"))
        return std::chrono::milliseconds{static_cast<qint64>(values.number("timeout") * 1'000)};
    if (method == method::kSelfTest)
        return seconds{300};
    const auto changes = [](const Row& row) { return row.changes; };
    const auto isIt = [method, changes](const Row& row) { return row.method == method && changes(row); };
    return std::ranges::any_of(kRows, isIt) ? seconds{60} : seconds{10};
}

QString socketPath(const Values& values)
{
    if (values.given("socket"))
        return text(values, "socket");
    const QString fromEnvironment = qEnvironmentVariable("SENSOR_CONTROL");
    return fromEnvironment.isEmpty() ? QString{control::kDefaultSocket} : fromEnvironment;
}

} // namespace beacon::sensorctl
