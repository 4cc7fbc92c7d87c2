#pragma once

#include <QJsonArray>
#include <QJsonObject>
#include <QString>

namespace beacon {

/// Of what is to go into one frame (rpc::kMaxFrameBytes), the rest of the answer included.
inline constexpr qsizetype kMostAnswerBytes = 900 * 1024;

enum class Keep { First, Last };

/// {key: items}, without as many as would not fit into one answer; then `more` is true.
[[nodiscard]] QJsonObject boundedAnswer(const QString& key, const QJsonArray& items, Keep keep);

} // namespace beacon
