#include "service/room/child.h"

#include "core/base/unique_fd.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace beacon {

namespace {

/// What goes through the pipe, and the text after it.
struct Outcome {
    bool isError = false;
    Errc code = Errc::System;
    int sys = 0;
};

constexpr std::size_t kMostBytes = 4'096; // one write(2) to a pipe, which is not torn: pipe(7)

void tell(int fd, const Result<std::string>& done)
{
    std::array<char, kMostBytes> message{};
    Outcome outcome;
    if (!done)
        outcome = {true, done.error().code, done.error().sys};
    std::memcpy(message.data(), &outcome, sizeof outcome);
    const std::string& text = done ? *done : done.error().context;
    const std::size_t length = text.copy(message.data() + sizeof outcome, message.size() - sizeof outcome);
    [[maybe_unused]] const auto written = ::write(fd, message.data(), sizeof outcome + length);
}

Result<std::string> hear(int fd)
{
    std::array<char, kMostBytes> message{};
    ssize_t size = 0;
    while ((size = ::read(fd, message.data(), message.size())) < 0 && errno == EINTR)
        ;
    Outcome outcome;
    if (size < static_cast<ssize_t>(sizeof outcome))
        return Error{Errc::System, 0, "a helping process was killed"};
    std::memcpy(&outcome, message.data(), sizeof outcome);
    std::string text{message.data() + sizeof outcome, static_cast<std::size_t>(size) - sizeof outcome};
    if (outcome.isError)
        return Error{outcome.code, outcome.sys, std::move(text)};
    return text;
}

} // namespace

Result<Child> Child::start(const Work& work)
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return systemError("make a pipe");
    const UniqueFd reading{ends[0]};
    UniqueFd writing{ends[1]};
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return systemError("start a helping process");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(0);
        tell(writing.get(), work());
        while (true)
            ::pause();
    }
    writing.reset();
    Child child{pid, {}};
    auto heard = hear(reading.get());
    if (!heard)
        return heard.error();
    child.m_text = *std::move(heard);
    return child;
}

Child::~Child()
{
    if (m_pid <= 0)
        return;
    ::kill(m_pid, SIGKILL);
    while (::waitpid(m_pid, nullptr, 0) < 0 && errno == EINTR)
        ;
}

} // namespace beacon
