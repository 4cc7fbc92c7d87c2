#include "core/escape/identity.h"

#include "core/base/base32.h"
#include "core/base/unique_fd.h"

#include <algorithm>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sodium.h>
#include <sys/stat.h>

namespace beacon {

namespace {

using Json = nlohmann::ordered_json;

Error bad(const std::string& what)
{
    return Error{Errc::BadInput, 0, what};
}

Result<std::string> requiredText(const Json& object, const char* key)
{
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
        return bad(std::string{"/"} + key + " must be a string that is not empty");
    return found->get<std::string>();
}

Result<std::vector<std::string>> texts(const Json& object, const char* key)
{
    std::vector<std::string> all;
    const auto found = object.find(key);
    if (found == object.end())
        return all;
    const bool strings =
        found->is_array() && std::ranges::all_of(*found, [](const Json& one) { return one.is_string(); });
    if (!strings || found->size() > 256)
        return bad(std::string{"/"} + key + " must be a list of strings");
    for (const Json& one : *found)
        all.push_back(one.get<std::string>());
    return all;
}

Result<MasterKey> masterKey(const std::string& base64)
{
    MasterKey key{};
    std::size_t bytes = 0;
    const int failed = sodium_base642bin(
        key.data(), key.size(), base64.data(), base64.size(), nullptr, &bytes, nullptr, sodium_base64_VARIANT_ORIGINAL);
    if (failed != 0 || bytes != key.size())
        return bad("/key must be the base64 of 32 bytes");
    return key;
}

/// Letters, digits, hyphens and underscores in labels; room for a token's label before it.
bool validZone(const std::string& zone)
{
    if (zone.size() + kTokenChars + 1 > 253)
        return false;
    std::size_t label = 0;
    for (const char c : zone + '.') {
        const bool ldh = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c != '.' && !ldh)
            return false;
        if (c == '.' && (label == 0 || label > 63))
            return false;
        label = c == '.' ? 0 : label + 1;
    }
    return true;
}

Result<> takeHome(const Json& object, Identity& identity)
{
    const auto addresses = texts(object, "home");
    if (!addresses)
        return addresses.error();
    if (addresses->empty())
        return bad("/home must list at least one address of Home");
    for (const std::string& text : *addresses) {
        const auto address = IpAddress::parse(text);
        if (!address || address->isAny())
            return bad("/home: \"" + text.substr(0, 64) + "\" is no IP address");
        identity.home.push_back(*address);
    }
    return {};
}

Result<> takeZone(const Json& object, Identity& identity)
{
    const auto found = object.find("zone");
    if (found == object.end())
        return {};
    if (!found->is_string())
        return bad("/zone must be a string");
    std::string zone = found->get<std::string>();
    std::ranges::transform(
        zone, zone.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (zone.ends_with('.'))
        zone.pop_back();
    if (!zone.empty() && !validZone(zone))
        return bad("/zone: \"" + zone.substr(0, 64) + "\" is no DNS name with room for a 52-character label");
    identity.zone = std::move(zone);
    return {};
}

} // namespace

Result<Identity> parseIdentity(std::string_view json)
{
    if (json.size() > kMaxIdentityBytes)
        return Error{Errc::TooLarge, 0, "an identity has at most 64 KiB"};
    const Json object = Json::parse(json, nullptr, false);
    if (!object.is_object())
        return bad("an identity is one JSON object");
    Identity identity;
    const auto name = requiredText(object, "name");
    const auto keyId = requiredText(object, "key_id");
    const auto key = requiredText(object, "key");
    for (const auto* const text : {&name, &keyId, &key}) {
        if (!*text)
            return text->error();
    }
    identity.name = *name;
    const auto rawId = fromHex(*keyId);
    if (!rawId || rawId->size() != 4)
        return bad("/key_id must be eight hexadecimal digits");
    for (const Byte byte : *rawId)
        identity.keyId = identity.keyId << 8 | byte;
    const auto master = masterKey(*key);
    if (!master)
        return master.error();
    identity.key = *master;
    for (const auto take : {takeHome, takeZone}) {
        if (const auto taken = take(object, identity); !taken)
            return taken.error();
    }
    auto allow = texts(object, "allow");
    auto ranges = texts(object, "ranges");
    if (!allow || !ranges)
        return !allow ? allow.error() : ranges.error();
    identity.allow = std::move(*allow);
    identity.ranges = std::move(*ranges);
    return identity;
}

Result<Identity> loadIdentity(const std::string& path)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    struct stat status { };
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return systemError("read identity " + path);
    if (!S_ISREG(status.st_mode))
        return bad("identity " + path + " is not a regular file");
    if ((status.st_mode & 077) != 0)
        return Error{Errc::Denied, 0,
            "identity " + path + " can be read by others than its owner: its key is a secret (chmod 600)"};
    std::string text(std::min<std::size_t>(static_cast<std::size_t>(status.st_size), kMaxIdentityBytes + 1), '\0');
    const ssize_t bytes = ::pread(fd.get(), text.data(), text.size(), 0);
    if (bytes < 0)
        return systemError("read identity " + path);
    text.resize(static_cast<std::size_t>(bytes));
    auto identity = parseIdentity(text);
    sodium_memzero(text.data(), text.size());
    if (!identity)
        return Error{identity.error().code, 0, "identity " + path + ": " + identity.error().context};
    return identity;
}

std::string writeIdentity(const Identity& identity)
{
    std::string key(sodium_base64_ENCODED_LEN(kMasterKeyBytes, sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(key.data(), key.size(), identity.key.data(), identity.key.size(), sodium_base64_VARIANT_ORIGINAL);
    key.pop_back(); // the terminator
    Json home = Json::array();
    for (const IpAddress& address : identity.home)
        home.push_back(address.text());
    const std::array<Byte, 4> id{static_cast<Byte>(identity.keyId >> 24), static_cast<Byte>(identity.keyId >> 16),
        static_cast<Byte>(identity.keyId >> 8), static_cast<Byte>(identity.keyId)};
    Json object{{"name", identity.name}, {"key_id", toHex(id)}, {"key", key}, {"home", home}};
    if (!identity.zone.empty())
        object["zone"] = identity.zone;
    if (!identity.ranges.empty())
        object["ranges"] = identity.ranges;
    if (!identity.allow.empty())
        object["allow"] = identity.allow;
    return object.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace beacon
