// control.add to control.interface.take: a part of control.h.

#include "core/platform/control.h"
#include "service/sensor/control.h"
#include "service/sensor/document_edit.h"
#include "service/sensor/room_command.h"

#include <QFileInfo>
#include <QPointer>

namespace beacon {

namespace {

using rpc::Code;
using rpc::RpcError;

/// Of a type that this project knows; others say --program.
QString usualProgram(const QString& type)
{
    return type == QLatin1StringView{"beacon"} ? QStringLiteral("beacon-instrument") : QStringLiteral("beacon-") + type;
}

} // namespace

/// What control.add has found out so far.
struct Control::Adding {
    rpc::Responder responder;
    Configurations::Change by;
    QString name, program;
    int slot = 0;
    QJsonArray interfaces;
    std::optional<QJsonObject> config;
    bool running = true;
    std::shared_ptr<void> reserved; ///< name and slot, until it is answered
};

void Control::add(Call& call)
{
    const SensorDocument& document = m_sensor.document();
    auto adding =
        std::make_shared<Adding>(Adding{std::move(call.responder), changeOf(call), {}, {}, 0, {}, {}, true, {}});
    call.responder = rpc::Responder{nullptr, 0};
    const auto say = [&](const QString& why) { adding->responder.fail(Code::InvalidParams, why); };
    adding->name = nameIn(call.params, QLatin1StringView{"name"});
    QString type = call.params.value(QStringLiteral("type")).toString();
    if (adding->name.isEmpty() && type.isEmpty())
        return say(QStringLiteral("say what to add: a type, as in 'sensorctl add beacon'"));
    if (adding->name.isEmpty())
        adding->name = nextName(type);
    const auto named = instrumentName(adding->name);
    if (!named)
        return say(QStringLiteral("%1 is no name of an Instrument; write its type and a number, as in beacon_0")
                       .arg(adding->name.left(64)));
    if (type.isEmpty())
        type = named->type;
    if (m_sensor.find(adding->name) != nullptr || m_adding.contains(adding->name))
        return say(QStringLiteral("there is an Instrument %1 already; choose another number").arg(adding->name));
    adding->program = call.params.value(QStringLiteral("program")).toString();
    if (adding->program.isEmpty())
        adding->program = m_sensor.settings().programs + QLatin1Char('/') + usualProgram(type);
    else if (!adding->program.contains(QLatin1Char('/')))
        adding->program.prepend(m_sensor.settings().programs + QLatin1Char('/'));
    if (!QFileInfo{adding->program}.isExecutable() || !adding->program.startsWith(QLatin1Char('/')))
        return say(QStringLiteral("%1 is no program to run; name one by its absolute path, as --program")
                       .arg(adding->program.left(256)));
    std::set<int> taken = m_sensor.takenSlots();
    for (const auto& [name, reserved] : m_adding)
        taken.insert(reserved);
    const auto slot = document.nextSlot(taken);
    if (!slot)
        return say(QStringLiteral("there are %1 Instruments; remove one").arg(SensorDocument::kMaxSlot + 1));
    adding->slot = *slot;
    m_adding.emplace(adding->name, adding->slot);
    adding->reserved = std::shared_ptr<void>(nullptr, [control = QPointer<Control>{this}, name = adding->name](void*) {
        if (control)
            control->m_adding.erase(name);
    });
    for (const auto& attachment : call.params.value(kInterfacesKey).toArray())
        adding->interfaces.append(withName(attachment.toObject(), adding->interfaces));
    if (call.params.value(QStringLiteral("config")).isObject())
        adding->config = call.params.value(QStringLiteral("config")).toObject();
    adding->running = call.params.value(QStringLiteral("running")).toBool(true);

    const InstrumentPaths paths{m_sensor.settings(), adding->name, adding->slot};
    m_sensor.asking().ask<Result<QByteArray>>(
        this,
        [settings = m_sensor.settings(), paths, program = adding->program]() -> Result<QByteArray> {
            if (auto made = makeRoom(settings, paths); !made)
                return made.error();
            auto manifest = askManifest(settings, paths, program);
            const auto dropped = dropRoom(settings, paths);
            return !manifest || dropped ? manifest : dropped.error();
        },
        [this, adding, type](const Result<QByteArray>& said) {
            const auto manifest = said ? manifestFromJson(*said) : Result<Manifest>{said.error()};
            if (!manifest)
                adding->responder.fail(Code::InvalidParams,
                    QStringLiteral("%1 cannot be added: %2")
                        .arg(adding->program, QString::fromStdString(describe(manifest.error()))));
            else if (manifest->type != type)
                adding->responder.fail(Code::InvalidParams,
                    QStringLiteral("%1 is an Instrument of type %2, not %3")
                        .arg(adding->program, manifest->type, type));
            else
                addKnown(adding, *manifest);
        });
}

QString Control::nextName(const QString& type) const
{
    int number = m_sensor.document().nextNumber(type);
    const auto isTaken = [&](const QString& name) { return m_sensor.find(name) != nullptr || m_adding.contains(name); };
    while (isTaken(QStringLiteral("%1_%2").arg(type).arg(number)))
        ++number;
    return QStringLiteral("%1_%2").arg(type).arg(number);
}

void Control::addKnown(const std::shared_ptr<Adding>& adding, const Manifest& manifest)
{
    if (m_sensor.find(adding->name) != nullptr) { // somebody else was faster
        adding->responder.fail(Code::InvalidParams,
            QStringLiteral("there is an Instrument %1 already; choose another number").arg(adding->name));
        return;
    }
    for (qsizetype i = 0; i < adding->interfaces.size(); ++i) {
        const auto fit = fitted(adding->interfaces[i].toObject(), manifest, m_sensor.document());
        if (!fit) {
            adding->responder.fail(Code::InvalidParams, QString::fromStdString(describe(fit.error())));
            return;
        }
        adding->interfaces[i] = *fit;
    }
    m_sensor.introduce(adding->name, manifest);
    const auto add = [this, adding] {
        m_sensor.change(
            [adding](QJsonObject& document) -> Result<> {
                QJsonArray instruments = document.value(kInstrumentsKey).toArray();
                instruments.append(QJsonObject{{kNameKey, adding->name}, {QStringLiteral("program"), adding->program},
                    {QStringLiteral("running"), adding->running}, {QStringLiteral("slot"), adding->slot},
                    {kInterfacesKey, adding->interfaces}});
                document.insert(kInstrumentsKey, instruments);
                return {};
            },
            changeFor(adding->by, QStringLiteral("add %1").arg(adding->name)),
            [this, adding](const platform::Answer& answer) {
                if (const auto* error = std::get_if<RpcError>(&answer)) {
                    if (m_sensor.find(adding->name) == nullptr) {
                        m_sensor.forget(adding->name);
                        m_sensor.forgetDocuments(adding->name, false); // nobody is to find it there
                    }
                    adding->responder.fail(error->code, error->message, error->data);
                    return;
                }
                adding->responder.answer(QJsonObject{{kNameKey, adding->name},
                    {QStringLiteral("version"), std::get<QJsonValue>(answer)[QStringLiteral("version")]}});
            });
    };
    if (!adding->config)
        return add();
    Configurations::Change first = changeFor(adding->by, QStringLiteral("add %1").arg(adding->name));
    first.config = *adding->config;
    m_sensor.configurations().apply(adding->name, first, [this, adding, add](const platform::Answer& answer) {
        const auto* error = std::get_if<RpcError>(&answer);
        if (error == nullptr)
            return add();
        m_sensor.forget(adding->name);
        m_sensor.forgetDocuments(adding->name, false);
        adding->responder.fail(error->code, error->message, error->data);
    });
}

void Control::remove(Call& call)
{
    const InstrumentRun* run = instrumentOf(call);
    if (run == nullptr)
        return;
    const QString name = run->spec().name;
    const bool purge = call.params.value(QStringLiteral("purge")).toBool();
    const QString kept = run->paths().persistent;
    auto responder = std::make_shared<rpc::Responder>(std::move(call.responder));
    m_sensor.setPurge(name, purge); // a stopped one goes before the answer comes
    m_sensor.change([name](QJsonObject& document) { return removeNamed(document, kInstrumentsKey, name); },
        changeFor(changeOf(call), QStringLiteral("remove %1").arg(name)),
        [this, name, purge, kept, responder](const platform::Answer& answer) {
            if (const auto* error = std::get_if<RpcError>(&answer)) {
                m_sensor.setPurge(name, false);
                responder->fail(error->code, error->message, error->data);
                return;
            }
            answerWhen(
                std::move(*responder), name, [this, name] { return m_sensor.find(name) == nullptr; },
                [purge, kept] {
                    return QJsonObject{{QStringLiteral("kept"), purge ? QJsonValue{} : QJsonValue{kept}}};
                });
        });
}

void Control::start(Call& call)
{
    setRunning(call, true);
}

void Control::stop(Call& call)
{
    setRunning(call, false);
}

void Control::setRunning(Call& call, bool running)
{
    InstrumentRun* run = instrumentOf(call);
    if (run == nullptr)
        return;
    const QString name = run->spec().name;
    auto responder = std::make_shared<rpc::Responder>(std::move(call.responder));
    m_sensor.change(
        [name, running](QJsonObject& document) {
            return editNamed(document, kInstrumentsKey, name, [running](QJsonObject& instrument) -> Result<> {
                instrument.insert(QStringLiteral("running"), running);
                return {};
            });
        },
        changeFor(changeOf(call), (running ? QStringLiteral("start %1") : QStringLiteral("stop %1")).arg(name)),
        [this, name, running, responder](const platform::Answer& answer) {
            if (const auto* error = std::get_if<RpcError>(&answer)) {
                responder->fail(error->code, error->message, error->data);
                return;
            }
            answerWhen(
                std::move(*responder), name,
                [this, name, running] {
                    const InstrumentRun* now = m_sensor.find(name);
                    return now == nullptr
                        || (running ? now->lifeText() == QLatin1StringView{"running"} : now->isStopped());
                },
                [this, name] { return lifeOf(name); });
        });
}

QJsonObject Control::lifeOf(const QString& name)
{
    const InstrumentRun* run = m_sensor.find(name);
    return {{kNameKey, name}, {QStringLiteral("life"), run != nullptr ? run->lifeText() : QStringLiteral("gone")}};
}

void Control::restart(Call& call)
{
    InstrumentRun* run = instrumentOf(call);
    if (run == nullptr)
        return;
    if (!run->spec().running) {
        call.responder.fail(Code::InvalidParams,
            QStringLiteral("%1 is stopped; start it with 'sensorctl start %1'").arg(run->spec().name));
        return;
    }
    const int before = run->restarts();
    run->restart();
    answerWhen(
        std::move(call.responder), run->spec().name,
        [this, before, name = run->spec().name] {
            const InstrumentRun* now = m_sensor.find(name);
            return now == nullptr || (now->restarts() > before && now->lifeText() == QLatin1StringView{"running"});
        },
        [this, name = run->spec().name] { return lifeOf(name); });
}

} // namespace beacon
