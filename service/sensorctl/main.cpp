#include "service/sensorctl/run.h"
#include "service/sensorctl/table.h"

#include <csignal>

using namespace beacon;

int main(int argc, char** argv)
{
    const Started started = startProgram(sensorctl::program(), argc, argv);
    if (!started.values)
        return started.exitCode;
    std::signal(SIGPIPE, SIG_IGN); // a reader that has had enough is no reason to die before the exit code is known
    return sensorctl::run(*started.values);
}
