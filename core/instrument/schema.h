#pragma once

#include "core/base/complaint.h"
#include "core/base/result.h"

#include <QJsonObject>
#include <QJsonValue>
#include <QString>

#include <memory>
#include <vector>

namespace beacon {

/// One thing that is wrong with a document: a JSON pointer (RFC 6901), and a sentence with the remedy.
struct Fault {
    QString pointer; ///< "" for the whole document
    QString text; ///< "must be a number from 1 to 10, but is a string"
    bool operator==(const Fault&) const = default;
};

/// A JSON Schema (draft-07), ready to check documents.
///
/// Thread:  any one at a time; const calls from several at once.
/// Memory:  documents are bounded by the caller; at most kMaxFaults faults are told.
class Schema {
public:
    static constexpr std::size_t kMaxFaults = 32;

    /// BadInput: what the text is instead of a draft-07 schema. "$ref" leads inside the document only, and not in a
    /// circle.
    [[nodiscard]] static Result<Schema> parse(const QByteArray& text);
    /// resources/schema/metadata.json, built in.
    [[nodiscard]] static const Schema& ofManifests();
    Schema(Schema&&) noexcept;
    Schema& operator=(Schema&&) noexcept;
    ~Schema();

    /// Empty: valid. In the order of the pointers. Never quotes the value where the schema says "writeOnly": true.
    [[nodiscard]] std::vector<Fault> check(const QJsonObject& document) const;
    /// The document with the schema's "default" where a key of its first level is missing.
    [[nodiscard]] QJsonObject withDefaults(const QJsonObject& document) const;

private:
    Schema();
    struct Private;
    std::unique_ptr<Private> d;
};

[[nodiscard]] QJsonArray toJson(const std::vector<Fault>& faults); ///< [{pointer, text}]
[[nodiscard]] std::vector<Fault> faultsFrom(const std::vector<Complaint>& complaints);

} // namespace beacon
