#pragma once

#include "tests/support/net_fixture.h"

#include "tests/support/running_program.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>
#include <QTemporaryDir>

#include <functional>
#include <memory>

namespace beacon::rpc {
class Peer;
}

namespace beacon::test {

/// Puts the calling process into a network and a mount namespace of its own, with an empty /run: a host on which a
/// Sensor may do as it likes. To be called before the first thread exists; needs root. False, with the reason in `why`.
bool enterOwnHost(QString& why);

/// A real sensord with directories of its own; ended with the test.
class RunningSensor {
public:
    RunningSensor();
    ~RunningSensor();

    bool start(); ///< also again; true once it answers
    bool end(int signal);
    /// {"result":…} or {"error":…}; empty: no answer in time.
    QJsonObject call(const QString& method, const QJsonObject& params = {}, int withinMs = 40'000);
    /// Without waiting; what it returns must live until the answer.
    [[nodiscard]] std::shared_ptr<rpc::Peer> ask(
        const QString& method, const QJsonObject& params, std::function<void(const QJsonObject& answer)> reply);
    QJsonObject result(const QString& method, const QJsonObject& params = {}); ///< empty where it was an error

    [[nodiscard]] QJsonObject instrument(const QString& name); ///< of control.status; empty: there is none
    bool waitForLife(const QString& name, const QString& life, int withinMs = 40'000);
    bool waitForHealth(const QString& name, const QString& status, int withinMs = 40'000);
    [[nodiscard]] QJsonArray events(const QString& match);

    [[nodiscard]] RunningProgram& program() { return m_program; }
    [[nodiscard]] QString socket() const { return m_runtime + QStringLiteral("/control.sock"); }
    [[nodiscard]] const QString& runtimeDir() const { return m_runtime; }
    [[nodiscard]] const QString& stateDir() const { return m_state; }

private:
    QTemporaryDir m_dir;
    QString m_runtime, m_state;
    RunningProgram m_program;
};

} // namespace beacon::test

#define BEACON_HOST_MAIN(Test) BEACON_MAIN_IN(beacon::test::enterOwnHost, Test)
