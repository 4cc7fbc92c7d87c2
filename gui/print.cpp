#include "gui/print.h"

#include "core/base/log.h"

#include <QJsonDocument>

#include <cstdio>

namespace beacon {

Print::Print(AdminLink& link)
{
    connect(&link, &AdminLink::received, this, &Print::onBatch);
    connect(&link, &AdminLink::healthChanged, this, [](const admin::Health& health) {
        QJsonObject object = toJson(health);
        object.insert(QStringLiteral("t"), QStringLiteral("health"));
        line(object);
        std::fflush(stdout);
    });
    connect(&link, &AdminLink::stateChanged, this, [&link](AdminLink::State state, const QString& why) {
        if (state == AdminLink::State::Connected)
            log::info("connected", {{"instrument", link.hello().instrument.toStdString()}});
        else if (state == AdminLink::State::Waiting)
            log::warning("not connected", {{"reason", why.toStdString()}});
    });
}

void Print::line(const QJsonObject& object)
{
    std::fputs((QJsonDocument{object}.toJson(QJsonDocument::Compact) + '\n').constData(), stdout);
}

void Print::onBatch(const admin::EventBatch& batch)
{
    if (batch.missed > 0)
        line({{QStringLiteral("t"), QStringLiteral("missed")},
            {QStringLiteral("count"), static_cast<qint64>(batch.missed)}});
    for (const QJsonObject& attempt : batch.attempts)
        line(attempt);
    for (const QJsonObject& event : batch.events)
        line(event);
    std::fflush(stdout);
}

} // namespace beacon
