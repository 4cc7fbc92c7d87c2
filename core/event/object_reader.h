#pragma once

#include "core/base/result.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>

#include <limits>
#include <optional>
#include <string>

namespace beacon {

/// Reads the members of one JSON object, one after another, and keeps the first complaint: "<what>: <key> must be …".
/// What is complained of reads as empty or as its lower bound.
///
/// Owns: nothing; `what` and the object must outlive it.
class ObjectReader {
public:
    ObjectReader(const char* what, const QJsonObject& object)
        : m_what(what)
        , m_object(object)
    {
    }
    using Key = QLatin1StringView;

    /// Any text of at most `most` UTF-16 units.
    QString string(Key key, qsizetype most);
    /// The same, neither empty nor with a NUL; where it is not `needed`, it may be absent or null.
    QString name(Key key, qsizetype most, bool needed = true);
    double number(Key key, double low, double high, std::optional<double> fallback = {});
    qint64 integer(
        Key key, qint64 low, qint64 high = std::numeric_limits<qint64>::max(), std::optional<qint64> fallback = {});
    bool boolean(Key key);
    QJsonObject object(Key key, bool needed = true);
    QJsonArray array(Key key, qsizetype most); ///< may be absent

    void complain(Key key, const std::string& complaint);
    template <class T> [[nodiscard]] Result<T> result(T value) const
    {
        if (!m_complaint.empty())
            return Error{Errc::BadInput, 0, m_complaint};
        return value;
    }

private:
    [[nodiscard]] bool isAbsent(Key key) const;
    const char* m_what;
    const QJsonObject& m_object;
    std::string m_complaint;
};

} // namespace beacon
