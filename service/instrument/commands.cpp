#include "service/instrument/commands.h"

#include <QJsonDocument>

#include <algorithm>

namespace beacon {

Commands::Commands(Actions actions, EventSource& events, std::function<void(const Event&)> publish, QObject* parent)
    : QObject(parent)
    , m_actions(std::move(actions))
    , m_events(events)
    , m_publish(std::move(publish))
{
    m_denying.setSingleShot(true);
    connect(&m_denying, &QTimer::timeout, this, &Commands::tellDenials);
}

Commands::~Commands()
{
    if (!m_selfTest)
        return;
    m_selfTest->disconnect(this);
    m_selfTest->kill();
}

bool Commands::knows(const QString& method)
{
    using namespace admin;
    const auto known = {kStartMethod, kStopMethod, kRestartMethod, kSelfTestMethod, kBundleMethod};
    return std::find(known.begin(), known.end(), method) != known.end();
}

void Commands::serve(const Caller& caller, const QString& method, platform::Responder responder)
{
    if (!knows(method))
        return responder.fail(rpc::Code::MethodNotFound, QStringLiteral("There is no method ") + method.left(128));
    Asked asked{{caller, method}, std::move(responder)};
    if (caller.role != admin::Role::Admin)
        return deny(asked);
    if (method == admin::kSelfTestMethod)
        return runSelfTest(std::move(asked));
    if (method == admin::kBundleMethod)
        return answer(asked, m_actions.supportBundle(), QStringLiteral("given"));
    (method == admin::kStartMethod         ? m_actions.start
            : method == admin::kStopMethod ? m_actions.stop
                                           : m_actions.restart)();
    answer(asked, {{QStringLiteral("life"), m_actions.life()}}, m_actions.life());
}

void Commands::answer(Asked& asked, const QJsonObject& result, const QString& words)
{
    audit(asked, words);
    asked.responder.answer(result);
}

void Commands::refuse(Asked& asked, rpc::Code code, const QString& why)
{
    audit(asked, QStringLiteral("refused: ") + why);
    asked.responder.fail(code, why);
}

void Commands::deny(Asked& asked)
{
    const QString why =
        QStringLiteral("%1 is for members of the group beacon-admin; ask for that, or watch only").arg(asked.method);
    if (!m_denying.isActive())
        m_denying.start(kDeniedWithin);
    if (++m_denied <= kDeniedMost)
        return refuse(asked, rpc::Code::Denied, why);
    m_lastDenied = asked;
    asked.responder.fail(rpc::Code::Denied, why);
}

void Commands::tellDenials()
{
    m_denying.stop();
    if (const int more = std::exchange(m_denied, 0) - kDeniedMost; more > 0)
        audit(m_lastDenied, QStringLiteral("refused, the last of %1 more that were").arg(more));
}

void Commands::audit(const Call& call, const QString& words)
{
    const auto& uid = call.caller.uid;
    const QString who = uid ? QStringLiteral("uid %1").arg(*uid) : QStringLiteral("the platform");
    m_publish(m_events.make(EventId::Audit, QStringLiteral("%1 by %2: %3").arg(call.method, who, words),
        {{QStringLiteral("who"), uid ? QJsonValue{*uid} : QJsonValue{QStringLiteral("platform")}},
            {QStringLiteral("what"), call.method}, {QStringLiteral("answer"), words}}));
}

void Commands::runSelfTest(Asked asked)
{
    if (m_selfTest)
        return refuse(asked, rpc::Code::Busy, QStringLiteral("A self-test is under way; wait for its end"));
    m_selfTestAsked = std::move(asked);
    m_selfTest = std::make_unique<QProcess>();
    connect(m_selfTest.get(), &QProcess::finished, this, &Commands::endSelfTest);
    connect(m_selfTest.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            QMetaObject::invokeMethod(this, &Commands::endSelfTest, Qt::QueuedConnection);
    });
    QTimer::singleShot(kSelfTestMost, m_selfTest.get(), [process = m_selfTest.get()] { process->kill(); });
    m_selfTest->setStandardInputFile(QProcess::nullDevice());
    m_selfTest->start(QStringLiteral("/proc/self/exe"), m_actions.selfTestArguments());
}

void Commands::endSelfTest()
{
    QProcess& process = *m_selfTest;
    constexpr qint64 kMostBytes = 64 * 1024;
    const QByteArray out = process.read(kMostBytes);
    process.setReadChannel(QProcess::StandardError);
    const QString complaint = QString::fromUtf8(process.read(kMostBytes)).section(QLatin1Char('\n'), 0, 0);
    const QJsonObject result = QJsonDocument::fromJson(out).object();
    Asked asked = *std::exchange(m_selfTestAsked, std::nullopt);
    m_selfTest.release()->deleteLater(); // we may be inside one of its signals
    if (result.isEmpty())
        return refuse(asked, rpc::Code::Internal,
            complaint.isEmpty() ? QStringLiteral("The self-test ended without a result") : complaint);
    answer(asked, result,
        result.value(QStringLiteral("escaped")).toBool()
            ? QStringLiteral("escaped")
            : QStringLiteral("did not escape: ") + result.value(QStringLiteral("reason")).toString());
}

} // namespace beacon
