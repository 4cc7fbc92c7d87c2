#include "core/base/unique_fd.h"
#include "core/options/reader.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxConfigBytes = std::size_t{1024} * 1024;
constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxComplaints = 32;
constexpr std::size_t kMaxPortItems = 65'535;

enum class Type { Null, Boolean, Number, String, Array, Object };

std::string_view typeName(Type type)
{
    switch (type) {
    case Type::Null:
        return "null";
    case Type::Boolean:
        return "true or false";
    case Type::Number:
        return "a number";
    case Type::String:
        return "a string";
    case Type::Array:
        return "an array";
    case Type::Object:
        return "an object";
    }
    return "";
}

/// A value of the first level, or an item of an array there; what lies deeper is never meant and not kept.
struct Value {
    Type type = Type::Null;
    std::string text; ///< spelled as on the command line
    std::vector<Value> items;
};

std::string pointerTo(std::string_view key)
{
    std::string pointer = "/";
    for (const char c : shown(key))
        pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return pointer;
}

/// Collects the first two levels of a document. nlohmann calls it by name (json_sax).
class DocumentReader {
public:
    std::vector<std::pair<std::string, Value>> entries;
    std::optional<Complaint> stopped; ///< why reading ended before the end

    bool null() { return add({Type::Null, "null", {}}); }
    bool boolean(bool value) { return add({Type::Boolean, value ? "true" : "false", {}}); }
    bool number_integer(Json::number_integer_t value) { return add({Type::Number, std::to_string(value), {}}); }
    bool number_unsigned(Json::number_unsigned_t value) { return add({Type::Number, std::to_string(value), {}}); }
    bool number_float(Json::number_float_t value, const std::string&)
    {
        return add({Type::Number, numberText(value), {}});
    }
    bool string(std::string& value) { return add({Type::String, std::move(value), {}}); }
    bool binary(Json::binary_t&) { return false; } // not in JSON text
    bool start_object(std::size_t) { return enter(Type::Object); }
    bool start_array(std::size_t) { return enter(Type::Array); }
    bool end_object() { return leave(); }
    bool end_array() { return leave(); }

    bool key(std::string& name)
    {
        if (m_depth == 1)
            entries.emplace_back(std::move(name), Value{});
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const Json::exception& exception)
    {
        std::string_view text =
            exception.what(); // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
        if (const std::size_t end = text.find("] "); text.starts_with('[') && end != std::string_view::npos)
            text.remove_prefix(end + 2);
        std::string sentence;
        for (std::size_t at = 0; at < text.size() && at < 240; at += 60) // shown() cuts at 80 bytes
            sentence += shown(text.substr(at, 60));
        stopped = Complaint{"", "is not JSON: " + sentence};
        return false;
    }

private:
    bool add(Value value)
    {
        if (m_depth == 0) {
            stopped = notAnObject(value.type);
            return false;
        }
        if (m_depth == 1)
            entries.back().second = std::move(value);
        else if (m_depth == 2 && entries.back().second.type == Type::Array)
            entries.back().second.items.push_back(std::move(value));
        return true;
    }

    bool enter(Type type)
    {
        if (m_depth == 0 && type != Type::Object) {
            stopped = notAnObject(type);
            return false;
        }
        if (m_depth >= kMaxDepth) {
            stopped = Complaint{pointerTo(entries.back().first),
                "is nested deeper than " + std::to_string(kMaxDepth) + " levels; flatten it"};
            return false;
        }
        if (m_depth > 0)
            add({type, "", {}});
        ++m_depth;
        return true;
    }

    bool leave()
    {
        --m_depth;
        return true;
    }

    static Complaint notAnObject(Type type)
    {
        return {"", "must be a JSON object { … }, but is " + std::string{typeName(type)}};
    }

    std::size_t m_depth = 0;
};

Type wantedType(OptionKind kind)
{
    switch (kind) {
    case OptionKind::Flag:
        return Type::Boolean;
    case OptionKind::Number:
        return Type::Number;
    case OptionKind::Text:
    case OptionKind::Document:
        return Type::String;
    case OptionKind::TextList:
    case OptionKind::PortList:
        return Type::Array;
    }
    return Type::Null;
}

/// An array as the comma-separated list of the command line, or the complaint about its first bad item.
std::optional<Complaint> joinItems(
    const Option& option, const Value& value, const std::string& pointer, std::string& joined)
{
    if (value.items.empty())
        return Complaint{pointer, "is an empty array; list something or leave the key out"};
    if (value.items.size() > kMaxPortItems)
        return Complaint{
            pointer, "has more than " + std::to_string(kMaxPortItems) + " items; use ranges such as \"8000-8010\""};
    const bool ports = option.kind == OptionKind::PortList;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Value& item = value.items[i];
        const std::string place = pointer + '/' + std::to_string(i);
        if (item.type != Type::String && !(ports && item.type == Type::Number))
            return Complaint{place,
                (ports ? "must be a port or a string such as \"8000-8010\", but is " : "must be a string, but is ")
                    + std::string{typeName(item.type)}};
        if (item.text.find(',') != std::string::npos)
            return Complaint{place, "has a comma; give each item a string of its own"};
        if (auto fault = findFault(option, item.text))
            return Complaint{place, fault->starts_with("has an item that ") ? fault->substr(17) : *fault};
        (joined += i == 0 ? "" : ",") += item.text;
    }
    return std::nullopt;
}

