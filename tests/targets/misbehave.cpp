// misbehave HOW: one way of being a bad child. All end by themselves within a minute.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/ptrace.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr std::chrono::seconds kLongest{60};

void linger()
{
    std::this_thread::sleep_for(kLongest);
}

/// Writes for at most a minute.
void flood(int fd, std::string_view text)
{
    const auto end = std::chrono::steady_clock::now() + kLongest;
    std::string block;
    while (block.size() < 65'536)
        block += text;
    while (std::chrono::steady_clock::now() < end && ::write(fd, block.data(), block.size()) > 0)
        ;
}

void printState()
{
    sigset_t mask;
    sigprocmask(SIG_SETMASK, nullptr, &mask);
    struct sigaction hangUp { };
    sigaction(SIGHUP, nullptr, &hangUp);
    const bool stdinEmpty = std::getchar() == EOF;
    int descriptors = 0;
    for (int fd = 3; fd < 256; ++fd)
        descriptors += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    std::printf("sigterm_blocked=%d hup_default=%d leader=%d session=%d stdin_empty=%d descriptors=%d cwd_root=%d\n",
        sigismember(&mask, SIGTERM), hangUp.sa_handler == SIG_DFL ? 1 : 0, ::getpgrp() == ::getpid() ? 1 : 0,
        ::getsid(0) == ::getpid() ? 1 : 0, stdinEmpty ? 1 : 0, descriptors, ::access("proc", F_OK) == 0 ? 1 : 0);
    for (char** entry = environ; *entry != nullptr; ++entry)
        std::printf("env=%.*s\n", static_cast<int>(std::strcspn(*entry, "=")), *entry);
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view how = argc > 1 ? argv[1] : "";
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (how == "exit3")
        return 3;
    if (how == "trace-init") {
        std::puts(::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr) == 0 ? "traced" : "refused");
        return 0;
    }
    if (how == "exit127")
        return 127;
    if (how == "crash") {
        std::signal(SIGSEGV, SIG_DFL); // a sanitizer would catch it and exit
        std::raise(SIGSEGV);
    } else if (how == "hang")
        linger();
    else if (how == "ignore-term") {
        std::signal(SIGTERM, SIG_IGN);
        std::puts("ready");
        linger();
    } else if (how == "flood")
        flood(STDOUT_FILENO, "one line of output\n");
    else if (how == "flood-endless-line")
        flood(STDOUT_FILENO, "no end ");
    else if (how == "flood-stderr")
        flood(STDERR_FILENO, "one line of complaint\n");
    else if (how == "unterminated")
        std::fputs("the last words", stdout);
    else if (how == "close-stdout") {
        ::close(STDOUT_FILENO);
        linger();
    } else if (how == "grandchild") {
        if (::fork() == 0)
            linger();
        std::puts("the child leaves, the grandchild holds stdout");
    } else if (how == "daemonise") {
        if (::fork() == 0) {
            ::setsid();
            if (::fork() != 0)
                ::_exit(0);
            std::printf("daemon\n");
            linger();
        }
        if (argc > 2 && std::string_view{argv[2]} == "stay")
            linger();
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
    } else if (how == "ticks") {
        for (int i = 0; i < 1'200; ++i) {
            std::printf("tick %d\n", i);
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
    } else if (how == "state")
        printState();
    return std::fflush(stdout);
}
