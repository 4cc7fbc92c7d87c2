// What the benches run instead of a Beacon; the interface's name says what it does. All end by themselves.
//
//     bench_beacon [ANYTHING]         tells its pid at once, then waits: the way a Beacon says hello
//     bench_beacon blocks KIND COUNT  writes COUNT lines in blocks of 64 KiB; KIND is attempt, short or foreign
//     bench_beacon lines KIND COUNT   the same with one write(2) per line
//     bench_beacon idle*              as a Beacon that has nothing to do: a line every 10 s
//     bench_beacon paced0             an attempt every millisecond; its reason is the monotonic time of the write, in
//     ns
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

constexpr std::size_t kBlockBytes = 65'536;
constexpr std::string_view kHello =
    R"({"v":1,"t":"hello","version":"9.9.9","interface":"bench0","rate_pps":1000,"run":7,"techniques":["TcpConnection"]})"
    "\n";

void put(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
        if (size <= 0)
            std::exit(1); // nobody reads any more
        text.remove_prefix(static_cast<std::size_t>(size));
    }
}

std::string lineOf(std::string_view kind)
{
    if (kind == "attempt") // as the Beacon writes it
        return R"({"v":1,"t":"attempt","n":1234567,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10",)"
               R"("proto":6,"port":443,"via":"02:00:5e:10:00:01","outcome":"sent"})"
               "\n";
    if (kind == "short") // with as few keys as an attempt may have: 100 bytes
        return R"({"t":"attempt","n":12345,"technique":"IcmpEcho","family":"ipv4","dst":"192.0.2.1","outcome":"sent"})"
               "\n";
    std::string line = "64 bytes from 192.0.2.10: icmp_seq=1234567 ttl=64 time=0.123 ms";
    line.resize(99, '.');
    return line + '\n';
}

void putBlocks(const std::string& line, long count)
{
    std::string block;
    while (block.size() < kBlockBytes + line.size())
        block += line;
    // Blocks of exactly 64 KiB cut lines in two, as a full pipe does.
    const std::size_t total = line.size() * static_cast<std::size_t>(count);
    for (std::size_t done = 0; done < total; done += kBlockBytes)
        put(std::string_view{block}.substr(done % line.size(), std::min(kBlockBytes, total - done)));
}

void putLines(const std::string& line, long count)
{
    for (long n = 0; n < count; ++n)
        put(line);
}

void idle()
{
    for (int i = 0; i < 30; ++i) {
        ::sleep(10);
        put("{\"v\":1,\"t\":\"idle\",\"for_s\":10}\n");
    }
}

void pacedAttempts()
{
    timespec next{};
    ::clock_gettime(CLOCK_MONOTONIC, &next);
    for (int n = 1; n <= 120'000; ++n) {
        next.tv_nsec += 1'000'000;
        if (next.tv_nsec >= 1'000'000'000) {
            next.tv_nsec -= 1'000'000'000;
            ++next.tv_sec;
        }
        ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        char line[320];
        const int size = std::snprintf(line, sizeof line,
            R"({"v":1,"t":"attempt","n":%d,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,)"
            R"("port":443,"via":"02:00:5e:10:00:01","outcome":"sent","reason":"%lld"})"
            "\n",
            n, static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec);
        put({line, static_cast<std::size_t>(size)});
    }
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view how = argc > 1 ? argv[1] : "";
    const std::string_view kind = argc > 2 ? argv[2] : "";
    const long count = argc > 3 ? std::strtol(argv[3], nullptr, 10) : 0;
    ::alarm(300);
    if (how != "blocks" && how != "lines" && !how.starts_with("idle") && how != "paced0") {
        put("up " + std::to_string(::getpid()) + '\n');
        ::pause();
        return 0;
    }
    if (kind != "foreign")
        put(kHello);
    if (how == "blocks")
        putBlocks(lineOf(kind), count);
    else if (how == "lines")
        putLines(lineOf(kind), count);
    else if (how.starts_with("idle"))
        idle();
    else
        pacedAttempts();
    return 0;
}
