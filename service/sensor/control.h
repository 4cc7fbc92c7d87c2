#pragma once

#include "core/instrument/manifest.h"
#include "core/rpc/listener.h"
#include "service/sensor/delivery.h"
#include "service/sensor/sensor.h"

#include <QObject>
#include <QSet>
#include <QTimer>

#include <functional>
#include <list>
#include <map>
#include <memory>

namespace beacon {

/// Answers sensorctl: core/platform/control.h, service/sensor/README.md.
///
/// Thread:  the thread that created it. Never blocks.
/// Errors:  each request gets one answer, with a sentence for a person.
/// Limits:  kMostClients connections; a follower that reads too slowly is told what it missed (logs) or waits (events).
class Control final : public QObject {
    Q_OBJECT
public:
    static constexpr int kMostClients = 32;
    static constexpr std::chrono::seconds kLongest{330}; ///< for any answer
    static constexpr std::chrono::seconds kLifeWithin{30}; ///< to start or to stop

    explicit Control(Sensor& sensor, QObject* parent = nullptr);
    ~Control() override;
    Result<> listen(); ///< as the settings say

private:
    struct Call {
        rpc::Peer* peer = nullptr;
        QString who;
        QJsonObject params;
        rpc::Responder responder;
    };
    struct Method {
        QLatin1StringView name;
        void (Control::*answer)(Call& call);
    };
    static const Method* find(const QString& name);

    void accept(rpc::Peer* peer);
    void serve(rpc::Peer& peer, const QString& method, const QJsonObject& params, rpc::Responder responder);

    // control.cpp
    void status(Call& call);
    void health(Call& call);
    void interfaces(Call& call);
    void selfTest(Call& call);
    // control_config.cpp
    void configGet(Call& call);
    void configApply(Call& call);
    void configHistory(Call& call);
    void configRollback(Call& call);
    void configDiff(Call& call);
    void configSchema(Call& call);
    // control_instruments.cpp
    void add(Call& call);
    void remove(Call& call);
    void start(Call& call);
    void stop(Call& call);
    void restart(Call& call);
    void interfaceAdd(Call& call);
    void interfaceRemove(Call& call);
    void interfaceGive(Call& call);
    void interfaceTake(Call& call);
    // control_watch.cpp
    void eventsRead(Call& call);
    void eventsFollow(Call& call);
    void logsRead(Call& call);

    struct Adding;
    [[nodiscard]] QString nextName(const QString& type) const;
    void addKnown(const std::shared_ptr<Adding>& adding, const Manifest& manifest);
    void setRunning(Call& call, bool running);
    [[nodiscard]] QJsonObject lifeOf(const QString& name);
    /// Answers once `isSo`, or at kLifeWithin with what it is then.
    void answerWhen(
        rpc::Responder responder, const QString& name, std::function<bool()> isSo, std::function<QJsonObject()> answer);
    void lookAtWaiting();
    /// The Instrument that `name` of the params names; answered where there is none.
    [[nodiscard]] InstrumentRun* instrumentOf(Call& call, QLatin1StringView key = QLatin1StringView{"name"});
    /// An Instrument's name, also where it is given as an address of this Sensor.
    [[nodiscard]] QString nameIn(const QJsonObject& params, QLatin1StringView key) const;
    [[nodiscard]] static Configurations::Change changeOf(const Call& call);
    [[nodiscard]] static platform::Reply replyTo(rpc::Responder responder);

    struct Waiting {
        rpc::Responder responder;
        QString name;
        std::function<bool()> isSo;
        std::function<QJsonObject()> answer;
        MonotonicTime until;
    };

    Sensor& m_sensor;
    std::map<QString, int> m_adding; ///< names that are about to be added, and their slots
    rpc::Listener m_listener;
    std::optional<gid_t> m_group; ///< that may, besides root
    std::list<Waiting> m_waiting;
    QTimer m_look;
    std::map<rpc::Peer*, std::unique_ptr<Delivery>> m_followers;
    QSet<rpc::Peer*> m_logReaders;
};

} // namespace beacon
