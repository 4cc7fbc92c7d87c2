#pragma once

#include <QProcess>
#include <QProcessEnvironment>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <functional>

namespace beacon::test {

/// A real program, started with what the test gives it; killed at the end of the test. Both of its streams are kept in
/// files, so that it never blocks on us.
class RunningProgram {
public:
    explicit RunningProgram(QString program, QStringList arguments = {});
    ~RunningProgram();

    void setEnvironment(const QString& name, const QString& value) { m_environment.insert(name, value); }
    void setInputFile(const QString& path) { m_input = path; } ///< its stdin; else it is empty
    void setArguments(const QStringList& arguments) { m_arguments = arguments; }
    /// Run in the child before it executes, perhaps under vfork: async-signal-safe calls only.
    void setChildModifier(const std::function<void()>& modifier) { m_process.setChildProcessModifier(modifier); }
    bool start(); ///< also again after it has ended; the log begins anew
    bool end(int signal, int withinMs); ///< sends it and waits
    [[nodiscard]] bool waitForEnd(int withinMs); ///< spins the event loop: it may be talking to us

    [[nodiscard]] bool isRunning() const { return m_process.state() != QProcess::NotRunning; }
    [[nodiscard]] qint64 pid() const { return m_process.processId(); }
    [[nodiscard]] int exitCode() const { return m_process.exitCode(); } ///< the signal's number where one ended it
    [[nodiscard]] bool crashed() const { return m_process.exitStatus() == QProcess::CrashExit; }
    [[nodiscard]] QByteArray log() const; ///< its stderr
    [[nodiscard]] QByteArray output() const; ///< its stdout
    [[nodiscard]] QString file(const QString& name) const
    {
        return m_dir.filePath(name);
    } ///< in a directory of its own

    [[nodiscard]] qint64 residentKb() const; ///< VmRSS
    [[nodiscard]] qsizetype descriptors() const;

private:
    QTemporaryDir m_dir;
    QString m_program;
    QStringList m_arguments;
    QString m_input = QProcess::nullDevice();
    QProcessEnvironment m_environment = QProcessEnvironment::systemEnvironment();
    QProcess m_process;
};

/// Whether `pid` runs; a zombie does not.
[[nodiscard]] bool isAlive(qint64 pid);
[[nodiscard]] QList<qint64> childrenOf(qint64 pid);
/// Living processes of exactly these words in our network namespace: another test may run the same.
[[nodiscard]] QList<qint64> running(const QStringList& command);
[[nodiscard]] QByteArray nameOf(qint64 pid); ///< "beacon-launch", at most 15 bytes
[[nodiscard]] qint64 residentKbOf(qint64 pid); ///< VmRSS
[[nodiscard]] qsizetype descriptorsOf(qint64 pid);

} // namespace beacon::test
