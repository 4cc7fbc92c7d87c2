#include "core/netlink/offloads.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace beacon {

namespace {

constexpr std::uint32_t kMostFeatures = 1024; ///< a kernel of 2024 knows 64

constexpr bool startsWith(std::string_view name, std::string_view with)
{
    return name.substr(0, with.size()) == with;
}

bool altersFrames(std::string_view name)
{
    for (const std::string_view part : {"checksum", "scatter-gather", "segmentation", "fragmentation"}) {
        if (name.find(part) != std::string_view::npos)
            return true;
    }
    for (const std::string_view start : {"tx-gso", "rx-gro", "rx-lro", "rx-udp-gro"}) {
        if (startsWith(name, start))
            return true;
    }
    return false;
}

/// One device's features by the ethtool ioctl, which is older than every kernel that we meet.
class Features {
public:
    Features(UniqueFd socket, std::string device)
        : m_socket(std::move(socket))
        , m_device(std::move(device))
    {
    }

    /// False: the device has none.
    Result<bool> read()
    {
        if (m_names.empty()) {
            if (auto named = readNames(); !named || !*named)
                return named;
        }
        std::vector<std::uint32_t> buffer(2 + blocks() * 4);
        auto* const head = reinterpret_cast<ethtool_gfeatures*>(buffer.data()); // NOLINT: the kernel's layout
        head->cmd = ETHTOOL_GFEATURES;
        head->size = static_cast<std::uint32_t>(blocks());
        if (!call(buffer.data()))
            return systemError("read the offloads of " + m_device);
        m_state.assign(head->features, head->features + blocks());
        return true;
    }

    Result<> write(const std::vector<std::size_t>& features, bool on)
    {
        std::vector<std::uint32_t> buffer(2 + blocks() * 2);
        auto* const head = reinterpret_cast<ethtool_sfeatures*>(buffer.data()); // NOLINT: the kernel's layout
        head->cmd = ETHTOOL_SFEATURES;
        head->size = static_cast<std::uint32_t>(blocks());
        for (const std::size_t feature : features) {
            head->features[feature / 32].valid |= bit(feature);
            head->features[feature / 32].requested |= on ? bit(feature) : 0;
        }
        return call(buffer.data()) ? Result<>{} : Result<>{systemError("set the offloads of " + m_device)};
    }

    [[nodiscard]] const std::vector<std::string>& names() const { return m_names; }
    [[nodiscard]] bool isOn(std::size_t feature) const { return (m_state[feature / 32].active & bit(feature)) != 0; }
    [[nodiscard]] bool mayChange(std::size_t feature) const
    {
        return (m_state[feature / 32].available & bit(feature)) != 0
            && (m_state[feature / 32].never_changed & bit(feature)) == 0;
    }

private:
    [[nodiscard]] static std::uint32_t bit(std::size_t feature) { return std::uint32_t{1} << (feature % 32); }
    [[nodiscard]] std::size_t blocks() const { return (m_names.size() + 31) / 32; }

    bool call(void* data)
    {
        ifreq request{};
        m_device.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_data = static_cast<char*>(data);
        return ::ioctl(m_socket.get(), SIOCETHTOOL, &request) == 0;
    }

    Result<bool> readNames()
    {
        ethtool_sset_info which{};
        which.cmd = ETHTOOL_GSSET_INFO;
        which.sset_mask = std::uint64_t{1} << ETH_SS_FEATURES;
        std::array<char, sizeof which + sizeof(std::uint32_t)> sizes{};
        std::memcpy(sizes.data(), &which, sizeof which);
        if (!call(sizes.data()))
            return errno == EOPNOTSUPP ? Result<bool>{false} : systemError("read the offloads of " + m_device);
        std::uint32_t count = 0;
        std::memcpy(&count, sizes.data() + sizeof which, sizeof count);
        count = std::min(count, kMostFeatures);
        std::vector<char> buffer(sizeof(ethtool_gstrings) + std::size_t{count} * ETH_GSTRING_LEN);
        ethtool_gstrings head{};
        head.cmd = ETHTOOL_GSTRINGS;
        head.string_set = ETH_SS_FEATURES;
        head.len = count;
        std::memcpy(buffer.data(), &head, sizeof head);
        if (!call(buffer.data()))
            return systemError("read the names of the offloads of " + m_device);
        std::vector<std::string> names;
        names.reserve(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            const char* const name = buffer.data() + sizeof head + std::size_t{i} * ETH_GSTRING_LEN;
            names.emplace_back(name, ::strnlen(name, ETH_GSTRING_LEN));
        }
        m_names = std::move(names);
        return count > 0;
    }

    UniqueFd m_socket;
    std::string m_device;
    std::vector<std::string> m_names; ///< as many as there are features
    std::vector<ethtool_get_features_block> m_state;
};

Result<Features> featuresOf(const NetworkNamespace& where, const std::string& device)
{
    auto socket = where.socket(AF_INET, SOCK_DGRAM, 0);
    if (!socket)
        return socket.error();
    return Features{std::move(*socket), device};
}

} // namespace

Result<Offloads> switchOffloadsOff(const NetworkNamespace& where, const std::string& device)
{
    auto features = featuresOf(where, device);
    if (!features)
        return features.error();
    const auto known = features->read();
    if (!known)
        return known.error();
    Offloads off;
    if (!*known)
        return off;
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < features->names().size(); ++i) {
        if (altersFrames(features->names()[i]) && features->isOn(i) && features->mayChange(i))
            wanted.push_back(i);
    }
    if (!wanted.empty()) {
        if (auto written = features->write(wanted, false); !written)
            return written.error();
        if (auto again = features->read(); !again)
            return again.error();
    }
    off.reserve(wanted.size());
    for (const std::size_t feature : wanted) {
        if (features->isOn(feature))
            return Error{Errc::System, 0, "switch off " + features->names()[feature] + " of " + device};
        off.push_back(features->names()[feature]);
    }
    return off;
}

Result<> switchOffloadsOn(const NetworkNamespace& where, const std::string& device, const Offloads& offloads)
{
    if (offloads.empty())
        return {};
    auto features = featuresOf(where, device);
    if (!features)
        return features.error();
    const auto known = features->read();
    if (!known || !*known)
        return known ? Result<>{} : Result<>{known.error()};
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < features->names().size(); ++i) {
        if (std::find(offloads.begin(), offloads.end(), features->names()[i]) != offloads.end())
            wanted.push_back(i);
    }
    return wanted.empty() ? Result<>{} : features->write(wanted, true);
}

} // namespace beacon
