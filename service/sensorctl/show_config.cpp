#include "service/sensorctl/plain.h"
#include "service/sensorctl/show.h"

#include "core/event/severity.h"

#include <algorithm>

namespace beacon::sensorctl {

namespace {

QString pointersText(const QJsonValue& changed)
{
    QStringList pointers;
    const QJsonArray array = changed.toArray();
    for (const auto& pointer : array)
        pointers << (pointer.toString().isEmpty() ? QStringLiteral("all") : pointer.toString());
    return pointers.join(QStringLiteral(", "));
}

/// Why a version was given, and what was wrong with it.
QString reasonOf(const QJsonObject& version)
{
    QString reason = version.value(QLatin1StringView("why")).toString();
    const QJsonArray faults = version.value(QLatin1StringView("faults")).toArray();
    if (faults.isEmpty())
        return reason;
    const QJsonObject first = faults.first().toObject();
    if (!reason.isEmpty())
        reason += QStringLiteral("; ");
    reason += QStringLiteral("refused: ")
        + (first.value(QLatin1StringView("pointer")).toString() + QLatin1Char(' ')
            + first.value(QLatin1StringView("text")).toString())
              .trimmed();
    return faults.size() == 1 ? reason : reason + QStringLiteral(", and %1 more").arg(faults.size() - 1);
}

Tone toneOfState(const QString& state)
{
    if (state == QLatin1StringView("current"))
        return Tone::Good;
    if (state == QLatin1StringView("waiting"))
        return Tone::Warning;
    return state == QLatin1StringView("rejected") ? Tone::Bad : Tone::Faint;
}

/// For lines that come one by one: whoever needs more pushes the rest of the line aside.
QString padded(const QString& harmlessText, int columns)
{
    return harmlessText + QString(std::max(0, columns - columnsOf(harmlessText)), QLatin1Char(' '));
}

QString sideText(const QJsonValue& side)
{
    return side.isUndefined() ? QStringLiteral("(none)") : QString::fromUtf8(jsonText(side, false));
}

} // namespace

QString historyText(const QJsonArray& versions, const Style& style)
{
    TextTable table{{{QStringLiteral("VERSION"), 10}, {QStringLiteral("STATE"), 12}, {QStringLiteral("SAVED"), 25},
        {QStringLiteral("WHO"), 32}, {QStringLiteral("CHANGED"), 60}, {QStringLiteral("WHY"), 300}}};
    for (const auto& value : versions) {
        const QJsonObject version = value.toObject();
        const QString state = version.value(QLatin1StringView("state")).toString();
        table.add({{shortText(version.value(QLatin1StringView("version")))}, {state, toneOfState(state)},
            {localTime(version.value(QLatin1StringView("timestamp")))},
            {shortText(version.value(QLatin1StringView("who")))},
            {pointersText(version.value(QLatin1StringView("changed")))}, {reasonOf(version)}});
    }
    return table.isEmpty() ? QStringLiteral("Nothing was saved yet\n") : table.text(style);
}

QString changesText(const QJsonArray& changes, const Style& style)
{
    TextTable table{{{QStringLiteral("KEY"), 60}, {QStringLiteral("FROM"), 60}, {QStringLiteral("TO"), 120}}};
    for (const auto& value : changes) {
        const QJsonObject change = value.toObject();
        const QString pointer = change.value(QLatin1StringView("pointer")).toString();
        table.add({{pointer.isEmpty() ? QStringLiteral("(the whole)") : pointer},
            {sideText(change.value(QLatin1StringView("from"))), Tone::Bad},
            {sideText(change.value(QLatin1StringView("to"))), Tone::Good}});
    }
    return table.text(style);
}

QString appliedText(const QString& target, const QJsonObject& answer)
{
    const QString state = answer.value(QLatin1StringView("state")).toString();
    const QString changed = pointersText(answer.value(QLatin1StringView("changed")));
    const QString version = shortText(answer.value(QLatin1StringView("version")));
    QString sentence;
    if (state == QLatin1StringView("valid"))
        sentence = QStringLiteral("%1 would accept it").arg(target);
    else if (state == QLatin1StringView("applied"))
        sentence = QStringLiteral("version %1 of %2 is in force").arg(version, target);
    else if (state == QLatin1StringView("waiting"))
        sentence = QStringLiteral("version %1 of %2 is saved; it is applied when %2 runs").arg(version, target);
    else
        sentence = QStringLiteral("version %1 of %2 is %3").arg(version, target, state);
    sentence += changed.isEmpty() ? QStringLiteral("; nothing changed") : QStringLiteral("; changed: ") + changed;
    return harmless(sentence, 1'000) + QLatin1Char('\n');
}

QString eventLine(const QJsonObject& event, const Style& style)
{
    const auto severity = severityFromNumber(event.value(QLatin1StringView("severity")).toInteger());
    const std::string_view name = severity ? severityName(*severity) : std::string_view{"-"};
    const Tone tone = !severity || *severity < Severity::Medium ? Tone::Plain
        : *severity == Severity::Medium                         ? Tone::Warning
                                                                : Tone::Bad;
    const auto text = [&](const char* key) { return event.value(QLatin1StringView(key)).toString(); };
    const QString word = QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size())).leftJustified(13);
    const QString line =
        painted(harmless(localTime(event.value(QLatin1StringView("timestamp"))), 40), Tone::Faint, style)
        + QStringLiteral("  ") + painted(word, tone, style) + QStringLiteral("  ")
        + padded(harmless(text("source_instrument"), 80), 18) + QStringLiteral("  ")
        + padded(harmless(text("type"), 120), 40) + QStringLiteral("  ") + harmless(text("message"), 1'024);
    return line + QLatin1Char('\n');
}

QString logLine(const QJsonObject& line, const Style& style)
{
    const QString stream = line.value(QLatin1StringView("stream")).toString();
    const Tone tone = stream == QLatin1StringView("stderr") ? Tone::Warning : Tone::Plain;
    return painted(harmless(localTime(line.value(QLatin1StringView("at"))), 40), Tone::Faint, style)
        + QStringLiteral("  ") + painted(harmless(stream, 10).leftJustified(6), tone, style) + QStringLiteral("  ")
        + harmless(line.value(QLatin1StringView("text")).toString(), 4'096) + QLatin1Char('\n');
}

} // namespace beacon::sensorctl
