#include "core/base/user_map.h"

#include <cstdio>

namespace beacon {

bool isMapped(const char* map, unsigned long id)
{
    std::FILE* file = std::fopen(map, "re");
    if (file == nullptr)
        return true;
    bool found = false;
    unsigned long inside = 0, outside = 0, count = 0;
    while (!found && std::fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3)
        found = id >= inside && id - inside < count;
    std::fclose(file);
    return found;
}

} // namespace beacon
