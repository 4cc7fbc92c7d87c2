#pragma once

#include "gui/link/admin_link.h"

#include <QJsonObject>

namespace beacon {

/// beacon-admin --print: everything that the link receives, as JSON lines on stdout. Lines of the Beacon and events as
/// they came, health as {"t":"health",…}, gaps as {"t":"missed","count":N}; the connection's state goes to stderr.
class Print final : public QObject {
    Q_OBJECT
public:
    explicit Print(AdminLink& link);

private:
    static void line(const QJsonObject& object);
    void onBatch(const admin::EventBatch& batch);
};

} // namespace beacon
