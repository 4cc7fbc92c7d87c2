#include "tests/support/event_schema.h"

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <fstream>
#include <map>
#include <memory>

namespace beacon::test {

namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

Json load(const std::string& name)
{
    std::ifstream file(BEACON_SOURCE_DIR "/resources/schema/" + name);
    return Json::parse(file);
}

std::unique_ptr<valijson::Schema> compiled(const Json& document)
{
    auto schema = std::make_unique<valijson::Schema>();
    valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(Adapter(document), *schema);
    return schema;
}

std::string complaints(const valijson::Schema& schema, const Json& value)
{
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    valijson::ValidationResults results;
    if (validator.validate(schema, Adapter(value), &results))
        return {};
    std::string text;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
        for (const std::string& step : error.context)
            text += step;
        text += ": " + error.description + '\n';
    }
    return text;
}

/// nullptr: `type` has no definition.
const valijson::Schema* schemaOf(const std::string& type)
{
    static const Json document = load("event_data.json");
    static std::map<std::string, std::unique_ptr<valijson::Schema>> known;
    const Json& definitions = document.at("definitions");
    std::string name = type;
    if (const std::size_t second = name.find('.'); !definitions.contains(name) && second != std::string::npos)
        if (const std::size_t third = name.find('.', second + 1); third != std::string::npos)
            name = "instruments.*" + name.substr(third); // the Instrument's own type
    if (!name.starts_with("instruments.") || !definitions.contains(name))
        return nullptr;
    auto& schema = known[name];
    if (!schema) {
        Json root = {{"$ref", "#/definitions/" + name}, {"definitions", definitions}};
        schema = compiled(root);
    }
    return schema.get();
}

} // namespace

std::string schemaComplaint(std::string_view event)
{
    try { // valijson and nlohmann throw
        static const std::unique_ptr<valijson::Schema> envelope = compiled(load("event.json"));
        const Json value = Json::parse(event, nullptr, false);
        if (value.is_discarded())
            return "not JSON\n";
        std::string text = complaints(*envelope, value);
        if (!text.empty())
            return text;
        const auto* data = schemaOf(value.at("type").get<std::string>());
        if (data == nullptr)
            return "type " + value.at("type").get<std::string>() + " has no definition in event_data.json\n";
        return complaints(*data, value.at("data"));
    } catch (const std::exception& problem) {
        return std::string("schema check failed: ") + problem.what() + '\n';
    }
}

} // namespace beacon::test
