// The one unit that knows valijson.

#include "core/instrument/schema.h"

#include "core/base/json_depth.h"
#include "core/instrument/schema_faults.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace beacon {

namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr qsizetype kMostSchemaBytes = 256 * 1024;
constexpr int kMostNesting = 32;

constexpr char kMetadata[] =
#include "resources_schema_metadata.inc"
    ;

Json parsed(const QByteArray& text)
{
    return Json::parse(text.begin(), text.end(), nullptr, false);
}

/// "<root>" "[rate]" "[0]" as "/rate/0".
QString pointerOf(const std::vector<std::string>& context)
{
    QString pointer;
    for (const std::string& part : context)
        if (part.size() > 2 && part.front() == '[')
            pointer += QLatin1Char('/') + pointerToken(QString::fromStdString(part.substr(1, part.size() - 2)));
    return pointer;
}

/// std::regex, which valijson uses, recurses once a character: what is longer could exhaust the stack.
constexpr qsizetype kMostText = 4'096;

std::optional<Fault> tooLongText(const QJsonValue& value, const QString& pointer)
{
    const auto fault = [](const QString& place) {
        return Fault{place, QStringLiteral("is longer than %1 characters; shorten it").arg(kMostText)};
    };
    if (value.isString() && value.toString().size() > kMostText)
        return fault(pointer);
    const QJsonArray items = value.toArray();
    for (qsizetype i = 0; i < items.size(); ++i)
        if (auto found = tooLongText(items.at(i), pointer + QLatin1Char('/') + QString::number(i)))
            return found;
    const QJsonObject object = value.toObject();
    for (auto at = object.begin(); at != object.end(); ++at) {
        const QString place = pointer + QLatin1Char('/') + pointerToken(at.key());
        if (at.key().size() > kMostText)
            return fault(place);
        if (auto found = tooLongText(at.value(), place))
            return found;
    }
    return std::nullopt;
}

/// What keeps the references of a schema from being followed: they lead elsewhere, or in a circle.
class References {
public:
    explicit References(const Json& root)
        : m_root(root)
    {
    }
    std::string wrong;

    void walk(const Json& value)
    {
        const auto at = value.is_object() ? value.find("$ref") : value.end();
        if (at != value.end() && at->is_string())
            follow(at->get<std::string>());
        if (value.is_structured())
            for (const Json& item : value)
                walk(item);
    }

private:
    void follow(const std::string& target)
    {
        if (!wrong.empty() || m_sound.contains(target))
            return;
        if (!target.starts_with('#'))
            wrong = "the schema refers to another document; a $ref must begin with #";
        else if (!m_under.insert(target).second)
            wrong = "the schema's $ref " + target.substr(0, 64) + " leads in a circle";
        if (!wrong.empty())
            return;
        const Json::json_pointer pointer{target.substr(1)};
        if (m_root.contains(pointer))
            walk(m_root.at(pointer));
        m_under.erase(target);
        m_sound.insert(target);
    }

    const Json& m_root;
    std::set<std::string> m_under, m_sound;
};

} // namespace

struct Schema::Private {
    QJsonObject document;
    Json json;
    valijson::Schema compiled;
};

Schema::Schema()
    : d(std::make_unique<Private>())
{
}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::parse(const QByteArray& text)
{
    if (text.size() > kMostSchemaBytes)
        return Error{Errc::TooLarge, 0, "the schema is over 256 KiB"};
    if (jsonDepth({text.data(), static_cast<std::size_t>(text.size())}) > kMostNesting)
        return Error{Errc::BadInput, 0, "the schema is nested deeper than 32 levels"};
    Schema schema;
    schema.d->json = parsed(text);
    schema.d->document = QJsonDocument::fromJson(text).object();
    if (!schema.d->json.is_object())
        return Error{Errc::BadInput, 0, "the schema is no JSON object"};
    try {
        References references{schema.d->json};
        references.walk(schema.d->json);
        if (!references.wrong.empty())
            return Error{Errc::BadInput, 0, references.wrong};
        valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
        parser.populateSchema(Adapter{schema.d->json}, schema.d->compiled);
    } catch (const std::exception& problem) { // std::regex and valijson throw; nothing of it leaves
        return Error{Errc::BadInput, 0, std::string{"the schema is not draft-07: "} + problem.what()};
    }
    return schema;
}

const Schema& Schema::ofManifests()
{
    static const Schema metadata = *parse(kMetadata); // a test reads it
    return metadata;
}

std::vector<Fault> Schema::check(const QJsonObject& document) const
{
    const QByteArray text = QJsonDocument{document}.toJson(QJsonDocument::Compact);
    if (jsonDepth({text.data(), static_cast<std::size_t>(text.size())}) > kMostNesting)
        return {{QString{}, QStringLiteral("is nested deeper than %1 levels; flatten it").arg(kMostNesting)}};
    if (const auto fault = tooLongText(document, {}))
        return {*fault};
    const Json json = parsed(text);
    valijson::ValidationResults results;
    QString unsaid;
    QString place;
    try {
        valijson::Validator validator{valijson::Validator::kStrongTypes};
        if (validator.validate(d->compiled, Adapter{json}, &results))
            return {};
        valijson::ValidationResults::Error error;
        while (results.popError(error)) { // the last one is the deepest
            place = pointerOf(error.context);
            unsaid = QString::fromStdString(error.description);
        }
    } catch (const std::exception& problem) { // std::regex gives up on some texts
        unsaid = QString::fromUtf8(problem.what());
    }
    auto faults = faultsOf(d->document, document);
    if (faults.empty()) // a keyword that we have no words for
        faults.push_back({place, QStringLiteral("does not fit the schema: ") + unsaid.left(200)});
    std::stable_sort(
        faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.pointer < b.pointer; });
    return faults;
}

QJsonObject Schema::withDefaults(const QJsonObject& document) const
{
    QJsonObject full = document;
    const QJsonObject properties = d->document.value(QLatin1StringView("properties")).toObject();
    for (auto at = properties.begin(); at != properties.end(); ++at) {
        const QJsonValue value = at.value()[QLatin1StringView("default")];
        if (!value.isUndefined() && !full.contains(at.key()))
            full.insert(at.key(), value);
    }
    return full;
}

QJsonArray toJson(const std::vector<Fault>& faults)
{
    QJsonArray list;
    for (const Fault& fault : faults)
        list.append(QJsonObject{{QStringLiteral("pointer"), fault.pointer}, {QStringLiteral("text"), fault.text}});
    return list;
}

std::vector<Fault> faultsFrom(const std::vector<Complaint>& complaints)
{
    std::vector<Fault> faults;
    faults.reserve(complaints.size());
    for (const Complaint& complaint : complaints)
        faults.push_back({QString::fromStdString(complaint.pointer), QString::fromStdString(complaint.text)});
    return faults;
}

} // namespace beacon
