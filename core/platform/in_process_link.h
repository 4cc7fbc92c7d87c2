#pragma once

#include "core/platform/request_queue.h"

#include <QPointer>
#include <QTimer>

#include <memory>
#include <utility>

namespace beacon::platform {

/// One end of a link inside one process, for tests: what one end asks, the other one's handler answers.
///
/// Thread: both ends live in one thread. Everything crosses through the event loop.
class InProcessLink final : public PlatformLink {
    Q_OBJECT
public:
    using Pair = std::pair<std::unique_ptr<InProcessLink>, std::unique_ptr<InProcessLink>>;
    [[nodiscard]] static Pair makePair();
    ~InProcessLink() override;

    void open() override; ///< up() once both are open and not cut
    void close() override;
    [[nodiscard]] bool isUp() const override { return m_up; }
    void request(const QString& method, const QJsonObject& params, Reply reply,
        std::chrono::milliseconds deadline = kRequestDeadline, Lane lane = Lane::Priority) override;
    [[nodiscard]] bool notify(const QString& method, const QJsonObject& params) override;
    void setHandler(Handler handler) override { m_handler = std::move(handler); }

    void cut(); ///< both ends go down
    void restore();

private:
    InProcessLink();
    void send(quint64 ticket, const QString& method, const QJsonObject& params);
    void meet();
    void part(const QString& why);
    void setUp(bool up, const QString& why = {});

    QPointer<InProcessLink> m_other;
    Handler m_handler;
    RequestQueue m_queue;
    bool m_open = false, m_cut = false, m_up = false;
    quint64 m_session = 0; ///< rises with each meeting: an answer of the one before comes too late
};

} // namespace beacon::platform
