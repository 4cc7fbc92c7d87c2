#include "core/admin/health_probe.h"

#include "core/admin/messages.h"
#include "core/rpc/peer.h"

#include <QEventLoop>
#include <QLocalSocket>

#include <cstdio>
#include <sysexits.h>

namespace beacon {

namespace {

constexpr std::chrono::milliseconds kPatience{2'000};

int nobody(const std::string& program, const QString& why)
{
    std::fprintf(stderr, "%s: no Instrument answers: %s\n", program.c_str(), qPrintable(why));
    return EX_UNAVAILABLE;
}

} // namespace

int probeHealth(const std::string& program, const std::string& socketPath)
{
    auto socket = std::make_unique<QLocalSocket>();
    socket->connectToServer(QString::fromStdString(socketPath));
    if (!socket->waitForConnected(static_cast<int>(kPatience.count())))
        return nobody(program, socket->errorString());

    rpc::Peer peer{std::move(socket)};
    QEventLoop loop;
    int code = EX_UNAVAILABLE;
    peer.call(
        admin::kHealthGetMethod, {},
        [&](const std::variant<QJsonValue, rpc::RpcError>& answer) {
            loop.quit();
            if (const auto* error = std::get_if<rpc::RpcError>(&answer)) {
                code = nobody(program, error->message);
                return;
            }
            const auto health = admin::healthFromJson(std::get<QJsonValue>(answer).toObject());
            if (!health) {
                code = nobody(program, QString::fromStdString(describe(health.error())));
                return;
            }
            std::printf("%s\n", admin::statusName(health->status).data());
            for (const admin::HealthReason& reason : health->reasons)
                std::printf("%s: %s\n", qPrintable(reason.code), qPrintable(reason.text));
            code = health->status == admin::Status::Error ? 1 : EX_OK;
        },
        kPatience);
    loop.exec();
    return code;
}

} // namespace beacon
