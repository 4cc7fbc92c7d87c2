#include "service/sensorctl/run.h"
#include "service/sensorctl/table.h"

#include <csignal>

#include <fcntl.h>
#include <unistd.h>

using namespace beacon;

namespace {

/// What is closed gets a descriptor that cannot be used: else the Sensor's socket would get its number, and our output.
void occupyStandardDescriptors()
{
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(descriptor, F_GETFD) < 0)
            (void)::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

} // namespace

int main(int argc, char** argv)
{
    occupyStandardDescriptors();
    const Started started = startProgram(sensorctl::program(), argc, argv);
    if (!started.values)
        return started.exitCode;
    std::signal(SIGPIPE, SIG_IGN); // a reader that has had enough is no reason to die before the exit code is known
    return sensorctl::run(*started.values);
}
