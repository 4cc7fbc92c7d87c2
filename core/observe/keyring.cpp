#include "core/observe/keyring.h"

namespace beacon {

void Keyring::put(KeyEntry entry)
{
    m_keys.insert_or_assign(entry.id, std::move(entry));
}

const KeyEntry* Keyring::find(std::uint32_t id) const
{
    const auto found = m_keys.find(id);
    return found == m_keys.end() ? nullptr : &found->second;
}

const KeyEntry* Keyring::verify(const Token& token) const
{
    const auto fields = decodeToken(token);
    const KeyEntry* const entry = fields ? find(fields->keyId) : nullptr;
    return entry && entry->key.verify(token) ? entry : nullptr;
}

} // namespace beacon
