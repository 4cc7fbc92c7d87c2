#include "service/instrument/journal.h"

#include "core/base/log.h"

namespace beacon {

namespace {

JournalWriter::Options optionsFor(qint64 maxBytes)
{
    JournalWriter::Options options;
    options.maxBytes = maxBytes;
    return options;
}

} // namespace

Journal::Journal(const std::string& stateDir, qint64 maxBytes, const Clock& clock, const OnTrouble& onTrouble)
    : m_writer(QString::fromStdString(stateDir + "/journal.sqlite"), clock, optionsFor(maxBytes))
{
    QObject::connect(
        &m_writer, &JournalWriter::failed, &m_writer, [onTrouble](const Error& error) { onTrouble(error); });
    QObject::connect(&m_writer, &JournalWriter::recovered, &m_writer, [onTrouble](quint64 dropped) {
        log::notice("the journal is written again", {{"dropped", std::to_string(dropped)}});
        onTrouble(std::nullopt);
    });
    QObject::connect(&m_writer, &JournalWriter::damaged, &m_writer, [](const QString& setAside) {
        log::warning("the journal was damaged; a new one is begun", {{"kept", setAside.toStdString()}});
    });
    m_writer.start();
}

void Journal::append(admin::Entry entry, WallTime at)
{
    JournalEntry kept;
    kept.id = static_cast<qint64>(entry.seq);
    kept.at = at;
    kept.priority = entry.priority;
    kept.isEvent = entry.isEvent;
    kept.severity = number(entry.severity);
    kept.type = std::move(entry.type);
    kept.json = std::move(entry.json);
    m_writer.append(std::move(kept));
}

void Journal::append(const Event& event)
{
    append(admin::entryOf(event), event.timestamp);
}

void Journal::appendLine(std::string_view object, WallTime at, quint64 seq, bool priority)
{
    if (admin::Entry entry = admin::entryOf(object, at, seq, priority); !entry.json.isEmpty())
        append(std::move(entry), at);
}

std::vector<admin::Entry> Journal::between(quint64 after, quint64 before) const
{
    std::vector<admin::Entry> entries;
    for (JournalEntry& kept : m_writer.between(after, before, kMostOlder))
        entries.push_back({static_cast<quint64>(kept.id), kept.priority, kept.isEvent,
            severityFromNumber(kept.severity).value_or(Severity::Informational), std::move(kept.type),
            std::move(kept.json)});
    return entries;
}

std::vector<QByteArray> Journal::last(int most) const
{
    std::vector<QByteArray> lines;
    for (JournalEntry& kept : m_writer.last(most))
        lines.push_back(std::move(kept.json));
    return lines;
}

} // namespace beacon
