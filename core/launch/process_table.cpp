#include "core/launch/process_table.h"

#include "core/base/unique_fd.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace beacon {

namespace {

constexpr int kDecimal = 10;

} // namespace

std::vector<pid_t> allProcesses()
{
    std::vector<pid_t> pids;
    struct CloseDir {
        void operator()(DIR* dir) const { ::closedir(dir); }
    };
    const std::unique_ptr<DIR, CloseDir> proc{::opendir("/proc")};
    if (!proc)
        return pids;
    while (const dirent* entry = ::readdir(proc.get()))
        if (const long pid = std::strtol(entry->d_name, nullptr, kDecimal); pid > 1) // 0: no process
            pids.push_back(static_cast<pid_t>(pid));
    return pids;
}

std::string contentOf(pid_t pid, const char* file)
{
    constexpr std::size_t kMost = 65'536;
    std::string text(kMost, '\0');
    const UniqueFd fd{::open(("/proc/" + std::to_string(pid) + '/' + file).c_str(), O_RDONLY | O_CLOEXEC)};
    const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : 0;
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
}

Kin kinOf(pid_t pid)
{
    const std::string stat = contentOf(pid, "stat");
    const std::size_t end = stat.rfind(')'); // the name before it may contain anything
    constexpr std::size_t kState = 2; // " S"
    if (end == std::string::npos || end + kState >= stat.size())
        return {};
    char* at = nullptr;
    std::array<long, 4> fields{}; // ppid, pgrp, session, tty_nr: proc(5)
    const char* text = stat.c_str() + end + 1 + kState;
    for (long& field : fields) {
        field = std::strtol(text, &at, kDecimal);
        text = at;
    }
    return {static_cast<pid_t>(fields.front()), static_cast<int>(fields.back())};
}

} // namespace beacon
