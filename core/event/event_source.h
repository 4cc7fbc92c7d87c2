#pragma once

#include "core/event/event.h"
#include "core/event/uuid7.h"

namespace beacon {

/// Makes the events of one Instrument run: stamps uuid, timestamp, seq and source.
///
/// Thread:  one thread.
/// Seq:     one rising space per run, from 1, for events and attempts together: whoever numbers an attempt takes
///          takeSeq(). Each number is given once.
class EventSource {
public:
    struct Identity {
        QString instrument; ///< "beacon_0@plant7"
        QString sensor; ///< "plant7"
        QString type; ///< "beacon"; takes the place of `*` in a type's name
    };
    /// `clock` must outlive this.
    EventSource(Identity identity, const Clock& clock);

    struct Options {
        std::optional<Severity> severity; ///< kept within the type's bounds; without it, the least
        QUuid context{}; ///< contextUuid of the event that this one follows; null starts a chain
        QJsonObject metadata{};
    };
    [[nodiscard]] Event make(EventId id, const QString& message, const QJsonObject& data);
    [[nodiscard]] Event make(EventId id, const QString& message, const QJsonObject& data, const Options& options);
    /// Continues the chain of `cause`.
    [[nodiscard]] Event follow(const Event& cause, EventId id, const QString& message, const QJsonObject& data);

    [[nodiscard]] quint64 takeSeq() noexcept { return ++m_seq; }
    [[nodiscard]] quint64 lastSeq() const noexcept { return m_seq; } ///< 0: none yet
    /// The platform has said who we are; events made earlier keep the name that they had.
    void identify(Identity identity) { m_identity = std::move(identity); }
    [[nodiscard]] const Identity& identity() const noexcept { return m_identity; }
    /// A UUID for this run itself, or for whatever else needs one.
    [[nodiscard]] QUuid takeUuid() { return m_uuids.next(); }

private:
    Identity m_identity;
    const Clock& m_clock;
    Uuid7 m_uuids;
    quint64 m_seq = 0;
};

} // namespace beacon