std::optional<Complaint> readValue(
    const Option& option, const Value& value, const std::string& pointer, std::string& spelled)
{
    const Type wanted = wantedType(option.kind);
    if (value.type != wanted) {
        const std::string remedy = value.type == Type::Null ? "; leave the key out instead" : "";
        return Complaint{pointer,
            "must be " + std::string{typeName(wanted)} + ", but is " + std::string{typeName(value.type)} + remedy};
    }
    if (wanted == Type::Array) {
        if (auto complaint = joinItems(option, value, pointer, spelled))
            return complaint;
    } else {
        spelled = value.text;
    }
    if (auto fault = findFault(option, spelled))
        return Complaint{pointer, std::move(*fault)};
    return std::nullopt;
}

Complaint unknownKey(const Program& program, std::string_view key)
{
    std::vector<std::string> keys;
    for (const Option& option : program.options) {
        if (allowedIn(option, Where::File))
            keys.push_back(keyOf(option));
        else if (keyOf(option) == key)
            return {pointerTo(key),
                "may be given on the command line only, as --" + std::string{option.name} + "; remove it here"};
    }
    const std::string hint = suggestion(key, keys);
    return {pointerTo(key), "is not a key of " + std::string{program.name} + (hint.empty() ? "; remove it" : hint)};
}

/// Where the text may hold a secret, a parser's sentence ends before what it quotes.
Complaint withoutQuote(Complaint complaint)
{
    constexpr std::string_view kLastRead = "; last read";
    complaint.text.resize(std::min({complaint.text.size(), complaint.text.find(kLastRead), complaint.text.find('\'')}));
    return complaint;
}

struct ReadConfig {
    std::map<std::string, std::string, std::less<>> values; ///< spelled as on the command line
    std::vector<Complaint> complaints;
};

ReadConfig readConfig(const Program& program, std::string_view json)
{
    DocumentReader document;
    if (json.size() > kMaxConfigBytes)
        return {{}, {{"", "is larger than 1 MiB; shorten it"}}};
    if (!Json::sax_parse(json.begin(), json.end(), &document)) {
        Complaint stopped = document.stopped.value_or(Complaint{"", "is not JSON"});
        return {{}, {secretKeys(program).empty() ? std::move(stopped) : withoutQuote(std::move(stopped))}};
    }
    ReadConfig result;
    auto& [read, complaints] = result;
    std::set<std::string_view> seen;
    for (const auto& entry : document.entries) {
        const std::string& key = entry.first; // clang 14 cannot capture a structured binding
        if (complaints.size() == kMaxComplaints) {
            complaints.push_back({"", "has more faults than these; mend them first"});
            break;
        }
        const auto option = std::ranges::find_if(
            program.options, [&](const Option& known) { return allowedIn(known, Where::File) && keyOf(known) == key; });
        std::string spelled;
        if (!seen.insert(key).second)
            complaints.push_back({pointerTo(key), "is given twice; keep one of the two"});
        else if (option == program.options.end())
            complaints.push_back(unknownKey(program, key));
        else if (auto complaint = readValue(*option, entry.second, pointerTo(key), spelled))
            complaints.push_back(std::move(*complaint));
        else
            read.insert_or_assign(std::string{option->name}, std::move(spelled));
    }
    return result;
}

std::vector<Complaint> take(const Program& program, const ReadConfig& read, Values& values)
{
    if (!read.complaints.empty())
        return read.complaints;
    Values with = values;
    OptionReader{program, with}.setFromFile(read.values);
    auto complaints = program.check != nullptr ? program.check(with) : std::vector<Complaint>{};
    if (complaints.empty())
        values = std::move(with);
    return complaints;
}

} // namespace

std::vector<Complaint> applyConfig(const Program& program, std::string_view json, Values& values)
{
    return take(program, readConfig(program, json), values);
}

std::vector<Complaint> applyConfigFile(const Program& program, const ConfigText& file, Values& values)
{
    ReadConfig read = readConfig(program, file.text);
    for (const Option& option : program.options)
        if (option.secret && !file.isPrivate && read.values.contains(option.name))
            read.complaints.push_back({pointerTo(keyOf(option)),
                "is a secret, but others than the owner may read this file; take that from them (chmod 600)"});
    return take(program, read, values);
}

Result<ConfigText> readConfigFile(const std::string& path)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    struct stat status { };
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return systemError("open configuration " + shown(path));
    if (!S_ISREG(status.st_mode))
        return Error{Errc::BadInput, 0, "configuration " + shown(path) + " is not a regular file; name a JSON file"};
    std::string text(kMaxConfigBytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return systemError("read configuration " + shown(path));
        if (got == 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    constexpr mode_t kOthers = 077;
    return ConfigText{std::move(text), (status.st_mode & kOthers) == 0};
}

Result<> loadConfig(const Program& program, const std::string& path, Values& values)
{
    const auto file = readConfigFile(path);
    if (!file)
        return file.error();
    std::string sentence;
    for (const Complaint& complaint : applyConfigFile(program, *file, values))
        sentence += (sentence.empty() ? shown(path) + ": " : "; ") + complaint.pointer
            + (complaint.pointer.empty() ? "" : " ") + complaint.text;
    if (!sentence.empty())
        return Error{Errc::BadInput, 0, std::move(sentence)};
    return {};
}

} // namespace beacon
