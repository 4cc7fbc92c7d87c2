#pragma once

#include "core/platform/in_process_link.h"
#include "core/platform/local_socket_link.h"
#include "core/rpc/listener.h"

#include <QPointer>
#include <QTemporaryDir>
#include <QTest>

#include <memory>
#include <utility>

namespace beacon::platform::test {

/// Both ends of one transport. What every PlatformLink must do is asked of it through this alone (tst_conformance).
class TwoEnds {
public:
    virtual ~TwoEnds() = default;
    [[nodiscard]] virtual PlatformLink& link() = 0;

    /// The platform's end.
    virtual void setHandler(PlatformLink::Handler handler) = 0;
    virtual void ask(const QString& method, const QJsonObject& params, Reply reply) = 0;
    [[nodiscard]] virtual bool tell(const QString& method, const QJsonObject& params) = 0;

    virtual void appear() = 0;
    virtual void vanish() = 0;
};

class InProcessEnds final : public TwoEnds {
public:
    InProcessEnds()
        : m_pair(InProcessLink::makePair())
    {
        m_pair.second->cut();
        m_pair.second->open();
    }
    PlatformLink& link() override { return *m_pair.first; }
    void setHandler(PlatformLink::Handler handler) override { m_pair.second->setHandler(std::move(handler)); }
    void ask(const QString& method, const QJsonObject& params, Reply reply) override
    {
        m_pair.second->request(method, params, std::move(reply));
    }
    bool tell(const QString& method, const QJsonObject& params) override
    {
        return m_pair.second->notify(method, params);
    }
    void appear() override { m_pair.second->restore(); }
    void vanish() override { m_pair.second->cut(); }

private:
    InProcessLink::Pair m_pair;
};

class LocalSocketEnds final : public TwoEnds {
public:
    LocalSocketEnds()
        : m_link(path())
    {
    }
    ~LocalSocketEnds() override { m_link.close(); }
    [[nodiscard]] QString path() const { return m_directory.filePath(QStringLiteral("platform.sock")); }
    [[nodiscard]] rpc::Peer* peer() const { return m_peer; }

    PlatformLink& link() override { return m_link; }
    void setHandler(PlatformLink::Handler handler) override { m_handler = std::move(handler); }
    void ask(const QString& method, const QJsonObject& params, Reply reply) override
    {
        m_peer->call(method, params, std::move(reply));
    }
    bool tell(const QString& method, const QJsonObject& params) override
    {
        return m_peer && m_peer->notify(method, params);
    }
    void appear() override
    {
        m_listener = std::make_unique<rpc::Listener>();
        QObject::connect(
            m_listener.get(), &rpc::Listener::accepted, m_listener.get(), [this](rpc::Peer* peer) { adopt(peer); });
        const auto listening = m_listener->listen({.path = path()});
        QVERIFY2(listening, listening ? "" : describe(listening.error()).c_str());
    }
    void vanish() override { m_listener.reset(); }

private:
    void adopt(rpc::Peer* peer)
    {
        m_peer = peer;
        QObject::connect(peer, &rpc::Peer::notified, peer, [this](const QString& method, const QJsonObject& params) {
            if (m_handler)
                m_handler(method, params, Responder{[](const Answer&) {}});
        });
        // Without a handler, the peer says MethodNotFound by itself.
        if (!m_handler)
            return;
        peer->setHandler(
            [this](const QString& method, const QJsonObject& params, rpc::Responder theirs) {
                auto shared = std::make_shared<rpc::Responder>(std::move(theirs));
                m_handler(method, params, Responder{[shared](const Answer& answer) {
                    if (const auto* error = std::get_if<rpc::RpcError>(&answer))
                        shared->fail(error->code, error->message, error->data);
                    else
                        shared->answer(std::get<QJsonValue>(answer));
                }});
            },
            std::chrono::minutes{1});
    }

    QTemporaryDir m_directory;
    PlatformLink::Handler m_handler;
    QPointer<rpc::Peer> m_peer;
    std::unique_ptr<rpc::Listener> m_listener;
    LocalSocketLink m_link;
};

} // namespace beacon::platform::test
