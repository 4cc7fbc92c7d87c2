#include "service/sensorctl/run.h"

#include "core/platform/control.h"
#include "service/sensorctl/document_file.h"
#include "service/sensorctl/editor.h"
#include "service/sensorctl/plain.h"
#include "service/sensorctl/show.h"

#include <QJsonArray>

#include <cstdio>
#include <sysexits.h>
#include <unistd.h>

namespace beacon::sensorctl {

namespace {

namespace method = control::method;

/// Whether the person wants to go on. Without a terminal nobody can be asked.
bool wantsToEditAgain()
{
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0)
        return false;
    std::fputs("Edit it again? [Y/n] ", stderr);
    char answer[64];
    if (std::fgets(answer, sizeof answer, stdin) == nullptr)
        return false;
    return answer[0] == '\n' || answer[0] == 'y' || answer[0] == 'Y';
}

int keptWith(Session& session, EditedFile& file, const Failure& failure)
{
    const int code = session.output().complain(failure);
    file.keep();
    remark(QStringLiteral("what you wrote is kept in ") + file.path());
    return code;
}

/// One try to save what stands in the file.
Outcome<QJsonObject> save(Session& session, const EditedFile& file, QJsonObject params, const QJsonObject& before)
{
    const auto text = file.text();
    if (const Failure* failure = failureOf(text))
        return *failure;
    const auto document = parseDocument(std::get<QByteArray>(text), file.path());
    if (const Failure* failure = failureOf(document))
        return *failure;
    if (std::get<QJsonObject>(document) == before)
        return QJsonObject{};
    params.insert(QStringLiteral("config"), std::get<QJsonObject>(document));
    session.disconnect(); // the editor may have been open for hours
    return session.ask(method::kConfigApply, params);
}

/// Whether the person can mend it in the editor.
bool isAboutTheText(const Failure& failure)
{
    return failure.exitCode == EX_DATAERR;
}

int tell(Session& session, const QString& target, const QJsonObject& answer)
{
    Output& output = session.output();
    if (answer.isEmpty()) {
        if (output.json())
            output.document(QJsonObject{{QStringLiteral("state"), QStringLiteral("unchanged")}});
        else
            output.text(QStringLiteral("nothing changed, so nothing was saved\n"));
    } else if (output.json()) {
        output.document(answer);
    } else {
        output.text(appliedText(target, answer));
    }
    return EX_OK;
}

} // namespace

int editConfig(Session& session)
{
    Output& output = session.output();
    const auto asking = askingOf(session.values());
    if (const Failure* failure = failureOf(asking))
        return output.complain(*failure);
    QJsonObject params = std::get<Asking>(asking).params.front();
    const QString target = params.value(QLatin1StringView("target")).toString();
    const auto got = session.ask(method::kConfigGet, {{QStringLiteral("target"), target}});
    if (const Failure* failure = failureOf(got))
        return output.complain(*failure);
    const QJsonObject& current = std::get<QJsonObject>(got);
    const QJsonObject before = current.value(QLatin1StringView("config")).toObject();
    params.insert(QStringLiteral("base"), current.value(QLatin1StringView("version")));
    session.disconnect();
    auto made = EditedFile::make(target, jsonText(before, true) + '\n');
    if (const Failure* failure = failureOf(made))
        return output.complain(*failure);
    EditedFile& file = std::get<EditedFile>(made);
    for (;;) {
        if (const auto failure = file.edit()) {
            const auto text = file.text(); // what an editor wrote before it failed is somebody's work
            const bool untouched =
                failureOf(text) == nullptr && std::get<QByteArray>(text) == jsonText(before, true) + '\n';
            return untouched ? output.complain(*failure) : keptWith(session, file, *failure);
        }
        const auto saved = save(session, file, params, before);
        const Failure* failure = failureOf(saved);
        if (failure == nullptr)
            return tell(session, target, std::get<QJsonObject>(saved));
        if (!isAboutTheText(*failure))
            return keptWith(session, file, *failure);
        if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0)
            return keptWith(session, file, *failure);
        (void)output.complain(*failure);
        if (!wantsToEditAgain()) {
            file.keep();
            remark(QStringLiteral("what you wrote is kept in ") + file.path());
            return failure->exitCode;
        }
    }
}

} // namespace beacon::sensorctl
