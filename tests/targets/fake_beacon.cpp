// A Beacon that sends nothing: hello, then an attempt every 50 ms with the outcome that stands in a file, and an escape
// every tenth. The file is BEACON_CONFIG's neighbour "outcome": "sent" where it is missing.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

int main(int argc, char** argv)
{
    const char* config = std::getenv("BEACON_CONFIG");
    if (argc != 2 || config == nullptr)
        return std::fputs("fake_beacon: give an interface, and BEACON_CONFIG\n", stderr) < 0 ? 1 : 64;
    const std::string path{config};
    const std::string outcomeFile = path.substr(0, path.rfind('/')) + "/outcome";
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    std::fputs("a word on stderr before hello\n", stderr);
    std::printf(
        R"({"v":1,"t":"hello","version":"9.9.9","interface":"%s","rate_pps":20,"run":7,"techniques":["TcpConnection"]})"
        "\n",
        argv[1]);
    for (int n = 1; n < 100'000; ++n) {
        std::string outcome = "sent";
        if (std::ifstream file{outcomeFile}; file)
            file >> outcome;
        const char* error = outcome == "local_error" ? R"(,"errno":"EPERM")" : "";
        std::printf(
            R"({"v":1,"t":"attempt","n":%d,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,)"
            R"("port":443,"via":"02:00:5e:10:00:01","outcome":"%s"%s})"
            "\n",
            n, outcome.c_str(), error);
        if (n % 10 == 0 && outcome == "sent")
            std::printf(
                R"({"v":1,"t":"escape","n":%d,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,)"
                R"("port":443,"via":"02:00:5e:10:00:01","rtt_us":812})"
                "\n",
                n);
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    return 0;
}
