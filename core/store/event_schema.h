#pragma once

#include <array>

/// The tables of an event store, for its writer and its readers. A type and a source are numbers in `event`, so that
/// ten million rows stay small; whoever reads by prefix asks for each type by itself, in the order of ids.
namespace beacon {

inline constexpr std::array kEventSchema{
    "CREATE TABLE type(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE source(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, uuid BLOB NOT NULL UNIQUE, at INTEGER NOT NULL, "
    "received INTEGER NOT NULL, severity INTEGER NOT NULL, type INTEGER NOT NULL, source INTEGER NOT NULL, "
    "json BLOB NOT NULL);" // at, received: microseconds; of the source's clock and of the Sensor's
    "CREATE INDEX event_type ON event(type);"
    "CREATE INDEX event_severe ON event(severity, type) WHERE severity > 1;"
    "CREATE INDEX event_source ON event(source);"
    "CREATE INDEX event_at ON event(at)",
};

inline constexpr auto kLastIdSql = "SELECT seq FROM sqlite_sequence WHERE name = 'event'";

} // namespace beacon
