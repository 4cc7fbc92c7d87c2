#include "core/token/token.h"

#include <algorithm>
#include <sodium.h>

namespace beacon {

namespace {

constexpr std::size_t kFieldBytes = kTokenBytes - kTagBytes;
constexpr char kContext[crypto_kdf_CONTEXTBYTES + 1] = "beacon01";
enum SubkeyId : std::uint64_t { Out = 1, In = 2, Syn = 3 };

static_assert(kMasterKeyBytes == crypto_kdf_KEYBYTES);

void put16(Byte* at, std::uint16_t value)
{
    at[0] = static_cast<Byte>(value >> 8);
    at[1] = static_cast<Byte>(value);
}

void put32(Byte* at, std::uint32_t value)
{
    put16(at, static_cast<std::uint16_t>(value >> 16));
    put16(at + 2, static_cast<std::uint16_t>(value));
}

std::uint16_t get16(const Byte* at)
{
    return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}

std::uint32_t get32(const Byte* at)
{
    return static_cast<std::uint32_t>(get16(at)) << 16 | get16(at + 2);
}

using Tag = std::array<Byte, kTagBytes>;

Tag tagOver(ByteView fields, ByteView more, ByteView key)
{
    crypto_generichash_state state;
    std::array<Byte, 32> hash{};
    crypto_generichash_init(&state, key.data(), key.size(), hash.size());
    crypto_generichash_update(&state, fields.data(), fields.size());
    crypto_generichash_update(&state, more.data(), more.size());
    crypto_generichash_final(&state, hash.data(), hash.size());
    Tag tag;
    std::copy_n(hash.begin(), tag.size(), tag.begin());
    return tag;
}

/// `token`'s fields with `flags`, tagged under `key`, over `more` too.
Token tagged(Token token, std::uint8_t flags, ByteView key, ByteView more = {})
{
    token[1] = flags;
    const Tag tag = tagOver(ByteView{token}.first(kFieldBytes), more, key);
    std::ranges::copy(tag, token.begin() + kFieldBytes);
    return token;
}

std::uint8_t plainFlags(std::uint8_t flags)
{
    return flags & static_cast<std::uint8_t>(~(token_flag::kReply | token_flag::kConfirm));
}

} // namespace

std::optional<TokenFields> decodeToken(ByteView bytes)
{
    if (bytes.size() != kTokenBytes || bytes[0] != kTokenVersion)
        return std::nullopt;
    const Byte* const at = bytes.data();
    return TokenFields{.flags = at[1],
        .keyId = get32(at + 2),
        .run = get32(at + 6),
        .counter = get32(at + 10),
        .technique = at[14],
        .protocol = at[15],
        .port = get16(at + 16),
        .path = get16(at + 18)};
}

Token encodeFields(const TokenFields& fields)
{
    Token token{};
    token[0] = kTokenVersion;
    token[1] = fields.flags;
    put32(&token[2], fields.keyId);
    put32(&token[6], fields.run);
    put32(&token[10], fields.counter);
    token[14] = fields.technique;
    token[15] = fields.protocol;
    put16(&token[16], fields.port);
    put16(&token[18], fields.path);
    return token;
}

std::uint16_t pathHash(ByteView raw)
{
    std::array<Byte, 32> hash{};
    crypto_generichash(hash.data(), hash.size(), raw.data(), raw.size(), nullptr, 0);
    return get16(&hash[hash.size() - 2]);
}

std::uint16_t pathHash(std::string_view hostAndPort)
{
    return pathHash(ByteView{reinterpret_cast<const Byte*>(hostAndPort.data()), hostAndPort.size()});
}

TokenKey::TokenKey(const MasterKey& master)
{
    crypto_kdf_derive_from_key(m_out.data(), m_out.size(), Out, kContext, master.data());
    crypto_kdf_derive_from_key(m_in.data(), m_in.size(), In, kContext, master.data());
    crypto_kdf_derive_from_key(m_syn.data(), m_syn.size(), Syn, kContext, master.data());
}

TokenKey::~TokenKey()
{
    sodium_memzero(m_out.data(), m_out.size());
    sodium_memzero(m_in.data(), m_in.size());
    sodium_memzero(m_syn.data(), m_syn.size());
}

Token TokenKey::seal(const TokenFields& fields) const
{
    return tagged(encodeFields(fields), plainFlags(fields.flags), m_out);
}

Token TokenKey::reply(const Token& token) const
{
    return tagged(token, plainFlags(token[1]) | token_flag::kReply, m_in);
}

Token TokenKey::confirm(const Token& token) const
{
    const Token replied = reply(token);
    return tagged(token, plainFlags(token[1]) | token_flag::kConfirm, m_out, ByteView{replied}.last(kTagBytes));
}

bool TokenKey::verify(const Token& token) const
{
    const std::uint8_t flags = token[1];
    if (token[0] != kTokenVersion)
        return false;
    Token expected;
    if ((flags & token_flag::kReply) != 0)
        expected = tagged(token, flags, m_in); // kReply and kConfirm together were never sealed: their tag cannot match
    else if ((flags & token_flag::kConfirm) != 0)
        expected = confirm(token);
    else
        expected = tagged(token, flags, m_out);
    return sodium_memcmp(expected.data(), token.data(), token.size()) == 0;
}

} // namespace beacon
