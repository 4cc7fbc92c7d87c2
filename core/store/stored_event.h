#pragma once

#include "core/base/clock.h"

#include <QByteArray>
#include <QString>

namespace beacon {

/// One event as the event store keeps it: what is searched for, and its text.
struct StoredEvent {
    qint64 id = 0; ///< given by the store; rises for ever
    QByteArray uuid; ///< 16 bytes
    WallTime at{}; ///< as its source has it
    int severity = 1; ///< 1 to 5
    QString type, source;
    QByteArray json; ///< the whole event
    qsizetype idAt = -1; ///< where in `json` the store writes the id in decimal digits; -1: nowhere
    bool bulk = false; ///< waits behind the rest and is refused first; not kept
};

} // namespace beacon
