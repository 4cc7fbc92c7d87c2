#include "tests/support/running_sensor.h"

#include "core/rpc/peer.h"

#include <QDir>
#include <QEventLoop>
#include <QFile>
#include <QLocalSocket>
#include <QTest>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon::test {

bool enterOwnHost(QString& why)
{
    const auto failed = [&](const char* what) {
        why = QStringLiteral("%1: %2").arg(QString::fromLatin1(what), QString::fromLocal8Bit(std::strerror(errno)));
        return false;
    };
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0)
        return failed("no namespaces can be made");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return failed("mounts stay shared");
    if (::mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
        return failed("no /run of its own");
    return true;
}

RunningSensor::RunningSensor()
    : m_runtime(m_dir.filePath(QStringLiteral("run")))
    , m_state(m_dir.filePath(QStringLiteral("state")))
    , m_program(QStringLiteral(BEACON_BIN_DIR "/sensord"),
          {QStringLiteral("--name"), QStringLiteral("plant7"), QStringLiteral("--runtime-dir"), m_runtime,
              QStringLiteral("--state-dir"), m_state})
{
    ::chmod(m_dir.path().toUtf8().constData(), 0755); // others than root run below it
}

RunningSensor::~RunningSensor()
{
    if (m_program.isRunning())
        end(SIGTERM);
}

bool RunningSensor::start()
{
    if (!m_program.start())
        return false;
    return QTest::qWaitFor(
               [&] { return !m_program.isRunning() || !result(QStringLiteral("control.status")).isEmpty(); }, 15'000)
        && m_program.isRunning();
}

bool RunningSensor::end(int signal)
{
    constexpr int kWithinMs = 15'000;
    return m_program.end(signal, kWithinMs);
}

std::shared_ptr<rpc::Peer> RunningSensor::ask(
    const QString& method, const QJsonObject& params, std::function<void(const QJsonObject& answer)> reply)
{
    constexpr std::chrono::seconds kWithin{40};
    auto socket = std::make_unique<QLocalSocket>();
    socket->connectToServer(this->socket());
    if (!socket->waitForConnected(2'000))
        return nullptr;
    auto peer = std::make_shared<rpc::Peer>(std::move(socket));
    peer->call(
        method, params,
        [reply = std::move(reply)](const std::variant<QJsonValue, rpc::RpcError>& answer) {
            QJsonObject said;
            if (const auto* error = std::get_if<rpc::RpcError>(&answer)) {
                if (error->code != rpc::Code::Closed)
                    said.insert(QStringLiteral("error"),
                        QJsonObject{{QStringLiteral("code"), static_cast<int>(error->code)},
                            {QStringLiteral("message"), error->message}, {QStringLiteral("data"), error->data}});
            } else {
                said.insert(QStringLiteral("result"), std::get<QJsonValue>(answer));
            }
            reply(said);
        },
        kWithin);
    return peer;
}

QJsonObject RunningSensor::call(const QString& method, const QJsonObject& params, int withinMs)
{
    QJsonObject said;
    bool answered = false;
    const auto peer = ask(method, params, [&](const QJsonObject& answer) {
        said = answer;
        answered = true;
    });
    return peer && QTest::qWaitFor([&] { return answered; }, withinMs) ? said : QJsonObject{};
}

QJsonObject RunningSensor::result(const QString& method, const QJsonObject& params)
{
    return call(method, params).value(QStringLiteral("result")).toObject();
}

QJsonObject RunningSensor::instrument(const QString& name)
{
    const QJsonArray all = result(QStringLiteral("control.status")).value(QStringLiteral("instruments")).toArray();
    for (const QJsonValue& instrument : all)
        if (instrument[QStringLiteral("name")] == name)
            return instrument.toObject();
    return {};
}

bool RunningSensor::waitForLife(const QString& name, const QString& life, int withinMs)
{
    return QTest::qWaitFor([&] { return instrument(name).value(QStringLiteral("life")) == life; }, withinMs);
}

bool RunningSensor::waitForHealth(const QString& name, const QString& status, int withinMs)
{
    return QTest::qWaitFor(
        [&] { return instrument(name)[QStringLiteral("health")][QStringLiteral("status")] == status; }, withinMs);
}

QJsonArray RunningSensor::events(const QString& match)
{
    return result(QStringLiteral("events.read"), {{QStringLiteral("match"), match}, {QStringLiteral("limit"), 1'000}})
        .value(QStringLiteral("events"))
        .toArray();
}

} // namespace beacon::test
