#pragma once

#include "core/base/address.h"

#include <QObject>
#include <QProcess>
#include <QTimer>

#include <vector>

namespace beacon {

/// The firewall rules of Home's dedicated addresses, and no others: TCP to any of their ports reaches one listener on
/// loopback (tproxy), the kernel answers neither echo nor closed ports from them, and each SYN is answered once.
///
/// The table belongs to a child `nft -i` (flags owner): however either of the two ends, no rule is left behind.
/// Thread:  the one that made it.
/// Errors:  by failed(), with a sentence; after that it is tried again every kRetry.
/// Source:  nft(8), Linux Documentation/networking/tproxy.rst; no policy routing, the addresses being local.
class NftTable final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::seconds kRetry{1};

    struct Wanted {
        std::string interface;
        std::vector<IpAddress> addresses;
        std::uint16_t listenerPort4 = 0, listenerPort6 = 0;
    };
    /// The commands for `nft -i`, one a line.
    [[nodiscard]] static QByteArray commands(const Wanted& wanted);

    explicit NftTable(Wanted wanted, QObject* parent = nullptr);
    ~NftTable() override;

    void start();

Q_SIGNALS:
    void ready(); ///< the rules are in force
    void failed(const QString& why); ///< they are not, or no longer

private:
    void onOutput();
    void onFinished();
    void fail(const QString& why);

    Wanted m_wanted;
    QProcess m_nft;
    QTimer m_retry;
    QByteArray m_output;
    bool m_ready = false;
};

} // namespace beacon
