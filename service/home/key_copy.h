#pragma once

#include "core/store/database.h"

#include <string>

namespace beacon {

/// The keys once more, in "<database>.keys" (JSON, mode 0600): a Home whose database is damaged must not be a blind
/// one. `database` holds the table `keys` of Records; `path` is its file.

/// Writes what the table holds; nothing where it is empty, so that an empty table never takes the place of a copy.
Result<> writeKeyCopy(Database& database, const std::string& path);

/// Puts the copy's keys into the table. How many there are; 0 where there is no copy.
Result<int> restoreKeyCopy(Database& database, const std::string& path);

} // namespace beacon
