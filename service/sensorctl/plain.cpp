#include "service/sensorctl/plain.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <array>
#include <cmath>

namespace beacon::sensorctl {

namespace {

constexpr double kLatest = 253'402'300'799; ///< the end of the year 9999

struct Range {
    char32_t first, last;
};

/// Wide characters, from EastAsianWidth.txt (Unicode Standard Annex 11), in coarse blocks.
constexpr auto kWide = std::to_array<Range>({
    {0x1100, 0x115f},
    {0x2e80, 0x303e},
    {0x3041, 0xa4cf},
    {0xa960, 0xa97f},
    {0xac00, 0xd7a3},
    {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},
    {0xff00, 0xff60},
    {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
});

bool isHarmful(char32_t point)
{
    switch (QChar::category(point)) {
    case QChar::Other_Control:
    case QChar::Other_Format:
    case QChar::Other_Surrogate:
    case QChar::Other_NotAssigned:
    case QChar::Separator_Line:
    case QChar::Separator_Paragraph:
        return true;
    default:
        return false;
    }
}

int columnsOf(char32_t point)
{
    const QChar::Category category = QChar::category(point);
    if (category == QChar::Mark_NonSpacing || category == QChar::Mark_Enclosing)
        return 0;
    return std::ranges::any_of(kWide, [point](Range range) { return point >= range.first && point <= range.last; }) ? 2
                                                                                                                    : 1;
}

QString spelledOut(char32_t point)
{
    if (point == U'\n')
        return QStringLiteral("\\n");
    if (point == U'\t')
        return QStringLiteral("\\t");
    if (point <= 0xff)
        return QStringLiteral("\\x%1").arg(static_cast<uint>(point), 2, 16, QLatin1Char('0'));
    return QStringLiteral("\\u%1").arg(static_cast<uint>(point), 4, 16, QLatin1Char('0'));
}

/// Takes one code point from `text` at `at`; half a pair is one by itself.
char32_t pointAt(QStringView text, qsizetype& at)
{
    const QChar first = text[at++];
    if (first.isHighSurrogate() && at < text.size() && text[at].isLowSurrogate())
        return QChar::surrogateToUcs4(first, text[at++]);
    return first.unicode();
}

} // namespace

QString harmless(const QString& text, qsizetype most)
{
    QString clean;
    qsizetype at = 0;
    for (qsizetype count = 0; at < text.size(); ++count) {
        if (count == most)
            return clean + QStringLiteral("…");
        const qsizetype begin = at;
        const char32_t point = pointAt(text, at);
        clean += isHarmful(point) ? spelledOut(point) : text.mid(begin, at - begin);
    }
    return clean;
}

int columnsOf(const QString& text)
{
    int columns = 0;
    for (qsizetype at = 0; at < text.size();)
        columns += columnsOf(pointAt(text, at));
    return columns;
}

QString fitted(const QString& text, int columns)
{
    if (columnsOf(text) <= columns)
        return text;
    int used = 0;
    qsizetype end = 0;
    for (qsizetype at = 0; at < text.size(); end = at) {
        used += columnsOf(pointAt(text, at));
        if (used > columns - 1)
            break;
    }
    return columns > 0 ? text.left(end) + QStringLiteral("…") : QString{};
}

QByteArray jsonText(const QJsonValue& value, bool indented)
{
    QByteArray raw;
    const auto format = indented ? QJsonDocument::Indented : QJsonDocument::Compact;
    if (value.isObject()) {
        raw = QJsonDocument{value.toObject()}.toJson(format);
    } else { // Qt 6.4 writes objects and arrays only
        raw = QJsonDocument{value.isArray() ? value.toArray() : QJsonArray{value}}.toJson(
            value.isArray() ? format : QJsonDocument::Compact);
        if (!value.isArray())
            raw = raw.mid(1, raw.lastIndexOf(']') - 1);
    }
    const QString text = QString::fromUtf8(raw).trimmed();
    QString clean;
    clean.reserve(text.size());
    for (qsizetype at = 0; at < text.size();) {
        const qsizetype begin = at;
        const char32_t point = pointAt(text, at);
        if (point == U'\n' || !isHarmful(point)) // newlines are the layout's: in strings they are escaped already
            clean += QStringView{text}.mid(begin, at - begin);
        else
            for (qsizetype unit = begin; unit < at; ++unit)
                clean += QStringLiteral("\\u%1").arg(text[unit].unicode(), 4, 16, QLatin1Char('0'));
    }
    return clean.toUtf8();
}

QString localTime(const QJsonValue& time)
{
    QDateTime moment;
    if (time.isDouble() && std::abs(time.toDouble()) <= kLatest)
        moment = QDateTime::fromMSecsSinceEpoch(static_cast<qint64>(std::floor(time.toDouble() * 1'000)));
    else if (time.isString())
        moment = QDateTime::fromString(time.toString().left(64), Qt::ISODateWithMs).toLocalTime();
    if (!moment.isValid())
        return time.isString() && !time.toString().isEmpty() ? time.toString() : QStringLiteral("-");
    const int minutes = moment.offsetFromUtc() / 60;
    return moment.toString(QStringLiteral("yyyy-MM-dd HH:mm:ss"))
        + QStringLiteral("%1%2:%3")
              .arg(minutes < 0 ? QLatin1Char('-') : QLatin1Char('+'))
              .arg(std::abs(minutes) / 60, 2, 10, QLatin1Char('0'))
              .arg(std::abs(minutes) % 60, 2, 10, QLatin1Char('0'));
}

QString duration(double seconds)
{
    if (!std::isfinite(seconds) || seconds < 0 || seconds > kLatest)
        return QStringLiteral("-");
    const auto whole = static_cast<qint64>(seconds);
    const auto two = [](qint64 big, const char* bigUnit, qint64 small, const char* smallUnit) {
        return QStringLiteral("%1 %2 %3 %4")
            .arg(
                QString::number(big), QLatin1StringView(bigUnit), QString::number(small), QLatin1StringView(smallUnit));
    };
    if (whole >= 86'400)
        return two(whole / 86'400, "d", whole % 86'400 / 3'600, "h");
    if (whole >= 3'600)
        return two(whole / 3'600, "h", whole % 3'600 / 60, "min");
    if (whole >= 60)
        return two(whole / 60, "min", whole % 60, "s");
    return QStringLiteral("%1 s").arg(whole);
}

QString shortText(const QJsonValue& value)
{
    if (value.isString())
        return value.toString();
    return value.isUndefined() ? QStringLiteral("-") : QString::fromUtf8(jsonText(value, false));
}

} // namespace beacon::sensorctl
