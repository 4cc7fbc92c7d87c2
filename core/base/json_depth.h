#pragma once

#include <algorithm>
#include <string_view>

namespace beacon {

/// How deep the brackets and braces of a JSON text are nested, strings aside. To be asked before a parser that
/// recurses.
[[nodiscard]] constexpr int jsonDepth(std::string_view text) noexcept
{
    int depth = 0;
    int deepest = 0;
    bool inString = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (inString) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                inString = false;
        } else if (c == '"') {
            inString = true;
        } else if (c == '{' || c == '[') {
            deepest = std::max(deepest, ++depth);
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return deepest;
}

} // namespace beacon
