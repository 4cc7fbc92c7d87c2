#pragma once

#include "core/platform/request_queue.h"
#include "core/rpc/peer.h"

#include <QLocalSocket>
#include <QString>
#include <QTimer>

#include <memory>

namespace beacon::platform {

/// The platform behind a local socket: JSON-RPC 2.0, one object per line (core/rpc).
///
/// Connects again by itself, first after kAgainFirst, then at double the time, at most kAgainMost.
class LocalSocketLink final : public PlatformLink {
    Q_OBJECT
public:
    static constexpr std::chrono::milliseconds kAgainFirst{200}, kAgainMost{5'000};
    /// For the handler to answer a request of the platform; who handles has deadlines of its own.
    static constexpr std::chrono::milliseconds kAnswerWithin{600'000};

    explicit LocalSocketLink(QString path, QObject* parent = nullptr);
    ~LocalSocketLink() override;

    void open() override;
    void close() override;
    [[nodiscard]] bool isUp() const override { return m_peer != nullptr; }
    void request(const QString& method, const QJsonObject& params, Reply reply,
        std::chrono::milliseconds deadline = kRequestDeadline, Lane lane = Lane::Priority) override;
    [[nodiscard]] bool notify(const QString& method, const QJsonObject& params) override;
    void setHandler(Handler handler) override { m_handler = std::move(handler); }

private:
    void connectNow();
    void onConnected();
    void connectLater();
    void onClosed(const QString& why);

    QString m_path;
    Handler m_handler;
    std::unique_ptr<QLocalSocket> m_socket; ///< while it connects
    std::unique_ptr<rpc::Peer> m_peer; ///< while it is connected
    RequestQueue m_queue;
    QTimer m_again;
    std::chrono::milliseconds m_pause = kAgainFirst;
    bool m_open = false;
};

} // namespace beacon::platform
