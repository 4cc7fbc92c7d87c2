#include "core/supervision/process.h"

#include <cstring>

namespace beacon {

std::string describe(const Exit& exit)
{
    std::string number = std::to_string(exit.value);
    switch (exit.how) {
    case Exit::How::Code:
        return "exit code " + number;
    case Exit::How::Signal: {
        const char* name = sigdescr_np(exit.value);
        return "signal " + number + (name != nullptr ? std::string{" ("} + name + ')' : std::string{});
    }
    case Exit::How::Unrunnable:
    case Exit::How::NoSpawn:
    case Exit::How::NoLauncher: {
        const char* what = exit.how == Exit::How::Unrunnable ? "cannot be executed"
            : exit.how == Exit::How::NoSpawn                 ? "could not be started"
                                             : "has no working beacon-launch or sensor-room to start it";
        const char* why = strerrordesc_np(exit.value);
        return exit.value != 0 && why != nullptr ? std::string{what} + ": " + why : std::string{what};
    }
    }
    return number;
}

} // namespace beacon
