// A Beacon of somebody else's: takes an interface, sends a UDP datagram through it ten times a second to an address
// outside, and prints a line for each; nothing where the interface is called "quiet". It ends by itself within a
// minute.
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

int main(int argc, char** argv)
{
    if (argc != 2)
        return std::fputs("foreign_beacon: give an interface\n", stderr) < 0 ? 1 : 64;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, argv[1], static_cast<socklen_t>(std::strlen(argv[1]) + 1));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(5'353);
    ::inet_pton(AF_INET, "203.0.113.77", &to.sin_addr);
    for (int n = 1; n <= 600; ++n) {
        const bool sent = ::sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 1;
        if (std::strcmp(argv[1], "quiet") != 0)
            std::printf("probe %d %s\n", n, sent ? "sent" : std::strerror(errno));
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    return 0;
}
