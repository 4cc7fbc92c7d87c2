#include "core/platform/socket_path.h"

#include <sys/stat.h>

namespace beacon::platform {

std::optional<QString> platformSocket()
{
    if (const QString named = qEnvironmentVariable("SENSOR_SOCKET"); !named.isEmpty())
        return named;
    constexpr char kDefault[] = "/run/sensor/platform.sock";
    struct stat status { };
    if (::stat(kDefault, &status) == 0 && S_ISSOCK(status.st_mode))
        return QString::fromLatin1(kDefault);
    return std::nullopt;
}

} // namespace beacon::platform
