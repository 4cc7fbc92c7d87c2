// A Beacon with one fault: the one that its interface is called, until a file "mended" lies beside BEACON_CONFIG; from
// its next start on it is then as good as any, and sends nothing either. All end by themselves within some minutes.
//
//     bad_beacon INTERFACE            "split1" is the fault "split": digits at the end tell interfaces apart
//     bad_beacon --parent PID --report FD … -- BINARY INTERFACE     a beacon-launch for which there is no memory
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::minutes kLongest{4};
const Clock::time_point kEnd = Clock::now() + kLongest;

std::string beside(const char* name)
{
    const char* config = std::getenv("BEACON_CONFIG");
    const std::string path = config != nullptr ? config : "/nonexistent/none";
    return path.substr(0, path.rfind('/') + 1) + name;
}

bool isThere(const char* name)
{
    return ::access(beside(name).c_str(), F_OK) == 0;
}

void put(std::string_view text, int fd = STDOUT_FILENO)
{
    while (!text.empty()) {
        const ssize_t size = ::write(fd, text.data(), text.size());
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            std::_Exit(2); // nobody reads any more
        text.remove_prefix(static_cast<std::size_t>(size));
    }
}

void nap(milliseconds time)
{
    std::this_thread::sleep_for(time);
    if (Clock::now() > kEnd)
        std::_Exit(3);
}

[[noreturn]] void linger()
{
    while (true)
        nap(milliseconds{100});
}

std::string hello()
{
    return R"({"v":1,"t":"hello","version":"9.9.9","interface":"x","rate_pps":20,"run":7,"techniques":["TcpConnection"]})"
           "\n";
}

std::string target(long n)
{
    return R"("n":)" + std::to_string(n)
        + R"(,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,"port":443,"via":"02:00:5e:10:00:01")";
}

std::string attempt(long n)
{
    return R"({"v":1,"t":"attempt",)" + target(n) + R"(,"outcome":"sent"})" + '\n';
}

std::string escape(long n)
{
    return R"({"v":1,"t":"escape",)" + target(n) + R"(,"rtt_us":812})" + '\n';
}

/// An attempt every 50 ms, and an escape every tenth, as long as `goesOn`.
template <class Condition> void work(Condition goesOn)
{
    for (long n = 1; goesOn(n); ++n) {
        put(attempt(n));
        if (n % 10 == 0)
            put(escape(n));
        nap(milliseconds{50});
    }
}

[[noreturn]] void workOn()
{
    work([](long) { return true; });
    std::_Exit(0);
}

void ignoreTerm()
{
    std::signal(SIGTERM, SIG_IGN);
}

