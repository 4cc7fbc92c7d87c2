#include "service/sensorctl/table.h"

#include <sysexits.h>

using namespace beacon;

int main(int argc, char** argv)
{
    const Started started = startProgram(sensorctl::program(), argc, argv);
    if (!started.values)
        return started.exitCode;
    return EX_UNAVAILABLE;
}
