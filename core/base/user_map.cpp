#include "core/base/user_map.h"

#include <cstdio>
#include <cstdlib>

namespace beacon {

bool isMapped(const char* map, unsigned long id)
{
    std::FILE* file = std::fopen(map, "re");
    if (file == nullptr)
        return true;
    bool found = false;
    constexpr int kDecimal = 10;
    for (char line[128]; !found && std::fgets(line, sizeof line, file) != nullptr;) {
        char* end = line;
        const unsigned long inside = std::strtoul(end, &end, kDecimal);
        static_cast<void>(std::strtoul(end, &end, kDecimal)); // its number outside
        const unsigned long count = std::strtoul(end, &end, kDecimal);
        found = id >= inside && id - inside < count;
    }
    std::fclose(file);
    return found;
}

bool hasAllIds()
{
    constexpr unsigned long kLast = 4'294'967'294; // 2^32 - 1 is nobody's: it stands for an error
    return isMapped("/proc/self/uid_map", kLast);
}

} // namespace beacon
