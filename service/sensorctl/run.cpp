#include "service/sensorctl/run.h"

#include "core/options/completion.h"
#include "core/platform/control.h"
#include "service/sensorctl/assign.h"
#include "service/sensorctl/document_file.h"
#include "service/sensorctl/plain.h"
#include "service/sensorctl/show.h"
#include "service/sensorctl/table.h"

#include <QJsonArray>

#include <algorithm>
#include <array>
#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

namespace method = control::method;

QString operand(const Session& session, std::size_t at)
{
    const auto& operands = session.values().operands();
    return at < operands.size() ? QString::fromStdString(operands[at]) : QString{};
}

/// A command that is one request: what its answer looks like to a person, and what it means for the exit code.
struct Shown {
    QString text;
    int exitCode = EX_OK;
};

int healthExit(const QJsonObject& health)
{
    const QString status = health.value(QLatin1StringView("status")).toString();
    return status == QLatin1StringView("ERROR") ? kBadFinding : EX_OK;
}

Shown showAdded(Session&, const QJsonObject& answer)
{
    return {harmless(QStringLiteral("%1 was added").arg(shortText(answer.value(QLatin1StringView("name")))))
        + QLatin1Char('\n')};
}

Shown showRemoved(Session& session, const QJsonObject& answer)
{
    const QString kept = answer.value(QLatin1StringView("kept")).toString();
    QString text = operand(session, 0) + QStringLiteral(" was removed");
    if (!kept.isEmpty())
        text += QStringLiteral("; its storage is kept in ") + kept;
    return {harmless(text, 1'000) + QLatin1Char('\n')};
}

Shown showInterfaces(Session& session, const QJsonObject& answer)
{
    return {interfacesText(answer, session.output().style())};
}

Shown showInterfaceAdded(Session& session, const QJsonObject&)
{
    return {harmless(operand(session, 0) + QStringLiteral(" is an interface of the Sensor")) + QLatin1Char('\n')};
}

Shown showInterfaceRemoved(Session& session, const QJsonObject&)
{
    return {harmless(operand(session, 0) + QStringLiteral(" is the host's again")) + QLatin1Char('\n')};
}

Shown showInterfaceGiven(Session& session, const QJsonObject& answer)
{
    const QString inside = answer.value(QLatin1StringView("name")).toString();
    QString text = operand(session, 0) + QStringLiteral(" has ") + operand(session, 1).section(QLatin1Char(':'), 0, 0);
    if (!inside.isEmpty())
        text += QStringLiteral(" as ") + inside;
    return {harmless(text) + QLatin1Char('\n')};
}

Shown showInterfaceTaken(Session& session, const QJsonObject&)
{
    return {
        harmless(operand(session, 0) + QStringLiteral(" has no longer ") + operand(session, 1)) + QLatin1Char('\n')};
}

Shown showConfig(Session&, const QJsonObject& answer)
{
    return {QString::fromUtf8(jsonText(answer.value(QLatin1StringView("config")), true)) + QLatin1Char('\n')};
}

Shown showDiff(Session& session, const QJsonObject& answer)
{
    const QJsonArray changes = answer.value(QLatin1StringView("changes")).toArray();
    if (!changes.isEmpty())
        return {changesText(changes, session.output().style()), kBadFinding};
    return {session.values().operands().size() == 1 ? QStringLiteral("no drift\n") : QStringLiteral("no difference\n")};
}

Shown showApplied(Session& session, const QJsonObject& answer)
{
    return {appliedText(operand(session, 0), answer)};
}

Shown showHistory(Session& session, const QJsonObject& answer)
{
    return {historyText(answer.value(QLatin1StringView("versions")).toArray(), session.output().style())};
}

Shown showSchema(Session&, const QJsonObject& answer)
{
    return {QString::fromUtf8(jsonText(answer, true)) + QLatin1Char('\n')};
}

Shown showHealth(Session& session, const QJsonObject& answer)
{
    const QString name = operand(session, 0);
    return {healthText(name.isEmpty() ? QStringLiteral("Sensor") : name, answer, session.output().style()),
        healthExit(answer)};
}

Shown showEvents(Session& session, const QJsonObject& answer)
{
    Shown shown;
    const QJsonArray events = answer.value(QLatin1StringView("events")).toArray();
    for (const auto& event : events)
        shown.text += eventLine(event.toObject(), session.output().style());
    return shown;
}

Shown showLogs(Session& session, const QJsonObject& answer)
{
    Shown shown;
    const QJsonArray lines = answer.value(QLatin1StringView("lines")).toArray();
    for (const auto& line : lines)
        shown.text += logLine(line.toObject(), session.output().style());
    return shown;
}

Shown showSelfTest(Session& session, const QJsonObject& answer)
{
    const QJsonArray results = answer.value(QLatin1StringView("results")).toArray();
    const bool passed = !results.isEmpty() && std::ranges::all_of(results, [](const QJsonValue& result) {
        return result.toObject().value(QLatin1StringView("passed")).toBool();
    });
    return {selfTestText(results, session.output().style()), passed ? EX_OK : kBadFinding};
}

struct Row {
    std::string_view command;
    Shown (*show)(Session&, const QJsonObject&);
};

constexpr auto kRows = std::to_array<Row>({
    {"add", showAdded},
    {"remove", showRemoved},
    {"interfaces", showInterfaces},
    {"interfaces add", showInterfaceAdded},
    {"interfaces remove", showInterfaceRemoved},
    {"interfaces give", showInterfaceGiven},
    {"interfaces take", showInterfaceTaken},
    {"config get", showConfig},
    {"config set", showApplied},
    {"config diff", showDiff},
    {"config apply", showApplied},
    {"config history", showHistory},
    {"config rollback", showApplied},
    {"config schema", showSchema},
    {"health", showHealth},
    {"events", showEvents},
    {"logs", showLogs},
    {"selftest", showSelfTest},
});

/// The document that a command sends along, put into its request.
std::optional<Failure> addDocument(Session& session, QJsonObject& params)
{
    const Values& values = session.values();
    const bool isApply = values.command() == "config apply";
    if (isApply || (values.command() == "add" && values.given("config"))) {
        const QString path = isApply ? operand(session, 1) : QString::fromStdString(values.text("config"));
        const auto text = readInput(path);
        if (const Failure* failure = failureOf(text))
            return *failure;
        const auto document = parseDocument(std::get<QByteArray>(text), path);
        if (const Failure* failure = failureOf(document))
            return *failure;
        params.insert(QStringLiteral("config"), std::get<QJsonObject>(document));
    } else if (values.command() == "config set") {
        const auto got = session.ask(method::kConfigGet, {{QStringLiteral("target"), operand(session, 0)}});
        if (const Failure* failure = failureOf(got))
            return *failure;
        const QJsonObject& current = std::get<QJsonObject>(got);
        const auto document = assigned(current.value(QLatin1StringView("config")).toObject(),
            {values.operands().begin() + 1, values.operands().end()});
        if (const Failure* failure = failureOf(document))
            return *failure;
        params.insert(QStringLiteral("config"), std::get<QJsonObject>(document));
        if (!params.contains(QLatin1StringView("base")))
            params.insert(QStringLiteral("base"), current.value(QLatin1StringView("version")));
    }
    return std::nullopt;
}

/// Asks for less where an answer would be too large for the protocol: the newest are the ones that matter.
Outcome<QJsonObject> askForWhatFits(Session& session, QLatin1StringView method, QJsonObject params)
{
    const bool isLog = method == method::kLogsRead;
    const QString key = isLog ? QStringLiteral("lines") : QStringLiteral("limit");
    for (qint64 wanted = params.value(key).toInteger();; wanted /= 2) {
        if (params.contains(key))
            params.insert(key, wanted);
        auto answer = session.ask(method, params);
        const Failure* const failure = failureOf(answer);
        const bool isTooLarge = failure != nullptr && failure->answer && failure->answer->code == rpc::Code::TooLarge;
        if (!isTooLarge || wanted < 2 || !params.contains(key))
            return answer;
    }
}

int runOne(Session& session, const Row& row, Asking asking)
{
    Output& output = session.output();
    if (const auto failure = addDocument(session, asking.params.front()))
        return output.complain(*failure);
    const auto answer = askForWhatFits(session, asking.method, asking.params.front());
    if (const Failure* failure = failureOf(answer))
        return output.complain(*failure);
    const QJsonObject& result = std::get<QJsonObject>(answer);
    if (row.command == "health" && !isStatus(result.value(QLatin1StringView("status")).toString()))
        return output.complain(notASensor(QStringLiteral("the health is none that there is")));
    const Shown shown = row.show(session, result);
    if (output.json())
        output.document(result);
    else
        output.text(shown.text);
    return shown.exitCode;
}

int runStatus(Session& session, const Asking& asking)
{
    Output& output = session.output();
    const auto answer = session.ask(asking.method, asking.params.front());
    if (const Failure* failure = failureOf(answer))
        return output.complain(*failure);
    const QJsonObject& status = std::get<QJsonObject>(answer);
    const QString name = operand(session, 0);
    QJsonObject shown = status;
    if (!name.isEmpty()) {
        const QJsonArray instruments = status.value(QLatin1StringView("instruments")).toArray();
        const auto found = std::find_if(instruments.begin(), instruments.end(), [&](const QJsonValue& one) {
            const QJsonObject instrument = one.toObject();
            return instrument.value(QLatin1StringView("name")).toString() == name
                || instrument.value(QLatin1StringView("address")).toString() == name;
        });
        if (found == instruments.end())
            return output.complain(
                {EX_DATAERR, QStringLiteral("there is no Instrument %1; 'sensorctl status' lists them").arg(name)});
        shown = found->toObject();
    }
    const QJsonObject health = shown.value(QLatin1StringView("health")).toObject();
    if (!isStatus(health.value(QLatin1StringView("status")).toString()))
        return output.complain(notASensor(QStringLiteral("the health is none that there is")));
    if (output.json())
        output.document(shown);
    else
        output.text(name.isEmpty() ? sensorText(shown, output.style()) : instrumentText(shown, output.style()));
    return healthExit(health);
}

/// start, stop, restart: all at once; one that fails does not keep the others from it.
int runAll(Session& session, const Asking& asking)
{
    Output& output = session.output();
    const auto answers = session.askAll(asking);
    QJsonArray all;
    int exitCode = EX_OK;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        QJsonObject one{{QStringLiteral("name"), asking.params[i].value(QLatin1StringView("name"))}};
        const QString name = one.value(QLatin1StringView("name")).toString();
        if (const Failure* failure = failureOf(answers[i])) {
            remark(name + QStringLiteral(": ") + failure->sentence);
            exitCode = exitCode == EX_OK ? failure->exitCode : exitCode;
            one.insert(QStringLiteral("error"), failure->sentence);
        } else {
            const QString life = std::get<QJsonObject>(answers[i]).value(QLatin1StringView("life")).toString();
            one = std::get<QJsonObject>(answers[i]);
            if (!output.json())
                output.text(harmless(QStringLiteral("%1 is %2").arg(name, life)) + QLatin1Char('\n'));
        }
        all.append(one);
    }
    if (output.json())
        output.document(QJsonObject{{QStringLiteral("instruments"), all}});
    return exitCode;
}

int runCommand(Session& session)
{
    const std::string& command = session.values().command();
    if (command == "config edit")
        return editConfig(session);
    auto made = askingOf(session.values());
    if (const Failure* failure = failureOf(made))
        return session.output().complain(*failure);
    Asking asking = std::get<Asking>(std::move(made));
    if (command == "status")
        return runStatus(session, asking);
    if (command == "start" || command == "stop" || command == "restart")
        return runAll(session, asking);
    if ((command == "events" || command == "logs") && session.values().flag("follow"))
        return follow(session);
    const auto row = std::ranges::find(kRows, command, &Row::command);
    return row == kRows.end() ? EX_SOFTWARE : runOne(session, *row, std::move(asking));
}

} // namespace

int run(const Values& values)
{
    if (values.given("complete"))
        return listNames(values);
    Session session{values};
    if (values.command() == "completion") {
        session.output().text(QString::fromStdString(bashCompletion(program())));
        return session.output().exitCode(EX_OK);
    }
    const int exitCode = runCommand(session);
    return session.output().exitCode(exitCode);
}

} // namespace beacon::sensorctl
