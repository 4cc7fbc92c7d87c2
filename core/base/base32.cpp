#include "core/base/base32.h"

namespace beacon {

namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kHex = "0123456789abcdef";

int digit(char c, std::string_view alphabet)
{
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t at = alphabet.find(lower);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// `bits` a digit: 5 for base32, 4 for hexadecimal.
std::string encode(ByteView bytes, std::string_view alphabet, unsigned bits)
{
    std::string text;
    text.reserve((bytes.size() * 8 + bits - 1) / bits);
    unsigned held = 0;
    unsigned window = 0;
    for (const Byte byte : bytes) {
        window = (window << 8) | byte;
        for (held += 8; held >= bits; held -= bits)
            text += alphabet[(window >> (held - bits)) & ((1U << bits) - 1)];
        window &= (1U << held) - 1;
    }
    if (held > 0)
        text += alphabet[(window << (bits - held)) & ((1U << bits) - 1)];
    return text;
}

std::optional<ByteBuffer> decode(std::string_view text, std::string_view alphabet, unsigned bits)
{
    ByteBuffer bytes;
    bytes.reserve(text.size() * bits / 8);
    unsigned held = 0;
    unsigned window = 0;
    for (const char c : text) {
        const int value = digit(c, alphabet);
        if (value < 0)
            return std::nullopt;
        window = (window << bits) | static_cast<unsigned>(value);
        held += bits;
        if (held >= 8) {
            held -= 8;
            bytes.push_back(static_cast<Byte>(window >> held));
            window &= (1U << held) - 1;
        }
    }
    if (held >= bits || window != 0) // a digit that carries nothing, or pad bits that are not zero
        return std::nullopt;
    return bytes;
}

} // namespace

std::string toBase32(ByteView bytes)
{
    return encode(bytes, kBase32, 5);
}

std::optional<ByteBuffer> fromBase32(std::string_view text)
{
    return decode(text, kBase32, 5);
}

std::string toHex(ByteView bytes)
{
    return encode(bytes, kHex, 4);
}

std::optional<ByteBuffer> fromHex(std::string_view text)
{
    return decode(text, kHex, 4);
}

} // namespace beacon
