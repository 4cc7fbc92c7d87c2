#include "service/sensor/configurations.h"

#include "core/event/event.h"
#include "core/instrument/configuration.h"
#include "core/platform/control.h"
#include "core/platform/messages.h"
#include "service/sensor/bounded_answer.h"
#include "service/sensor/document_diff.h"
#include "service/sensor/secrets.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QPointer>

namespace beacon {

using platform::Answer;
using rpc::Code;
using rpc::RpcError;

namespace {

RpcError unknown(const QString& name)
{
    return {Code::InvalidParams,
        QStringLiteral("there is no Instrument %1; 'sensorctl status' lists them").arg(name.left(64))};
}

RpcError fromError(const Error& error)
{
    return {error.code == Errc::BadInput || error.code == Errc::NotFound ? Code::InvalidParams : Code::Internal,
        QString::fromStdString(describe(error))};
}

RpcError refused(const QString& name, const std::vector<Fault>& faults)
{
    QString sentence = QStringLiteral("the configuration of %1 was refused").arg(name);
    if (!faults.empty())
        sentence += QStringLiteral(": %1 %2").arg(
            faults.front().pointer.isEmpty() ? QStringLiteral("it") : faults.front().pointer, faults.front().text);
    return {Code::InvalidParams, sentence, QJsonObject{{QStringLiteral("faults"), toJson(faults)}}};
}

/// What an Instrument finds wrong, with pointers into the document instead of the envelope.
std::vector<Fault> faultsOfAnswer(const QJsonObject& answer)
{
    std::vector<Fault> faults;
    const QJsonArray errors = answer.value(QStringLiteral("errors")).toArray();
    for (const auto& error : errors) {
        if (faults.size() >= Schema::kMaxFaults)
            break;
        constexpr qsizetype kMost = 1'024;
        QString pointer = error[QStringLiteral("pointer")].toString().left(kMost);
        const QLatin1StringView prefix{"/config"};
        if (pointer == prefix || pointer.startsWith(prefix + QLatin1Char('/')))
            pointer.remove(0, prefix.size());
        faults.push_back({pointer, error[QStringLiteral("text")].toString().left(kMost)});
    }
    return faults;
}

QJsonObject head(const ConfigVersion& version)
{
    QJsonObject head{{QStringLiteral("version"), version.version},
        {QStringLiteral("uuid"), version.uuid.toString(QUuid::WithoutBraces)},
        {QStringLiteral("timestamp"), toUnixSeconds(version.at)}, {QStringLiteral("who"), version.who},
        {QStringLiteral("why"), version.why}, {QStringLiteral("state"), stateName(version.state)},
        {QStringLiteral("changed"), QJsonArray::fromStringList(version.changed)}};
    if (!version.faults.empty())
        head.insert(QStringLiteral("faults"), toJson(version.faults));
    return head;
}

} // namespace

Configurations::Configurations(Documents& documents, const Clock& clock, QString sensor, QObject* parent)
    : QObject(parent)
    , m_documents(documents)
    , m_clock(clock)
    , m_sensor(std::move(sensor))
{
}

Configurations::~Configurations() = default;

void Configurations::setTarget(const QString& name, Target target)
{
    Entry& entry = m_entries[name];
    auto schema = Schema::parse(QJsonDocument{target.schema}.toJson(QJsonDocument::Compact));
    entry.schema.reset();
    if (schema)
        entry.schema.emplace(*std::move(schema));
    entry.target = std::move(target);
}

void Configurations::forget(const QString& name)
{
    m_entries.erase(name);
}

const Configurations::Entry* Configurations::find(const QString& name) const
{
    const auto at = m_entries.find(name);
    return at == m_entries.end() ? nullptr : &at->second;
}

std::optional<ConfigVersion> Configurations::desired(const QString& name) const
{
    const auto found = m_documents.desired(name);
    return found ? *found : std::nullopt;
}

QJsonObject Configurations::maskedFor(const QString& name, const QJsonObject& config) const
{
    const Entry* entry = find(name);
    return masked(config, entry == nullptr ? QJsonObject{} : entry->target.schema);
}

void Configurations::apply(const QString& name, const Change& change, platform::Reply reply)
{
    const Entry* entry = find(name);
    if (entry == nullptr)
        return reply(unknown(name));
    if (!entry->schema)
        return reply(RpcError{Code::InvalidParams,
            QStringLiteral("%1 has not said yet what its configuration looks like; see 'sensorctl status %1'")
                .arg(name)});
    const auto before = desired(name);
    std::vector<Fault> faults;
    const QJsonObject config =
        unmasked(change.config, before ? before->config : QJsonObject{}, entry->target.schema, faults);
    if (faults.empty())
        faults = entry->schema->check(config);
    const QStringList changed = changedFrom(before ? before->config : QJsonObject{}, config);
    if (change.check) {
        if (!faults.empty())
            return reply(refused(name, faults));
        return reply(QJsonValue{QJsonObject{{QStringLiteral("version"), before ? before->version : 0},
            {QStringLiteral("changed"), QJsonArray::fromStringList(changed)},
            {QStringLiteral("state"), QStringLiteral("valid")}}});
    }
    const auto proposed = m_documents.propose(name, config, change.base, change.who, change.why, faults);
    if (!proposed) {
        if (proposed.error().code != Errc::Busy || !before)
            return reply(fromError(proposed.error()));
        return reply(RpcError{Code::Busy, QString::fromStdString(describe(proposed.error())),
            QJsonObject{{QStringLiteral("current"), before->version}, {QStringLiteral("who"), before->who},
                {QStringLiteral("timestamp"), toUnixSeconds(before->at)}}});
    }
    if (!faults.empty())
        return tellRejected(name, proposed->version, faults, reply);
    if (proposed->unchanged)
        return reply(QJsonValue{QJsonObject{{QStringLiteral("version"), proposed->version.version},
            {QStringLiteral("changed"), QJsonArray{}}, {QStringLiteral("state"), QStringLiteral("unchanged")}}});
    if (!entry->target.isThere())
        return reply(QJsonValue{QJsonObject{{QStringLiteral("version"), proposed->version.version},
            {QStringLiteral("changed"), QJsonArray::fromStringList(changed)},
            {QStringLiteral("state"), QStringLiteral("waiting")}}});
    send(name, proposed->version, changed, std::move(reply));
}

void Configurations::send(
    const QString& name, const ConfigVersion& version, const QStringList& changed, platform::Reply reply)
{
    Entry& entry = m_entries.at(name);
    entry.sending = true;
    entry.target.send(envelope(name, version),
        [this, guard = QPointer<Configurations>{this}, name, version, changed, reply = std::move(reply)](
            const Answer& answer) {
            if (guard)
                settle(name, version, changed, answer, reply);
        });
}

void Configurations::settle(const QString& name, const ConfigVersion& version, const QStringList& changed,
    const Answer& answer, const platform::Reply& reply)
{
    if (const auto entry = m_entries.find(name); entry != m_entries.end())
        entry->second.sending = false;
    QJsonObject said{{QStringLiteral("version"), version.version},
        {QStringLiteral("changed"), QJsonArray::fromStringList(changed)},
        {QStringLiteral("state"), QStringLiteral("waiting")}};
    if (std::holds_alternative<RpcError>(answer)) // gone, hanging or too busy: it is sent again when it says hello
        return reply(QJsonValue{said});
    const QJsonObject result = std::get<QJsonValue>(answer).toObject();
    if (!result.value(QStringLiteral("applied")).toBool())
        return reject(name, version, faultsOfAnswer(result), reply);
    const auto before = m_documents.current(name);
    if (const auto accepted = m_documents.accept(name, version.version); !accepted)
        return reply(fromError(accepted.error()));
    noteReported(name, version.version);
    Q_EMIT applied(
        name, version.version, before && *before ? std::optional{(*before)->version} : std::nullopt, changed);
    said.insert(QStringLiteral("state"), QStringLiteral("applied"));
    reply(QJsonValue{said});
}

void Configurations::reject(
    const QString& name, const ConfigVersion& version, const std::vector<Fault>& faults, const platform::Reply& reply)
{
    if (const auto kept = m_documents.reject(name, version.version, faults); !kept)
        return reply(fromError(kept.error()));
    tellRejected(name, version, faults, reply);
}

void Configurations::tellRejected(
    const QString& name, const ConfigVersion& version, const std::vector<Fault>& faults, const platform::Reply& reply)
{
    Q_EMIT rejected(name, version.version, toJson(faults));
    reply(refused(name, faults));
}

void Configurations::rollBack(const QString& name, std::optional<qint64> version, Change change, platform::Reply reply)
{
    if (find(name) == nullptr)
        return reply(unknown(name));
    const auto found = version ? m_documents.at(name, *version) : m_documents.before(name);
    if (!found)
        return reply(fromError(found.error()));
    if (!*found)
        return reply(RpcError{Code::InvalidParams,
            version ? QStringLiteral("%1 has no version %2; 'sensorctl config history %1' lists them")
                          .arg(name)
                          .arg(*version)
                    : QStringLiteral("%1 has no earlier version to go back to").arg(name)});
    if ((*found)->state == ConfigVersion::State::Rejected)
        return reply(RpcError{Code::InvalidParams,
            QStringLiteral("version %1 of %2 was refused and was never in force; choose another one")
                .arg((*found)->version)
                .arg(name)});
    change.config = (*found)->config;
    if (change.why.isEmpty())
        change.why = QStringLiteral("back to version %1").arg((*found)->version);
    apply(name, change, std::move(reply));
}

std::optional<ConfigVersion> Configurations::named(const QString& name, const QJsonValue& which) const
{
    const auto take = [](const auto& found) { return found ? *found : std::optional<ConfigVersion>{}; };
    if (which.isDouble())
        return take(m_documents.at(name, which.toInteger()));
    if (which.toString() == QLatin1StringView{"reported"}) {
        const Entry* entry = find(name);
        if (entry != nullptr && entry->reported)
            return take(m_documents.at(name, *entry->reported));
        return take(m_documents.current(name)); // nobody is there: what was in force last
    }
    return desired(name);
}

Answer Configurations::get(const QString& name, std::optional<qint64> version) const
{
    if (find(name) == nullptr)
        return unknown(name);
    const auto found = version ? named(name, *version) : desired(name);
    if (!found && version && *version != 0)
        return RpcError{Code::InvalidParams,
            QStringLiteral("%1 has no version %2; 'sensorctl config history %1' lists them").arg(name).arg(*version)};
    QJsonObject answer = found ? head(*found) : QJsonObject{{QStringLiteral("version"), 0}};
    answer.insert(QStringLiteral("target"), name);
    answer.insert(QStringLiteral("config"), found ? maskedFor(name, found->config) : QJsonObject{});
    return QJsonValue{answer};
}

Answer Configurations::history(const QString& name, int limit) const
{
    if (find(name) == nullptr)
        return unknown(name);
    const auto versions = m_documents.history(name, limit);
    if (!versions)
        return fromError(versions.error());
    QJsonArray list;
    for (const ConfigVersion& version : *versions)
        list.append(head(version));
    QJsonObject answer = boundedAnswer(QStringLiteral("versions"), list, Keep::First);
    answer.insert(QStringLiteral("target"), name);
    return QJsonValue{answer};
}

Answer Configurations::diff(const QString& name, const QJsonValue& from, const QJsonValue& to) const
{
    if (find(name) == nullptr)
        return unknown(name);
    const QJsonValue first = from.isUndefined() || from.isNull() ? QJsonValue{QStringLiteral("reported")} : from;
    const auto before = named(name, first);
    const auto after = named(name, to.isUndefined() || to.isNull() ? QJsonValue{QStringLiteral("current")} : to);
    for (const auto& [which, found] : {std::pair{&from, &before}, {&to, &after}})
        if (which->isDouble() && !*found)
            return RpcError{Code::InvalidParams,
                QStringLiteral("%1 has no version %2; 'sensorctl config history %1' lists them")
                    .arg(name)
                    .arg(which->toInteger())};
    QJsonArray changes;
    // Compared as they are, shown with their secrets masked: a secret that changed shows as masked on both sides.
    for (const DocumentChange& change : maskedDifferences(
             before ? before->config : QJsonObject{}, after ? after->config : QJsonObject{}, find(name)->target.schema))
        changes.append(toJson(change));
    return QJsonValue{QJsonObject{{QStringLiteral("target"), name},
        {QStringLiteral("from"), before ? QJsonValue{before->version} : QJsonValue{}},
        {QStringLiteral("to"), after ? QJsonValue{after->version} : QJsonValue{}},
        {QStringLiteral("changes"), changes}}};
}

Answer Configurations::schemaOf(const QString& name) const
{
    const Entry* entry = find(name);
    if (entry == nullptr)
        return unknown(name);
    return QJsonValue{entry->target.schema};
}

QJsonObject Configurations::envelope(const QString& name, const ConfigVersion& version) const
{
    ConfigDocument document;
    document.target = name + QLatin1Char('@') + m_sensor;
    document.version = version.version;
    document.uuid = version.uuid;
    document.timestamp = version.at;
    document.sourceInstrument = QStringLiteral("sensor@") + m_sensor;
    document.config = version.config;
    return toJson(document);
}

std::optional<QJsonObject> Configurations::envelopeInForce(const QString& name) const
{
    const auto current = m_documents.current(name);
    return current && *current ? std::optional{envelope(name, **current)} : std::nullopt;
}

void Configurations::noteArrived(const QString& name)
{
    const auto wanted = desired(name);
    const auto entry = m_entries.find(name);
    if (entry == m_entries.end() || entry->second.sending || !wanted || wanted->state != ConfigVersion::State::Waiting)
        return;
    const auto current = m_documents.current(name);
    const QStringList changed = changedFrom(current && *current ? (*current)->config : QJsonObject{}, wanted->config);
    send(name, *wanted, changed, [](const Answer&) {});
}

void Configurations::noteReported(const QString& name, qint64 version)
{
    const auto entry = m_entries.find(name);
    if (entry == m_entries.end() || entry->second.reported == version)
        return;
    entry->second.reported = version;
    // One that took it, and was too slow to say so.
    const auto wanted = desired(name);
    if (entry->second.sending || !wanted || wanted->version != version
        || wanted->state != ConfigVersion::State::Waiting)
        return;
    if (const auto accepted = m_documents.accept(name, version); accepted)
        Q_EMIT applied(name, version, std::nullopt, wanted->changed);
}

void Configurations::noteLeft(const QString& name)
{
    if (const auto entry = m_entries.find(name); entry != m_entries.end())
        entry->second.reported.reset();
}

Configurations::Drift Configurations::driftOf(const QString& name) const
{
    Drift drift;
    const Entry* entry = find(name);
    const auto wanted = desired(name);
    drift.desired = wanted ? wanted->version : 0;
    if (entry == nullptr)
        return drift;
    drift.reported = entry->reported;
    if (wanted && wanted->state == ConfigVersion::State::Waiting)
        drift.why = QStringLiteral("version %1 waits until %2 takes it").arg(wanted->version).arg(name);
    else if (drift.reported && *drift.reported != drift.desired)
        drift.why =
            QStringLiteral("%1 runs on version %2 instead of %3").arg(name).arg(*drift.reported).arg(drift.desired);
    return drift;
}

} // namespace beacon
