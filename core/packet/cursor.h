#pragma once

#include "core/base/bytes.h"

#include <cstdint>
#include <utility>

namespace beacon {

/// Reads big-endian fields from the front of a view. A read beyond the end gives zeros and clears ok() for good.
class Cursor {
public:
    explicit Cursor(ByteView bytes) noexcept
        : m_left(bytes)
    {
    }

    [[nodiscard]] bool ok() const noexcept { return m_ok; }
    [[nodiscard]] ByteView left() const noexcept { return m_left; }

    ByteView take(std::size_t count) noexcept
    {
        if (count > m_left.size()) {
            m_ok = false;
            m_left = {};
            return {};
        }
        const ByteView taken = m_left.first(count);
        m_left = m_left.subspan(count);
        return taken;
    }
    std::uint8_t u8() noexcept
    {
        const ByteView raw = take(1);
        return raw.empty() ? std::uint8_t{0} : raw[0];
    }
    std::uint16_t u16() noexcept
    {
        const ByteView raw = take(2);
        return raw.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(raw[0] << 8 | raw[1]);
    }
    std::uint32_t u32() noexcept
    {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }

private:
    ByteView m_left;
    bool m_ok = true;
};

/// Appends big-endian fields.
class Writer {
public:
    explicit Writer(std::size_t expectedBytes) { m_bytes.reserve(expectedBytes); }

    Writer& u8(std::uint8_t value)
    {
        m_bytes.push_back(value);
        return *this;
    }
    Writer& u16(std::uint16_t value) { return u8(static_cast<Byte>(value >> 8)).u8(static_cast<Byte>(value)); }
    Writer& u32(std::uint32_t value)
    {
        return u16(static_cast<std::uint16_t>(value >> 16)).u16(static_cast<std::uint16_t>(value));
    }
    Writer& put(ByteView bytes)
    {
        m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end());
        return *this;
    }
    void set16(std::size_t at, std::uint16_t value)
    {
        m_bytes[at] = static_cast<Byte>(value >> 8);
        m_bytes[at + 1] = static_cast<Byte>(value);
    }
    [[nodiscard]] std::size_t size() const noexcept { return m_bytes.size(); }
    [[nodiscard]] ByteView view() const noexcept { return m_bytes; }
    [[nodiscard]] ByteBuffer release() { return std::move(m_bytes); }

private:
    ByteBuffer m_bytes;
};

} // namespace beacon
