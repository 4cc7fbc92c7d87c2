#pragma once

#include <array>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace beacon::test {

/// The calling thread lacks a capability (CAP_NET_ADMIN, …) as long as this lives.
class WithoutCapability {
public:
    explicit WithoutCapability(int capability)
    {
        if (::syscall(SYS_capget, &m_header, m_before.data()) != 0)
            return;
        auto lacking = m_before;
        lacking.at(static_cast<std::size_t>(CAP_TO_INDEX(capability))).effective &=
            ~static_cast<__u32>(CAP_TO_MASK(capability));
        m_worked = ::syscall(SYS_capset, &m_header, lacking.data()) == 0;
    }
    ~WithoutCapability()
    {
        if (m_worked)
            ::syscall(SYS_capset, &m_header, m_before.data());
    }
    WithoutCapability(const WithoutCapability&) = delete;
    WithoutCapability& operator=(const WithoutCapability&) = delete;

    [[nodiscard]] bool worked() const noexcept { return m_worked; }

private:
    __user_cap_header_struct m_header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> m_before{};
    bool m_worked = false;
};

} // namespace beacon::test
