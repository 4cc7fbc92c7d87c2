#pragma once

#include "core/instrument/schema.h"
#include "service/sensor/document_diff.h"

#include <QJsonObject>

#include <vector>

namespace beacon {

/// A copy of `config` in which every value that `schema` calls "writeOnly": true, and what lies within it, is
/// control::kMask. The schema's branches (anyOf, oneOf, allOf, if, $ref inside the schema) all count: what any of them
/// calls a secret is one. Where a schema is too tangled to be followed, the value is masked.
[[nodiscard]] QJsonObject masked(const QJsonObject& config, const QJsonObject& schema);

/// The differences of two documents with their secrets masked: one that changed shows as masked on both sides.
[[nodiscard]] std::vector<DocumentChange> maskedDifferences(
    const QJsonObject& a, const QJsonObject& b, const QJsonObject& schema);

/// `config` with the secrets of `stored` in the places where the mask came back. Items of arrays are found again by
/// their "name", else by what they hold beside the secret, else by their index where the array is as long as it was.
/// A mask that nothing stored answers to is added to `faults` (at most Schema::kMaxFaults) and stays.
[[nodiscard]] QJsonObject unmasked(
    const QJsonObject& config, const QJsonObject& stored, const QJsonObject& schema, std::vector<Fault>& faults);

} // namespace beacon
