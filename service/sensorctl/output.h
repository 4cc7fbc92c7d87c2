#pragma once

#include "service/sensorctl/failure.h"
#include "service/sensorctl/text_table.h"

#include <QJsonValue>

namespace beacon::sensorctl {

/// stdout for results, stderr for complaints.
///
/// Errors: where nobody reads stdout any more (EPIPE) the rest is dropped quietly; any other failure is complained
///         about once and makes the exit code 74.
class Output {
public:
    explicit Output(bool json);

    [[nodiscard]] bool json() const noexcept { return m_json; }
    [[nodiscard]] const Style& style() const noexcept { return m_style; }

    void text(const QString& lines); ///< as it is, harmless by now
    void document(const QJsonValue& value); ///< indented; a line of its own
    void line(const QJsonValue& value); ///< the same in one line
    [[nodiscard]] bool isGone() const noexcept { return m_gone; }

    /// "sensorctl: …" on stderr, made harmless. With --json a Sensor's own refusal is a document on stdout as well.
    /// Returns the exit code.
    int complain(const Failure& failure);
    [[nodiscard]] int exitCode(int soFar) const noexcept; ///< 74 where stdout could not be written

private:
    void write(const QByteArray& bytes);

    Style m_style;
    bool m_json;
    bool m_gone = false;
    bool m_broken = false;
};

/// One line on stderr, made harmless.
void remark(const QString& text);

} // namespace beacon::sensorctl
