// control.interface.*: a part of control.h.

#include "service/sensor/control.h"
#include "service/sensor/document_edit.h"

namespace beacon {

namespace {

/// Passes on the answer to a change, with the name that it gave.
platform::Reply replyNaming(std::shared_ptr<QString> name, rpc::Responder responder)
{
    auto shared = std::make_shared<rpc::Responder>(std::move(responder));
    return [name = std::move(name), shared](const platform::Answer& answer) {
        if (const auto* error = std::get_if<rpc::RpcError>(&answer))
            shared->fail(error->code, error->message, error->data);
        else
            shared->answer(QJsonObject{{kNameKey, *name},
                {QStringLiteral("version"), std::get<QJsonValue>(answer)[QStringLiteral("version")]}});
    };
}

} // namespace

void Control::interfaceAdd(Call& call)
{
    const QString name = call.params.value(kNameKey).toString();
    m_sensor.change(
        [&](QJsonObject& document) -> Result<> {
            QJsonArray interfaces = document.value(kInterfacesKey).toArray();
            if (indexOf(interfaces, name) >= 0)
                return wrong(QStringLiteral("there is an interface %1 already; choose another name").arg(name));
            interfaces.append(without(call.params, {"why", "base"}));
            document.insert(kInterfacesKey, interfaces);
            return {};
        },
        changeFor(changeOf(call), QStringLiteral("add interface %1").arg(name)), replyTo(std::move(call.responder)));
}

void Control::interfaceRemove(Call& call)
{
    const QString name = call.params.value(kNameKey).toString();
    if (const QStringList users = m_sensor.document().usersOf(name); !users.isEmpty()) {
        call.responder.fail(rpc::Code::InvalidParams,
            QStringLiteral("%1 is in use by %2; take it away there first, with 'sensorctl interfaces take'")
                .arg(name, users.join(QStringLiteral(", "))));
        return;
    }
    m_sensor.change([&](QJsonObject& document) { return removeNamed(document, kInterfacesKey, name); },
        changeFor(changeOf(call), QStringLiteral("remove interface %1").arg(name)), replyTo(std::move(call.responder)));
}

void Control::interfaceGive(Call& call)
{
    const InstrumentRun* run = instrumentOf(call, QLatin1StringView{"instrument"});
    if (run == nullptr)
        return;
    const QString interface = call.params.value(QStringLiteral("interface")).toString();
    const auto name = std::make_shared<QString>();
    m_sensor.change(
        [&](QJsonObject& document) {
            return editNamed(document, kInstrumentsKey, run->spec().name, [&](QJsonObject& instrument) -> Result<> {
                QJsonArray interfaces = instrument.value(kInterfacesKey).toArray();
                const QJsonObject given = withName(without(call.params, {"why", "base", "instrument"}), interfaces);
                *name = given.value(kNameKey).toString();
                const Manifest* manifest = m_sensor.manifestOf(run->spec().name);
                const auto fit =
                    manifest != nullptr ? fitted(given, *manifest, m_sensor.document()) : Result<QJsonObject>{given};
                if (!fit)
                    return fit.error();
                interfaces.append(*fit);
                instrument.insert(kInterfacesKey, interfaces);
                return {};
            });
        },
        changeFor(changeOf(call), QStringLiteral("give %1 to %2").arg(interface, run->spec().name)),
        replyNaming(name, std::move(call.responder)));
}

void Control::interfaceTake(Call& call)
{
    const InstrumentRun* run = instrumentOf(call, QLatin1StringView{"instrument"});
    if (run == nullptr)
        return;
    const QString name = call.params.value(kNameKey).toString();
    m_sensor.change(
        [&](QJsonObject& document) {
            return editNamed(document, kInstrumentsKey, run->spec().name,
                [&](QJsonObject& instrument) { return removeNamed(instrument, kInterfacesKey, name); });
        },
        changeFor(changeOf(call), QStringLiteral("take %1 from %2").arg(name, run->spec().name)),
        replyNaming(std::make_shared<QString>(name), std::move(call.responder)));
}

} // namespace beacon
