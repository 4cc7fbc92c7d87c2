#pragma once

#include <string>

namespace beacon {

/// One thing that is wrong with a configuration: a JSON pointer (RFC 6901), and a sentence with the remedy.
struct Complaint {
    std::string pointer; ///< "" for the whole document
    std::string text;
};

} // namespace beacon
