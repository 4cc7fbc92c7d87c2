#include "service/sensor/instrument_paths.h"

#include "core/base/run_place.h"
#include "service/sensor/short_command.h"

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr mode_t kPrivate = 0700;

// Trees of an Instrument may be as deep as it likes: the tools of the distribution go down them with one descriptor,
// and follow no link.

/// What an Instrument of the same name and another range of ids has left.
Result<> giveTree(const std::string& path, const UserIds& ids)
{
    const std::string owner = std::to_string(ids.uid) + ':' + std::to_string(ids.gid);
    return runShortCommand({.program = "chown", .arguments = {"-hR", owner, "--", path}, .input = {}});
}

Result<> makeOwned(const QString& path, const UserIds& ids)
{
    const std::string text = path.toStdString();
    if (::mkdir(text.c_str(), kPrivate) != 0 && errno != EEXIST)
        return systemError("make " + text);
    struct stat status { };
    if (::lstat(text.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        return Error{Errc::BadInput, 0, text + " is not a directory"};
    if (status.st_uid != ids.uid)
        if (auto given = giveTree(text, ids); !given)
            return given;
    if (::lchown(text.c_str(), ids.uid, ids.gid) != 0 || ::chmod(text.c_str(), kPrivate) != 0)
        return systemError("give " + text + " to its Instrument");
    return {};
}

Result<> removeTree(const QString& path)
{
    const std::string text = path.toStdString();
    struct stat status { };
    if (::lstat(text.c_str(), &status) != 0 && errno == ENOENT)
        return {};
    return runShortCommand({.program = "rm", .arguments = {"-rf", "--one-file-system", "--", text}, .input = {}});
}

} // namespace

InstrumentPaths::InstrumentPaths(const SensorSettings& settings, QString name, int slot)
    : run(settings.runtimeDir + QStringLiteral("/instruments/") + name)
    , socketDir(run + QStringLiteral("/sensor"))
    , socket(socketDir + QStringLiteral("/platform.sock"))
    , state(settings.stateDir + QStringLiteral("/instruments/") + name)
    , persistent(state + QStringLiteral("/persistent"))
    , transient(state + QStringLiteral("/transient"))
    , incoming(state + QStringLiteral("/incoming"))
    , resolvers(settings.runtimeDir + QStringLiteral("/resolv/") + name)
    , log(settings.stateDir + QStringLiteral("/logs/") + name + QStringLiteral(".log"))
    , manifest(settings.stateDir + QStringLiteral("/manifests/") + name + QStringLiteral(".json"))
    , networkNamespace(settings.runtimeDir + QStringLiteral("/net/") + name + QStringLiteral(".net"))
    , userNamespace(settings.runtimeDir + QStringLiteral("/net/") + name + QStringLiteral(".user"))
{
    ids.uid = ids.gid = settings.idBase + static_cast<std::uint32_t>(slot) * kIdsPerInstrument;
}

Result<> makeInstrumentPlace(const InstrumentPaths& paths)
{
    for (const QString& gone : {paths.run, paths.transient})
        if (auto removed = removeTree(gone); !removed)
            return removed;
    for (const QString& above : {paths.run, paths.state})
        if (auto made = makeDirectories(above.section(QLatin1Char('/'), 0, -2).toStdString()); !made)
            return made;
    for (const QString& dir :
        {paths.run, paths.socketDir, paths.state, paths.persistent, paths.transient, paths.incoming})
        if (auto made = makeOwned(dir, paths.ids); !made)
            return made;
    for (const char* storage : {"/persistent", "/transient", "/incoming"}) // mount points
        if (auto made = makeOwned(paths.socketDir + QLatin1StringView{storage}, paths.ids); !made)
            return made;
    return {};
}

Result<> removeInstrumentPlace(const InstrumentPaths& paths, bool purge)
{
    for (const QString& gone : {paths.run, paths.transient})
        if (auto removed = removeTree(gone); !removed)
            return removed;
    ::unlink(paths.resolvers.toStdString().c_str());
    if (!purge)
        return {};
    for (const QString& file : {paths.log, paths.log + QStringLiteral(".1"), paths.manifest})
        ::unlink(file.toStdString().c_str());
    return removeTree(paths.state);
}

} // namespace beacon
