#pragma once

#include "core/admin/feed.h"
#include "core/event/event_source.h"
#include "core/instrument/skeleton.h"

#include <QObject>
#include <QProcess>
#include <QTimer>

#include <functional>
#include <memory>

namespace beacon {

/// What may be asked of a running Instrument (design section 7), by a person over the admin socket or by the platform:
/// beacon.start, .stop and .restart, selftest.run, support.bundle. All need the role Admin; each call is an audit
/// event, refused ones too: of those for want of the role at most kDeniedMost in kDeniedWithin, and one with the count
/// of the rest, as everybody may ask, and nobody is to flood the journal.
///
/// Thread:  used only from the thread that created it.
/// Limits:  one self-test at a time, at most kSelfTestMost.
/// Owns:    the self-test's process; destruction kills it.
class Commands final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::seconds kSelfTestMost{25}; ///< it takes less than 20 s by itself
    static constexpr int kDeniedMost = 20;
    static constexpr std::chrono::seconds kDeniedWithin{60};

    struct Actions {
        std::function<void()> start, stop, restart;
        std::function<QString()> life;
        std::function<QJsonObject()> supportBundle;
        std::function<QStringList()> selfTestArguments; ///< of this program
    };
    Commands(
        Actions actions, EventSource& events, std::function<void(const Event&)> publish, QObject* parent = nullptr);
    ~Commands() override;

    struct Caller {
        admin::Role role = admin::Role::Observer;
        std::optional<qint64> uid; ///< as SO_PEERCRED has it; nothing: the platform
    };
    [[nodiscard]] static bool knows(const QString& method);
    void serve(const Caller& caller, const QString& method, platform::Responder responder);
    void tellDenials(); ///< those that have no event of their own, now rather than later

private:
    struct Call {
        Caller caller;
        QString method;
    };
    struct Asked : Call {
        platform::Responder responder;
    };
    void answer(Asked& asked, const QJsonObject& result, const QString& words);
    void refuse(Asked& asked, rpc::Code code, const QString& why);
    void deny(Asked& asked);
    void audit(const Call& call, const QString& words);
    void runSelfTest(Asked asked);
    void endSelfTest();

    Actions m_actions;
    EventSource& m_events;
    std::function<void(const Event&)> m_publish;
    std::unique_ptr<QProcess> m_selfTest;
    std::optional<Asked> m_selfTestAsked;
    QTimer m_denying; ///< runs from the first refusal on
    int m_denied = 0; ///< while it runs
    Call m_lastDenied;
};

} // namespace beacon
