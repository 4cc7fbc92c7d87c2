#pragma once

#include "core/admin/feed.h"
#include "core/event/event_source.h"
#include "core/instrument/skeleton.h"

#include <QObject>
#include <QProcess>

#include <functional>
#include <memory>

namespace beacon {

/// What a person may ask of a running Instrument over the admin socket (design section 7): beacon.start, .stop and
/// .restart, selftest.run, support.bundle. All need the role Admin; each call is an audit event, refused ones too.
///
/// Thread:  used only from the thread that created it.
/// Limits:  one self-test at a time, at most kSelfTestMost.
/// Owns:    the self-test's process; destruction kills it.
class Commands final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::seconds kSelfTestMost{25}; ///< it takes less than 20 s by itself

    struct Actions {
        std::function<void()> start, stop, restart;
        std::function<QString()> life;
        std::function<QJsonObject()> supportBundle;
        std::function<QStringList()> selfTestArguments; ///< of this program
    };
    Commands(
        Actions actions, EventSource& events, std::function<void(const Event&)> publish, QObject* parent = nullptr);
    ~Commands() override;

    void serve(rpc::Peer& peer, admin::Role role, const QString& method, rpc::Responder responder);

private:
    struct Asked {
        qint64 uid = 0;
        QString method;
        rpc::Responder responder;
    };
    void answer(Asked& asked, const QJsonObject& result, const QString& words);
    void refuse(Asked& asked, rpc::Code code, const QString& why);
    void audit(const Asked& asked, const QString& words);
    void runSelfTest(Asked asked);
    void endSelfTest();

    Actions m_actions;
    EventSource& m_events;
    std::function<void(const Event&)> m_publish;
    std::unique_ptr<QProcess> m_selfTest;
    std::optional<Asked> m_selfTestAsked;
};

} // namespace beacon
