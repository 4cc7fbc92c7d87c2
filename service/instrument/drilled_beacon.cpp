#include "service/instrument/drilled_beacon.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <vector>

namespace beacon {

namespace {

constexpr std::size_t kMaxWords = 200; // of the Beacon's last ones

struct Pipe {
    UniqueFd ours, theirs;
};

Result<Pipe> makePipe()
{
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return systemError("make a pipe");
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK); // ours only: a program may expect that its stdout blocks
    return Pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

/// As QtProcess has it.
std::vector<std::string> launcherWords(const DrilledBeacon::Setup& setup, pid_t parent, int report)
{
    std::vector<std::string> words{
        setup.launcher, "--parent", std::to_string(parent), "--report", std::to_string(report)};
    if (setup.user)
        words.insert(words.end(), {"--user", std::to_string(setup.user->uid) + ':' + std::to_string(setup.user->gid)});
    if (setup.netAdmin)
        words.emplace_back("--net-admin");
    words.insert(words.end(), {"--", setup.beacon, setup.interface});
    return words;
}

struct ChildEnds {
    int out, err, report;
};

/// In the child, where every descriptor but these three is closed by the execve(2).
[[noreturn]] void becomeLauncher(
    std::vector<std::string>& words, const ThrowawayNetwork& network, const ChildEnds& ends, pid_t parent)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const bool placed = ::getppid() == parent && network.enterFar() && ::dup2(ends.out, STDOUT_FILENO) >= 0
        && ::dup2(ends.err, STDERR_FILENO) >= 0 && ::fcntl(ends.report, F_SETFD, 0) == 0;
    if (!placed) // and never a Beacon elsewhere: it would escape into the network that is to be spared
        ::_exit(EX_OSERR);
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    ::execv(pointers[0], pointers.data());
    ::_exit(EX_OSERR);
}

/// The errno in a line of the launcher's report; 0: it says something else.
int errnoIn(std::string_view line)
{
    constexpr std::string_view kKey = "errno ";
    if (!line.starts_with(kKey))
        return 0;
    line.remove_prefix(kKey.size());
    int value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    return error == std::errc{} && end == line.data() + line.size() ? value : 0;
}

std::string printable(std::string_view text)
{
    std::string result{text.substr(0, kMaxWords)};
    std::replace_if(
        result.begin(), result.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
    return result;
}

} // namespace

Result<std::unique_ptr<DrilledBeacon>> DrilledBeacon::start(const Setup& setup, const ThrowawayNetwork& network)
{
    auto out = makePipe();
    auto err = makePipe();
    auto report = makePipe();
    for (const auto* const pipe : {&out, &err, &report}) {
        if (!*pipe)
            return pipe->error();
    }
    const pid_t parent = ::getpid();
    auto words = launcherWords(setup, parent, report->theirs.get());
    ::setenv("BEACON_CONFIG", setup.config.c_str(), 1);
    const pid_t pid = ::fork();
    if (pid < 0)
        return systemError("fork");
    if (pid == 0)
        becomeLauncher(words, network, {out->theirs.get(), err->theirs.get(), report->theirs.get()}, parent);
    std::unique_ptr<DrilledBeacon> started{new DrilledBeacon};
    started->m_pid = pid;
    started->m_out.fd = std::move(out->ours);
    started->m_err.fd = std::move(err->ours);
    started->m_report.fd = std::move(report->ours);
    return started;
}

DrilledBeacon::~DrilledBeacon()
{
    if (m_status)
        return;
    ::kill(-m_pid, SIGKILL); // it leads a session
    ::kill(m_pid, SIGKILL);
}

bool DrilledBeacon::take(const OnLine& onLine)
{
    const auto onReport = [this](std::string_view line) {
        if (const int code = errnoIn(line); code != 0)
            m_execErrno = code;
    };
    const auto onWords = [this](std::string_view line) { m_lastWords = printable(line); };
    const bool reported = read(m_report, onReport);
    const bool said = read(m_out, onLine);
    const bool complained = read(m_err, onWords);
    return reported || said || complained;
}

bool DrilledBeacon::read(Stream& stream, const OnLine& onLine)
{
    if (!stream.fd)
        return false;
    const ssize_t got = ::read(stream.fd.get(), m_buffer.data(), m_buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    const auto finish = [&] {
        if (!stream.line.empty())
            onLine(stream.line);
        stream.line.clear();
    };
    if (got <= 0) {
        stream.fd.reset();
        finish();
        return true;
    }
    std::string_view rest{m_buffer.data(), static_cast<std::size_t>(got)};
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::size_t room = kMaxLine - stream.line.size();
        stream.line.append(rest.substr(0, std::min(end, room)));
        if (end < rest.size())
            finish();
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
}

void DrilledBeacon::terminate() const
{
    if (!m_status)
        ::kill(m_pid, SIGTERM); // the launcher passes it on
}

bool DrilledBeacon::running()
{
    if (m_status)
        return false;
    int status = 0;
    if (::waitpid(m_pid, &status, WNOHANG) == 0)
        return true;
    m_status = status;
    return false;
}

std::string DrilledBeacon::ending() const
{
    const auto withWords = [this](const std::string& sentence) {
        return m_lastWords.empty() ? sentence : sentence + ": " + m_lastWords;
    };
    if (m_execErrno != 0)
        return std::string{"the Beacon cannot be executed: "} + std::strerror(m_execErrno);
    if (!m_status)
        return {};
    if (WIFSIGNALED(*m_status))
        return withWords("the Beacon was ended by signal " + std::to_string(WTERMSIG(*m_status)));
    return withWords("the Beacon ended with exit code " + std::to_string(WEXITSTATUS(*m_status)));
}

} // namespace beacon
