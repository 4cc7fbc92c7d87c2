// How a configuration comes into force, from the platform or from a file: a part of skeleton.h.

#include "core/instrument/skeleton_private.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace beacon {

using platform::Answer;
using rpc::Code;
using rpc::RpcError;

namespace {

QString sentenceOf(const std::vector<Fault>& faults)
{
    if (faults.empty())
        return {};
    const Fault& first = faults.front();
    QString text = first.pointer + (first.pointer.isEmpty() ? QString{} : QStringLiteral(" ")) + first.text;
    if (faults.size() > 1)
        text += QStringLiteral(" (and %1 more)").arg(faults.size() - 1);
    return text;
}

} // namespace

void Skeleton::applyFile(const std::variant<std::string, std::vector<Complaint>>& read)
{
    if (const auto* complaints = std::get_if<std::vector<Complaint>>(&read))
        reject(faultsFrom(*complaints));
    else
        (void)applyLocal(QJsonDocument::fromJson(QByteArray::fromStdString(std::get<std::string>(read))).object());
}

std::vector<Fault> Skeleton::applyLocal(const QJsonObject& config)
{
    if (d->inForce && d->inForce->document() && d->schema->withDefaults(config) == d->inForce->config()) {
        clear(Reason::ConfigRejected);
        d->announceApplied({configVersion(), configVersion(), {}, true});
        return {};
    }
    ConfigDocument document;
    document.target = d->source.identity().instrument;
    document.version = configVersion() + 1;
    document.uuid = d->source.takeUuid();
    document.timestamp = d->clock.wall();
    document.sourceInstrument = document.target;
    document.config = config;
    std::vector<Fault> faults;
    (void)d->apply(toJson(document), &faults);
    return faults;
}

void Skeleton::reject(const std::vector<Fault>& faults)
{
    d->announceRejected(faults, std::nullopt);
}

const QJsonObject& Skeleton::config() const
{
    static const QJsonObject none;
    return d->inForce ? d->inForce->config() : none;
}
qint64 Skeleton::configVersion() const
{
    return d->inForce && d->inForce->document() ? d->inForce->document()->version : 0;
}

void Skeleton::Private::takeDefaults()
{
    if (defaultsTaken || !schema)
        return;
    auto faults = schema->check({});
    if (faults.empty() && handlers.check)
        faults = handlers.check(schema->withDefaults({}));
    if (!faults.empty()) {
        q->raise(Reason::ConfigMissing, "the platform has none for us, and " + sentenceOf(faults).toStdString());
        return;
    }
    defaultsTaken = true;
    const QJsonObject defaults = schema->withDefaults({});
    if (handlers.configure)
        handlers.configure(defaults, defaults.keys());
}

Answer Skeleton::Private::apply(const QJsonObject& envelope, std::vector<Fault>* told)
{
    if (!inForce)
        return RpcError{Code::Internal, QStringLiteral("this Instrument's own configuration schema is broken")};
    const auto outcome = inForce->apply(envelope);
    if (const auto* faults = std::get_if<std::vector<Fault>>(&outcome)) {
        const QJsonValue version = envelope.value(QStringLiteral("version"));
        announceRejected(*faults, version.isDouble() ? std::optional{version.toInteger()} : std::nullopt);
        if (told != nullptr)
            *told = *faults;
        return QJsonValue{QJsonObject{{QStringLiteral("applied"), false}, {QStringLiteral("errors"), toJson(*faults)}}};
    }
    auto applied = std::get<ConfigurationInForce::Applied>(outcome);
    q->clear(Reason::ConfigRejected);
    q->clear(Reason::ConfigMissing);
    if (!applied.repeated) {
        if (!applied.previous && defaultsTaken) // what differs from the defaults that we ran on
            applied.changed = changedFrom(schema->withDefaults({}), inForce->config());
        defaultsTaken = false;
        if (handlers.configure)
            handlers.configure(inForce->config(), applied.changed);
        announceApplied(applied);
    }
    return QJsonValue{QJsonObject{{QStringLiteral("applied"), true}, {QStringLiteral("version"), applied.version},
        {QStringLiteral("changed_keys"), QJsonArray::fromStringList(applied.changed)}}};
}

void Skeleton::Private::announceApplied(const ConfigurationInForce::Applied& applied)
{
    q->publish(source.make(EventId::ConfigApplied,
        applied.previous && applied.changed.isEmpty() ? QStringLiteral("Configuration saved again: nothing changed")
                                                      : QStringLiteral("Configuration in force"),
        {{QStringLiteral("version"), applied.version},
            {QStringLiteral("previous"), applied.previous ? QJsonValue{*applied.previous} : QJsonValue{}},
            {QStringLiteral("changed_keys"), QJsonArray::fromStringList(applied.changed)}}));
}

void Skeleton::Private::announceRejected(const std::vector<Fault>& faults, std::optional<qint64> version)
{
    const qint64 before = q->configVersion();
    q->raise(
        before > 0 || defaultsTaken ? Reason::ConfigRejected : Reason::ConfigMissing, sentenceOf(faults).toStdString());
    QJsonObject data{{QStringLiteral("errors"), toJson(faults)},
        {QStringLiteral("previous"), before > 0 ? QJsonValue{before} : QJsonValue{}}};
    if (version)
        data.insert(QStringLiteral("version"), *version);
    q->publish(source.make(
        EventId::ConfigRejected, QStringLiteral("Configuration rejected; the earlier one stays in force"), data));
}

} // namespace beacon
