#pragma once

#include "core/rpc/listener.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QMap>
#include <QObject>
#include <QTemporaryDir>

#include <functional>
#include <vector>

namespace beacon::test {

/// A Sensor of few words: it answers over a real control socket what it was told to, and keeps what it was asked.
class ScriptedSensor final : public QObject {
public:
    ScriptedSensor();

    [[nodiscard]] QString socket() const { return m_dir.filePath(QStringLiteral("control.sock")); }
    [[nodiscard]] bool start();
    void stop() { m_listener.close(); }

    using Answer = std::function<void(const QJsonObject& params, rpc::Responder& responder)>;
    void on(QLatin1StringView method, Answer answer) { m_answers.insert(method, std::move(answer)); }
    void answer(QLatin1StringView method, const QJsonValue& result);
    void refuse(QLatin1StringView method, rpc::Code code, const QString& message, const QJsonObject& data = {});
    void hang(QLatin1StringView method); ///< never answers
    void hangUp(QLatin1StringView method); ///< closes the connection instead

    void notify(QLatin1StringView method, const QJsonObject& params); ///< to everybody
    [[nodiscard]] qsizetype clients() const { return m_listener.clients(); }

    struct Asked {
        QString method;
        QJsonObject params;
    };
    [[nodiscard]] const std::vector<Asked>& asked() const { return m_asked; }
    [[nodiscard]] QJsonObject lastParams(QLatin1StringView method) const;
    void forgetAsked() { m_asked.clear(); }

private:
    void serve(rpc::Peer* peer);

    QTemporaryDir m_dir;
    QMap<QString, Answer> m_answers;
    std::vector<Asked> m_asked;
    std::vector<rpc::Responder> m_hanging;
    std::vector<QPointer<rpc::Peer>> m_peers;
    QPointer<rpc::Peer> m_asking;
    rpc::Listener m_listener; ///< last: its Peers are gone before what they use
};

/// What a healthy Sensor says about itself; `status` is that of beacon_1.
[[nodiscard]] QJsonObject statusAnswer(const QString& status = QStringLiteral("OK"));
[[nodiscard]] QJsonObject instrument(const QString& name, const QString& status);

} // namespace beacon::test
