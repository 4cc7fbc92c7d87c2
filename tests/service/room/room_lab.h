#pragma once

#include "tests/support/net_fixture.h"

#include <QByteArray>
#include <QProcess>
#include <QProcessEnvironment>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>
#include <QTemporaryFile>

#include <cstdint>

namespace beacon::test {

/// Puts this process into a mount and a network namespace of its own, where /run and /mnt are empty; to be called
/// before the first thread exists. False, with the reason in `why`: the machine does not allow it.
[[nodiscard]] bool enterLab(QString& why);

/// First of the ids of this process's rooms: other tests run beside it, and see each other's processes.
[[nodiscard]] std::uint32_t idBase();
const QString kRoom = QStringLiteral(BEACON_BIN_DIR "/sensor-room");
const QString kNetPin = QStringLiteral("/run/sensor/net/x.net");
const QString kUserPin = QStringLiteral("/run/sensor/net/x.user");

struct Ran {
    int code = -1; ///< -1: a signal ended it
    QByteArray out, err;
};

/// Any program, to its end.
[[nodiscard]] Ran runProgram(const QString& program, const QStringList& arguments);
/// sensor-room with these arguments.
[[nodiscard]] Ran room(const QStringList& arguments);
/// "nsenter" to a pinned network namespace, and a shell's words there.
[[nodiscard]] QByteArray inNetwork(const QString& pin, const QString& words);

[[nodiscard]] bool makeUsual(); ///< kNetPin and kUserPin, with idBase()
[[nodiscard]] bool dropUsual();

[[nodiscard]] QByteArray contentOf(const QString& path);
[[nodiscard]] bool writeFile(const QString& path, const QByteArray& text, int mode = 0644);

/// "sensor-room run" in the usual namespaces, with our programs in /tmp/bin and our targets in /tmp/targets.
class InRoom {
public:
    explicit InRoom(const QStringList& command, const QStringList& options = {});
    ~InRoom();

    bool start();
    [[nodiscard]] Ran end(); ///< starts it where it is not, and waits
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    bool inUsualNamespaces = true;

    [[nodiscard]] QByteArray report(); ///< so far
    [[nodiscard]] QByteArray reported(const QByteArray& key); ///< its value, or empty
    [[nodiscard]] qint64 pid() { return reported("pid").toLongLong(); } ///< of the program, to us

private:
    QTemporaryFile m_report;
    QStringList m_options, m_command;
};

/// What "intruder" prints when it tries this there, without the last line's end.
[[nodiscard]] QByteArray tried(const QStringList& howAndArgument, const QStringList& options = {});

} // namespace beacon::test

#define BEACON_ROOM_MAIN(Test) BEACON_MAIN_IN(beacon::test::enterLab, Test)
