#include "service/beacon/cli.h"

int main(int argc, char** argv)
{
    return beacon::runBeacon(argc, argv);
}
