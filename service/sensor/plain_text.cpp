#include "service/sensor/plain_text.h"

#include "core/platform/messages.h"

namespace beacon {

QString oneLine(const QString& text, qsizetype most)
{
    QString line = text.left(most);
    for (QChar& c : line)
        if (c.category() == QChar::Other_Control || c == QChar::LineSeparator || c == QChar::ParagraphSeparator)
            c = QLatin1Char(' ');
    return line.trimmed();
}

QString shortTime(WallTime at)
{
    constexpr qsizetype kUpToSeconds = 19;
    return platform::toRfc3339(at).left(kUpToSeconds).replace(QLatin1Char('T'), QLatin1Char(' '))
        + QStringLiteral(" UTC");
}

} // namespace beacon
