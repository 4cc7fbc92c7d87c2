#include "service/sensorctl/editor.h"

#include "core/base/run_place.h"
#include "service/sensorctl/document_file.h"

#include <QDir>
#include <QProcess>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

QStringList editorCommand()
{
    for (const char* variable : {"VISUAL", "EDITOR"})
        if (QStringList words = QProcess::splitCommand(qEnvironmentVariable(variable)); !words.isEmpty())
            return words;
    return {QStringLiteral("vi")};
}

/// Ctrl-C is the editor's while it runs.
class IgnoreInterrupts {
public:
    IgnoreInterrupts()
        : m_interrupt(std::signal(SIGINT, SIG_IGN))
        , m_quit(std::signal(SIGQUIT, SIG_IGN))
    {
    }
    ~IgnoreInterrupts()
    {
        std::signal(SIGINT, m_interrupt);
        std::signal(SIGQUIT, m_quit);
    }
    IgnoreInterrupts(const IgnoreInterrupts&) = delete;
    IgnoreInterrupts& operator=(const IgnoreInterrupts&) = delete;

private:
    using Handler = void (*)(int);
    Handler m_interrupt, m_quit;
};

/// 0 and the process, or errno.
int spawn(const std::vector<QByteArray>& words, pid_t& child)
{
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const QByteArray& word : words)
        arguments.push_back(const_cast<char*>(word.constData())); // posix_spawn(3) does not write there
    arguments.push_back(nullptr);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    for (const int signal : {SIGINT, SIGQUIT, SIGPIPE})
        ::sigaddset(&defaults, signal);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    const int error = ::posix_spawnp(&child, arguments.front(), nullptr, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    return error;
}

} // namespace

EditedFile::EditedFile(std::unique_ptr<QTemporaryDir> directory, QString path)
    : m_directory(std::move(directory))
    , m_path(std::move(path))
{
}

Outcome<EditedFile> EditedFile::make(const QString& name, const QByteArray& text)
{
    auto directory = std::make_unique<QTemporaryDir>(QDir::tempPath() + QStringLiteral("/sensorctl-XXXXXX")); // 0700
    if (!directory->isValid())
        return Failure{EX_CANTCREAT,
            QStringLiteral("cannot make a directory in %1: %2; $TMPDIR may name another")
                .arg(QDir::tempPath(), directory->errorString())};
    QString plain = name;
    for (QChar& c : plain) // a target's name is not ours: it must not lead elsewhere
        if (!c.isLetterOrNumber() && c != QLatin1Char('_') && c != QLatin1Char('-'))
            c = QLatin1Char('_');
    const QString path = directory->filePath(plain.left(64) + QStringLiteral(".json"));
    if (const auto written = writePrivateFile(path.toStdString(), text.toStdString()); !written)
        return Failure{EX_CANTCREAT, QString::fromStdString(describe(written.error()))};
    return EditedFile{std::move(directory), path};
}

std::optional<Failure> EditedFile::edit() const
{
    const QStringList command = editorCommand();
    std::vector<QByteArray> words;
    words.reserve(static_cast<std::size_t>(command.size()) + 1);
    for (const QString& word : command)
        words.push_back(word.toLocal8Bit());
    words.push_back(m_path.toLocal8Bit());
    const IgnoreInterrupts whileItRuns;
    pid_t child = 0;
    if (const int error = spawn(words, child); error != 0)
        return Failure{EX_CONFIG,
            QStringLiteral("cannot run the editor %1: %2; set VISUAL or EDITOR")
                .arg(command.front(), QString::fromLocal8Bit(std::strerror(error)))};
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) { }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return std::nullopt;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) // what glibc's posix_spawnp cannot tell apart, and shells
        return Failure{
            EX_CONFIG, QStringLiteral("cannot run the editor %1; set VISUAL or EDITOR").arg(command.front())};
    return Failure{EX_DATAERR,
        WIFEXITED(status)
            ? QStringLiteral("the editor ended with exit code %1; nothing was saved").arg(WEXITSTATUS(status))
            : QStringLiteral("the editor was killed by signal %1; nothing was saved").arg(WTERMSIG(status))};
}

Outcome<QByteArray> EditedFile::text() const
{
    return readInput(m_path);
}

void EditedFile::keep()
{
    m_directory->setAutoRemove(false);
}

} // namespace beacon::sensorctl