/// Until the kernel says no; never more than would hurt a host.
void eat()
{
    constexpr std::size_t kBite = 1'048'576, kMost = 256;
    for (std::size_t i = 0; i < kMost; ++i)
        if (::mmap(nullptr, kBite, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
            == MAP_FAILED)
            std::abort();
    std::_Exit(99); // there was no bound
}

/// A process with a session of its own, which holds stdout; there is nobody between it and this one any more.
void makeDaemon()
{
    if (const pid_t between = ::fork(); between != 0) {
        ::waitpid(between, nullptr, 0);
        return;
    }
    ::setsid();
    if (::fork() != 0)
        ::_exit(0);
    linger();
}

void tell(const char* file, const std::string& text)
{
    std::ofstream{beside("part")} << text;
    std::rename(beside("part").c_str(), beside(file).c_str());
}

/// For six seconds, at most 500,000 lines a second; then what was written lies in the file "wrote": lines and escapes.
void flood(bool ours, int fd)
{
    constexpr int kPerBlock = 5'000, kBlocks = 600;
    const std::string line = ours ? attempt(1) : "64 bytes from 192.0.2.10: icmp_seq=1 ttl=64 time=0.123 ms\n";
    const auto began = Clock::now();
    long lines = 0, escapes = 0;
    for (int block = 0; block < kBlocks && Clock::now() - began < std::chrono::seconds{6}; ++block) {
        std::string text;
        for (int i = 1; i < kPerBlock; ++i)
            text += line;
        if (ours)
            text += escape(++escapes);
        else
            text += line;
        put(text, fd);
        lines += kPerBlock;
        std::this_thread::sleep_until(began + (block + 1) * milliseconds{10});
    }
    tell("wrote", std::to_string(lines) + ' ' + std::to_string(escapes));
}

/// Of ours, in pieces of 1 to 7 bytes.
void inPieces()
{
    std::string all = hello();
    for (long n = 1; n <= 60; ++n)
        all += attempt(n) + (n % 10 == 0 ? escape(n) : "");
    for (std::size_t at = 0, size = 1; at < all.size(); at += size, size = size % 7 + 1) {
        put(std::string_view{all}.substr(at, size));
        ::usleep(50);
    }
}

void putEndless(std::size_t bytes)
{
    const std::string block(65'536, 'x');
    for (std::size_t done = 0; done < bytes && Clock::now() < kEnd; done += block.size())
        put(block);
}

using namespace std::string_view_literals;

constexpr std::string_view kOdd[] = {"NUL a\0b\n"sv, "colour \x1b[1;31mred\x1b[0m\n"sv, "not UTF-8 \xff\xc0\xaf\n"sv,
    "half a character \xc3\n"sv, "CRLF\r\n"sv, "\r\n"sv, "\0\n"sv, "bell \a and a quote \"\\\n"sv};

void commitFault(std::string_view how)
{
    const bool foreign = how.starts_with("foreign") || how == "mute";
    if (how == "daemonises" || how == "with-daemon")
        makeDaemon();
    if (!foreign && how != "split")
        put(hello() + attempt(1));
    if (how == "exit0")
        std::_Exit(0);
    if (how == "exit3")
        std::_Exit(3);
    if (how == "crash") {
        std::signal(SIGSEGV, SIG_DFL); // a sanitizer would catch it and exit
        std::raise(SIGSEGV);
    }
    if (how == "loop5ms") {
        nap(milliseconds{5});
        std::_Exit(1);
    }
    if (how == "hungry") {
        work([](long) { return !isThere("eat"); });
        eat();
    }
    if (how == "silent" || how == "mute")
        linger();
    if (how == "stubborn") {
        ignoreTerm();
        linger();
    }
    if (how == "slow-to-end") {
        ignoreTerm();
        workOn();
    }
    if (how == "garbage")
        while (true) {
            put("\x01\xfe no JSON {\n");
            nap(milliseconds{20});
        }
    if (how == "closes-stdout") {
        ::close(STDOUT_FILENO);
        linger();
    }
    if (how == "grandchild") {
        if (::fork() == 0)
            linger();
        std::_Exit(0);
    }
    if (how == "daemonises")
        std::_Exit(0);
    if (how == "with-daemon")
        workOn();
    if (how == "split")
        inPieces();
    if (how == "endless") {
        putEndless(100 * 1'048'576);
        put("\n");
    }
    if (how == "endlessly")
        while (true) {
            putEndless(1'048'576);
            nap(milliseconds{20});
        }
    if (how == "odd")
        for (const std::string_view line : kOdd)
            put(line);
    if (how == "crlf")
        for (long n = 2; n <= 20; ++n) {
            std::string line = attempt(n);
            line.insert(line.size() - 1, "\r");
            put(line);
        }
    if (how == "foreign-odd") {
        for (const std::string_view line : kOdd)
            put(line);
        linger();
    }
    if (how == "last-words") {
        const std::string line = escape(77);
        put(std::string_view{line}.substr(0, line.size() - 1));
        std::_Exit(0);
    }
    if (how == "foreign-last") {
        put("the first words\nthe last words"sv);
        std::_Exit(0);
    }
    if (how == "flood")
        flood(true, STDOUT_FILENO);
    if (how == "foreign-flood") {
        flood(false, STDOUT_FILENO);
        for (int i = 1; true; ++i) {
            put("quiet line " + std::to_string(i) + '\n');
            nap(milliseconds{100});
        }
    }
    if (how == "stderr-flood") {
        if (::fork() == 0) {
            flood(false, STDERR_FILENO);
            ::_exit(0);
        }
        workOn();
    }
    if (how == "foreign-moves")
        for (int i = 0; true; ++i) {
            put("line " + std::to_string(i) + '\n', i < 20 ? STDOUT_FILENO : STDERR_FILENO);
            nap(milliseconds{50});
        }
    if (how == "moves") {
        ::dup2(STDERR_FILENO, STDOUT_FILENO);
        workOn();
    }
    // Everything else is a Beacon without a fault, or one that is over.
}

int launchWithoutMemory(int argc, char** argv)
{
    if (isThere("mended")) {
        ::execv(BEACON_LAUNCH, argv);
        return 71;
    }
    for (int i = 1; i + 1 < argc; ++i)
        if (std::string_view{argv[i]} == "--report")
            put("errno " + std::to_string(ENOMEM) + '\n', std::atoi(argv[i + 1]));
    return 126;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc > 2)
        return launchWithoutMemory(argc, argv);
    std::string how = argc > 1 ? argv[1] : "";
    while (how.size() > 1 && how != "exit0" && how != "exit3" && how.back() >= '0' && how.back() <= '9')
        how.pop_back();
    if (!isThere("mended"))
        commitFault(how);
    if (how != "split" || isThere("mended"))
        put(hello());
    workOn();
}
