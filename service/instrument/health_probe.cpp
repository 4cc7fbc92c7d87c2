#include "service/instrument/health_probe.h"

#include "core/admin/messages.h"
#include "core/rpc/peer.h"

#include <QEventLoop>
#include <QLocalSocket>

#include <cstdio>
#include <sysexits.h>

namespace beacon {

namespace {

constexpr std::chrono::milliseconds kPatience{2'000};

int nobody(const QString& why)
{
    std::fprintf(stderr, "beacon-instrument: no Instrument answers: %s\n", qPrintable(why));
    return EX_UNAVAILABLE;
}

} // namespace

int probeHealth(const std::string& socketPath)
{
    auto socket = std::make_unique<QLocalSocket>();
    socket->connectToServer(QString::fromStdString(socketPath));
    if (!socket->waitForConnected(static_cast<int>(kPatience.count())))
        return nobody(socket->errorString());

    rpc::Peer peer{std::move(socket)};
    QEventLoop loop;
    int code = EX_UNAVAILABLE;
    peer.call(
        admin::kHealthGetMethod, {},
        [&](const std::variant<QJsonValue, rpc::RpcError>& answer) {
            loop.quit();
            if (const auto* error = std::get_if<rpc::RpcError>(&answer)) {
                code = nobody(error->message);
                return;
            }
            const auto health = admin::healthFromJson(std::get<QJsonValue>(answer).toObject());
            if (!health) {
                code = nobody(QString::fromStdString(describe(health.error())));
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
