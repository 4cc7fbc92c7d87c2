// control.add to control.interface.take: a part of control.h.

#include "core/platform/control.h"
#include "service/sensor/control.h"
#include "service/sensor/room_command.h"
#include "service/sensor/status.h"

#include <QFileInfo>

namespace beacon {

namespace {

using rpc::Code;
using rpc::RpcError;

const QString kInstruments = QStringLiteral("instruments");
const QString kInterfaces = QStringLiteral("interfaces");
const QString kName = QStringLiteral("name");

Error wrong(const QString& sentence)
{
    return Error{Errc::BadInput, 0, sentence.toStdString()};
}

qsizetype indexOf(const QJsonArray& objects, const QString& name)
{
    for (qsizetype i = 0; i < objects.size(); ++i)
        if (objects[i][kName] == name)
            return i;
    return -1;
}

/// Edits the object of that name in an array of the document.
Result<> editNamed(
    QJsonObject& document, const QString& array, const QString& name, const std::function<Result<>(QJsonObject&)>& edit)
{
    QJsonArray objects = document.value(array).toArray();
    const qsizetype at = indexOf(objects, name);
    if (at < 0)
        return wrong(QStringLiteral("there is no %1; 'sensorctl status' lists what there is").arg(name));
    QJsonObject object = objects[at].toObject();
    if (auto edited = edit(object); !edited)
        return edited;
    objects[at] = object;
    document.insert(array, objects);
    return {};
}

Result<> removeNamed(QJsonObject& document, const QString& array, const QString& name)
{
    QJsonArray objects = document.value(array).toArray();
    const qsizetype at = indexOf(objects, name);
    if (at < 0)
        return wrong(QStringLiteral("there is no %1; 'sensorctl status' lists what there is").arg(name));
    objects.removeAt(at);
    document.insert(array, objects);
    return {};
}

/// "eth0", "eth1" … where none is said.
QJsonObject withName(QJsonObject attachment, const QJsonArray& others)
{
    if (!attachment.value(kName).toString().isEmpty())
        return attachment;
    int i = 0;
    while (indexOf(others, QStringLiteral("eth%1").arg(i)) >= 0)
        ++i;
    attachment.insert(kName, QStringLiteral("eth%1").arg(i));
    return attachment;
}

QJsonObject without(QJsonObject object, std::initializer_list<const char*> keys)
{
    for (const char* key : keys)
        object.remove(QLatin1StringView{key});
    return object;
}

/// Of a type that this project knows; others say --program.
QString usualProgram(const QString& type)
{
    return type == QLatin1StringView{"beacon"} ? QStringLiteral("beacon-instrument") : QStringLiteral("beacon-") + type;
}

/// What the manifest of whoever gets an attachment says of it: a passive one may not send where nobody asks for it, and
/// one that must send cannot do with less.
Result<QJsonObject> fitted(QJsonObject attachment, const Manifest& manifest, const SensorDocument& document)
{
    const QString interface = attachment.value(QStringLiteral("interface")).toString();
    const QString addressing = attachment.value(QStringLiteral("addressing")).toString(QStringLiteral("none"));
    const QString capabilities = QStringLiteral("capabilities");
    const SensorInterface* given = document.interface(interface);
    const bool mirror = given != nullptr && given->type == SensorInterface::Type::Mirror;
    if (manifest.networkAccess == QLatin1StringView{"passive"} && addressing == QLatin1StringView{"none"}
        && (given == nullptr || given->type != SensorInterface::Type::Phy) && !attachment.contains(capabilities))
        attachment.insert(capabilities, QJsonArray{QStringLiteral("rx")});
    const bool sends = attachment.contains(capabilities)
        ? attachment.value(capabilities).toArray().contains(QStringLiteral("tx"))
        : !mirror;
    const bool mustSend = std::any_of(manifest.interfaces.begin(), manifest.interfaces.end(),
        [](const Manifest::Interface& wanted) { return wanted.capabilities.contains(QLatin1StringView{"tx"}); });
    if (mustSend && !sends && manifest.interfaces.size() == 1)
        return wrong(QStringLiteral("a %1 needs an interface by which it may send, and by %2 it may only receive")
                         .arg(manifest.type, interface));
    return attachment;
}

/// With words of our own where none were given.
Configurations::Change changeFor(Configurations::Change change, const QString& why)
{
    if (change.why.isEmpty())
        change.why = why;
    return change;
}

/// Passes on the answer to a change, with the name that it gave.
platform::Reply replyNaming(std::shared_ptr<QString> name, rpc::Responder responder)
{
    auto shared = std::make_shared<rpc::Responder>(std::move(responder));
    return [name = std::move(name), shared](const platform::Answer& answer) {
        if (const auto* error = std::get_if<RpcError>(&answer))
            shared->fail(error->code, error->message, error->data);
        else
            shared->answer(QJsonObject{
                {kName, *name}, {QStringLiteral("version"), std::get<QJsonValue>(answer)[QStringLiteral("version")]}});
    };
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
};

void Control::add(Call& call)
{
    const SensorDocument& document = m_sensor.document();
    auto adding = std::make_shared<Adding>(Adding{std::move(call.responder), changeOf(call), {}, {}, 0, {}, {}, true});
    call.responder = rpc::Responder{nullptr, 0};
    const auto say = [&](const QString& why) { adding->responder.fail(Code::InvalidParams, why); };
    adding->name = nameIn(call.params, QLatin1StringView{"name"});
    QString type = call.params.value(QStringLiteral("type")).toString();
    if (adding->name.isEmpty() && type.isEmpty())
        return say(QStringLiteral("say what to add: a type, as in 'sensorctl add beacon'"));
    if (adding->name.isEmpty())
        adding->name = QStringLiteral("%1_%2").arg(type).arg(document.nextNumber(type));
    const auto named = instrumentName(adding->name);
    if (!named)
        return say(QStringLiteral("%1 is no name of an Instrument; write its type and a number, as in beacon_0")
                       .arg(adding->name.left(64)));
    if (type.isEmpty())
        type = named->type;
    if (m_sensor.find(adding->name) != nullptr)
        return say(QStringLiteral("there is an Instrument %1 already; choose another number").arg(adding->name));
    adding->program = call.params.value(QStringLiteral("program")).toString();
    if (adding->program.isEmpty())
        adding->program = m_sensor.settings().programs + QLatin1Char('/') + usualProgram(type);
    else if (!adding->program.contains(QLatin1Char('/')))
        adding->program.prepend(m_sensor.settings().programs + QLatin1Char('/'));
    if (!QFileInfo{adding->program}.isExecutable() || !adding->program.startsWith(QLatin1Char('/')))
        return say(QStringLiteral("%1 is no program to run; name one by its absolute path, as --program")
                       .arg(adding->program.left(256)));
    const auto slot = document.nextSlot(m_sensor.takenSlots());
    if (!slot)
        return say(QStringLiteral("there are %1 Instruments; remove one").arg(SensorDocument::kMaxSlot + 1));
    adding->slot = *slot;
    for (const QJsonValue& attachment : call.params.value(kInterfaces).toArray())
        adding->interfaces.append(withName(attachment.toObject(), adding->interfaces));
    if (call.params.value(QStringLiteral("config")).isObject())
        adding->config = call.params.value(QStringLiteral("config")).toObject();
    adding->running = call.params.value(QStringLiteral("running")).toBool(true);

    const InstrumentPaths paths{m_sensor.settings(), adding->name, adding->slot};
    m_sensor.work().ask<Result<QByteArray>>(
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
                QJsonArray instruments = document.value(kInstruments).toArray();
                instruments.append(QJsonObject{{kName, adding->name}, {QStringLiteral("program"), adding->program},
                    {QStringLiteral("running"), adding->running}, {QStringLiteral("slot"), adding->slot},
                    {kInterfaces, adding->interfaces}});
                document.insert(kInstruments, instruments);
                return {};
            },
            changeFor(adding->by, QStringLiteral("add %1").arg(adding->name)),
            [this, adding](const platform::Answer& answer) {
                if (const auto* error = std::get_if<RpcError>(&answer)) {
                    if (m_sensor.find(adding->name) == nullptr)
                        m_sensor.forget(adding->name);
                    adding->responder.fail(error->code, error->message, error->data);
                    return;
                }
                adding->responder.answer(QJsonObject{{kName, adding->name},
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
    m_sensor.change([name](QJsonObject& document) { return removeNamed(document, kInstruments, name); },
        changeFor(changeOf(call), QStringLiteral("remove %1").arg(name)),
        [this, name, purge, kept, responder](const platform::Answer& answer) {
            if (const auto* error = std::get_if<RpcError>(&answer)) {
                responder->fail(error->code, error->message, error->data);
                return;
            }
            if (purge)
                m_sensor.purgeWhenGone(name);
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
            return editNamed(document, kInstruments, name, [running](QJsonObject& instrument) -> Result<> {
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
    return {{kName, name}, {QStringLiteral("life"), run != nullptr ? run->lifeText() : QStringLiteral("gone")}};
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

void Control::interfaceAdd(Call& call)
{
    const QString name = call.params.value(kName).toString();
    m_sensor.change(
        [&](QJsonObject& document) -> Result<> {
            QJsonArray interfaces = document.value(kInterfaces).toArray();
            if (indexOf(interfaces, name) >= 0)
                return wrong(QStringLiteral("there is an interface %1 already; choose another name").arg(name));
            interfaces.append(without(call.params, {"why", "base"}));
            document.insert(kInterfaces, interfaces);
            return {};
        },
        changeFor(changeOf(call), QStringLiteral("add interface %1").arg(name)), replyTo(std::move(call.responder)));
}

void Control::interfaceRemove(Call& call)
{
    const QString name = call.params.value(kName).toString();
    m_sensor.change([&](QJsonObject& document) { return removeNamed(document, kInterfaces, name); },
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
            return editNamed(document, kInstruments, run->spec().name, [&](QJsonObject& instrument) -> Result<> {
                QJsonArray interfaces = instrument.value(kInterfaces).toArray();
                const QJsonObject given = withName(without(call.params, {"why", "base", "instrument"}), interfaces);
                *name = given.value(kName).toString();
                const Manifest* manifest = m_sensor.manifestOf(run->spec().name);
                const auto fit =
                    manifest != nullptr ? fitted(given, *manifest, m_sensor.document()) : Result<QJsonObject>{given};
                if (!fit)
                    return fit.error();
                interfaces.append(*fit);
                instrument.insert(kInterfaces, interfaces);
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
    const QString name = call.params.value(kName).toString();
    m_sensor.change(
        [&](QJsonObject& document) {
            return editNamed(document, kInstruments, run->spec().name,
                [&](QJsonObject& instrument) { return removeNamed(instrument, kInterfaces, name); });
        },
        changeFor(changeOf(call), QStringLiteral("take %1 from %2").arg(name, run->spec().name)),
        replyNaming(std::make_shared<QString>(name), std::move(call.responder)));
}

} // namespace beacon
