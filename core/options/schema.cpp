#include "core/options/reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace beacon {

namespace {

using Json = nlohmann::ordered_json;

/// How what is spelled as on the command line looks in a file.
Json fileValue(const Option& option, std::string_view spelled)
{
    switch (option.kind) {
    case OptionKind::Flag:
        return spelled == "true";
    case OptionKind::Text:
    case OptionKind::Document:
        return std::string{spelled};
    case OptionKind::Number: {
        const double number = parseNumber(spelled).value_or(0);
        const auto whole = static_cast<std::int64_t>(number);
        return static_cast<double>(whole) == number ? Json(whole) : Json(number);
    }
    case OptionKind::TextList:
    case OptionKind::PortList: {
        Json items = Json::array();
        for (const std::string_view item : split(spelled, ',')) {
            const bool port = option.kind == OptionKind::PortList && item.find('-') == std::string_view::npos;
            items.push_back(
                port ? Json(static_cast<std::int64_t>(parseNumber(item).value_or(0))) : Json(std::string{item}));
        }
        return items;
    }
    }
    return nullptr;
}

Json textSchema(const Option& option)
{
    Json schema = {{"type", "string"}, {"minLength", 1}, {"maxLength", 4096}};
    if (!option.choices.empty())
        for (const std::string_view choice : split(option.choices, '|'))
            schema["enum"].push_back(std::string{choice});
    return schema;
}

Json valueSchema(const Option& option)
{
    switch (option.kind) {
    case OptionKind::Flag:
        return {{"type", "boolean"}};
    case OptionKind::Text:
        return textSchema(option);
    case OptionKind::Document:
        return {{"type", "string"}, {"minLength", 1}, {"maxLength", 65'536}};
    case OptionKind::Number: {
        Json schema = {{"type", "number"}};
        if (option.low < option.high) {
            schema["minimum"] = option.low;
            schema["maximum"] = option.high;
        }
        return schema;
    }
    case OptionKind::TextList:
        return {{"type", "array"}, {"minItems", 1}, {"items", textSchema(option)}};
    case OptionKind::PortList:
        return {{"type", "array"}, {"minItems", 1},
            {"items",
                {{"anyOf",
                    Json::array({{{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}},
                        {{"type", "string"}, {"pattern", "^[0-9]{1,5}(-[0-9]{1,5})?$"}}})}}}};
    }
    return {};
}

std::string pretty(const Json& json)
{
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace

std::string defaultFile(const Program& program)
{
    Json file = Json::object();
    for (const Option& option : program.options)
        if (allowedIn(option, Where::File) && !option.fallback.empty())
            file[keyOf(option)] = fileValue(option, option.fallback);
    return pretty(file);
}

std::vector<std::string> secretKeys(const Program& program)
{
    std::vector<std::string> keys;
    for (const Option& option : program.options)
        if (option.secret)
            keys.push_back(keyOf(option));
    return keys;
}

std::string effectiveFile(const Program& program, const Values& values)
{
    Json file = Json::object();
    for (const Option& option : program.options)
        if (allowedIn(option, Where::File) && values.given(option.name))
            file[keyOf(option)] = fileValue(option, values.text(option.name));
    return file.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string jsonSchema(const Program& program, std::span<const std::string_view> without)
{
    Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
        {"title", "Configuration of " + std::string{program.name}}, {"type", "object"}, {"additionalProperties", false},
        {"properties", Json::object()}};
    for (const Option& option : program.options) {
        if (!allowedIn(option, Where::File)
            || std::find(without.begin(), without.end(), keyOf(option)) != without.end())
            continue;
        Json value = valueSchema(option);
        value["description"] = std::string{option.help};
        if (option.secret)
            value["writeOnly"] = true;
        if (!option.fallback.empty())
            value["default"] = fileValue(option, option.fallback);
        schema["properties"][keyOf(option)] = std::move(value);
    }
    return pretty(schema);
}

} // namespace beacon
