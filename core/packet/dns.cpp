#include "core/packet/dns.h"

#include "core/packet/cursor.h"

#include <algorithm>
#include <utility>

namespace beacon {

namespace {

constexpr std::size_t kMaxNameBytes = 255; // RFC 1035 section 2.3.4, on the wire
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::size_t kMaxTextAnswers = 8;
constexpr int kMaxRecords = 64;

namespace flag {
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kAuthoritative = 0x0400;
constexpr std::uint16_t kRecursionDesired = 0x0100;
} // namespace flag

bool plain(Byte c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

void appendLabel(std::string& name, ByteView label)
{
    if (!name.empty())
        name += '.';
    for (const Byte c : label) {
        if (plain(c)) {
            name += static_cast<char>(c);
        } else {
            name += '\\';
            for (const int unit : {100, 10, 1})
                name += static_cast<char>('0' + c / unit % 10);
        }
    }
}

/// A name that may end in a pointer. Pointers must point backwards, so that they end.
std::optional<std::string> takeName(Cursor& cursor, ByteView message)
{
    std::string name;
    std::size_t wireBytes = 1;
    Cursor at = cursor;
    bool followed = false;
    std::size_t limit = static_cast<std::size_t>(cursor.left().data() - message.data());
    for (;;) {
        const std::uint8_t length = at.u8();
        if (!at.ok())
            return std::nullopt;
        if ((length & 0xc0) == 0xc0) {
            const std::size_t target = static_cast<std::size_t>(length & 0x3f) << 8 | at.u8();
            if (!at.ok() || target >= limit)
                return std::nullopt;
            if (!std::exchange(followed, true))
                cursor = at;
            limit = target;
            at = Cursor{message.subspan(target)};
            continue;
        }
        if (length == 0)
            break;
        const ByteView label = at.take(length);
        wireBytes += length + 1U;
        if (length > kMaxLabelBytes || !at.ok() || wireBytes > kMaxNameBytes)
            return std::nullopt;
        appendLabel(name, label);
    }
    if (!followed)
        cursor = at;
    return name;
}

/// false: not a name in text form (an empty or long label, a bad escape, too long).
bool putName(Writer& message, std::string_view name)
{
    std::size_t wireBytes = 1;
    while (!name.empty()) {
        ByteBuffer label;
        while (!name.empty() && name.front() != '.') {
            if (name.front() != '\\') {
                label.push_back(static_cast<Byte>(name.front()));
                name.remove_prefix(1);
                continue;
            }
            if (name.size() < 4)
                return false;
            int value = 0;
            for (const char digit : name.substr(1, 3)) {
                if (digit < '0' || digit > '9')
                    return false;
                value = value * 10 + (digit - '0');
            }
            if (value > 255)
                return false;
            label.push_back(static_cast<Byte>(value));
            name.remove_prefix(4);
        }
        wireBytes += label.size() + 1;
        if (label.empty() || label.size() > kMaxLabelBytes || wireBytes > kMaxNameBytes)
            return false;
        message.u8(static_cast<Byte>(label.size())).put(label);
        if (!name.empty()) {
            name.remove_prefix(1);
            if (name.empty()) // "a." has no label behind its dot
                return false;
        }
    }
    message.u8(0);
    return true;
}

std::string textOf(ByteView rdata)
{
    std::string text;
    Cursor cursor{rdata};
    while (!cursor.left().empty()) {
        const ByteView part = cursor.take(cursor.u8());
        if (!cursor.ok())
            break;
        text.append(part.begin(), part.end());
    }
    return text;
}

/// Reads what is of use among `records` resource records; a broken one ends the reading.
void readRecords(Cursor& cursor, ByteView message, int records, DnsView& view)
{
    for (int i = 0; i < std::min(records, kMaxRecords); ++i) {
        if (!takeName(cursor, message))
            return;
        const std::uint16_t type = cursor.u16();
        const std::uint16_t dnsClass = cursor.u16();
        cursor.u32();
        const ByteView rdata = cursor.take(cursor.u16());
        if (!cursor.ok())
            return;
        if (type == dns_type::kTxt && view.textAnswers.size() < kMaxTextAnswers)
            view.textAnswers.push_back(textOf(rdata));
        else if (type == kTypeOpt)
            view.udpSize = dnsClass;
    }
}

void putSoa(Writer& message, std::string_view zone)
{
    putName(message, zone);
    message.u16(dns_type::kSoa).u16(kClassIn).u32(0);
    Writer rdata{64};
    putName(rdata, zone); // MNAME
    putName(rdata, zone); // RNAME
    rdata.u32(1).u32(3'600).u32(600).u32(86'400).u32(0); // serial, refresh, retry, expire, minimum: nothing is cached
    message.u16(static_cast<std::uint16_t>(rdata.size())).put(rdata.view());
}

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::optional<DnsView> parseDns(ByteView message)
{
    Cursor cursor{message};
    DnsView view;
    view.id = cursor.u16();
    const std::uint16_t flags = cursor.u16();
    view.response = (flags & flag::kResponse) != 0;
    view.authoritative = (flags & flag::kAuthoritative) != 0;
    view.recursionDesired = (flags & flag::kRecursionDesired) != 0;
    view.opcode = static_cast<std::uint8_t>(flags >> 11 & 0xf);
    view.rcode = static_cast<std::uint8_t>(flags & 0xf);
    const std::uint16_t questions = cursor.u16();
    const int records = cursor.u16() + cursor.u16() + cursor.u16();
    if (!cursor.ok() || questions != 1)
        return std::nullopt;
    auto name = takeName(cursor, message);
    if (!name)
        return std::nullopt;
    view.question.name = std::move(*name);
    view.question.type = cursor.u16();
    view.question.dnsClass = cursor.u16();
    if (!cursor.ok())
        return std::nullopt;
    readRecords(cursor, message, records, view);
    return view;
}

ByteBuffer buildDnsQuery(
    std::uint16_t id, std::string_view name, std::uint16_t type, bool recursionDesired, std::uint16_t udpSize)
{
    Writer message{128};
    message.u16(id).u16(recursionDesired ? flag::kRecursionDesired : 0);
    message.u16(1).u16(0).u16(0).u16(udpSize > 0 ? 1 : 0);
    if (!putName(message, name))
        return {};
    message.u16(type).u16(kClassIn);
    if (udpSize > 0)
        message.u8(0).u16(kTypeOpt).u16(udpSize).u32(0).u16(0);
    return message.release();
}

ByteBuffer buildDnsAnswer(
    const DnsView& query, std::uint8_t rcode, std::optional<std::string_view> text, std::string_view zone)
{
    const bool authority = !text && !zone.empty();
    const bool ours = text || authority;
    const auto flags = static_cast<std::uint16_t>(flag::kResponse | (ours ? flag::kAuthoritative : 0)
        | (query.recursionDesired ? flag::kRecursionDesired : 0) | (query.opcode & 0xf) << 11 | (rcode & 0xf));
    Writer message{256};
    message.u16(query.id).u16(flags);
    message.u16(1).u16(text ? 1 : 0).u16(authority ? 1 : 0).u16(query.udpSize ? 1 : 0);
    if (!putName(message, query.question.name))
        return {};
    message.u16(query.question.type).u16(query.question.dnsClass);
    if (text) {
        const std::string_view cut = text->substr(0, 255);
        message.u16(0xc00c).u16(dns_type::kTxt).u16(kClassIn).u32(0); // the question's name, TTL 0
        message.u16(static_cast<std::uint16_t>(cut.size() + 1)).u8(static_cast<Byte>(cut.size()));
        message.put({reinterpret_cast<const Byte*>(cut.data()), cut.size()});
    }
    if (authority)
        putSoa(message, zone);
    if (query.udpSize)
        message.u8(0).u16(kTypeOpt).u16(512).u32(0).u16(0);
    return message.release();
}

std::optional<std::string_view> labelsBelow(std::string_view name, std::string_view zone)
{
    if (name.size() < zone.size())
        return std::nullopt;
    const std::string_view tail = name.substr(name.size() - zone.size());
    if (!std::ranges::equal(tail, zone, {}, lower, lower))
        return std::nullopt;
    const std::string_view before = name.substr(0, name.size() - zone.size());
    if (before.empty() || zone.empty())
        return before;
    if (before.back() != '.')
        return std::nullopt;
    return before.substr(0, before.size() - 1);
}

} // namespace beacon
