#pragma once

#include <QJsonArray>
#include <QJsonObject>
#include <QJsonValue>
#include <QString>

#include <cstddef>
#include <vector>

namespace beacon {

/// One difference between two documents.
struct DocumentChange {
    QString pointer; ///< RFC 6901; of an item of an array: where it is in the second document, or was in the first
    QJsonValue from, to; ///< Undefined: it is not there
    bool operator==(const DocumentChange&) const = default;
};

inline constexpr std::size_t kMaxChanges = 1'000;
inline constexpr qsizetype kMaxPointersLength = 256 * 1024; ///< of all together, UTF-16 units

/// What turns `a` into `b`, in the order of their keys. Arrays whose items are all objects with a "name" of its own are
/// compared by name, an order that changed shows as the whole array; others by index. What is more than the bounds is
/// told in fewer, larger pieces, in the end as one change of the whole document (pointer ""), never left out.
///
/// Errors: none. Bounds: documents as deep as the caller allowed.
/// Source: RFC 6901
[[nodiscard]] std::vector<DocumentChange> differences(const QJsonObject& a, const QJsonObject& b);

/// {"pointer", "from", "to"}; what is not there is left out.
[[nodiscard]] QJsonObject toJson(const DocumentChange& change);
[[nodiscard]] QJsonArray toJson(const std::vector<DocumentChange>& changes);

} // namespace beacon
