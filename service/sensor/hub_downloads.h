#pragma once

#include "core/platform/link.h"

#include <QJsonObject>
#include <QObject>
#include <QString>
#include <QTimer>

#include <functional>
#include <map>
#include <set>
#include <utility>

namespace beacon {

/// What the Instruments want fetched, kept for the Downloader: it is told all of it whenever it arrives, one after
/// another, and takes a request that it has as the same. What was withdrawn while it was away comes first.
///
/// Thread:  one thread.
/// Bounds:  kMostPerAsker; kMostWithdrawn that it has not been told.
class HubDownloads final : public QObject {
    Q_OBJECT
public:
    static constexpr int kMostPerAsker = 64;
    static constexpr std::size_t kMostWithdrawn = 1'024;
    static constexpr std::chrono::milliseconds kAgain{5'000}; ///< where it was there and did not answer
    using Ask = std::function<void(const QString& method, const QJsonObject& params, platform::Reply reply)>;
    /// `ask` brings a request to the Downloader; Closed where there is none.
    explicit HubDownloads(QObject* parent = nullptr);
    void setAsk(Ask ask) { m_ask = std::move(ask); }

    /// `request`: of download.request, whole; the asker is added as `source_instrument`. It replaces an earlier one for
    /// the same resource. The Downloader's answer, or {"accepted":true,"kept":true} where there is none yet. TooLarge:
    /// kMostPerAsker are kept.
    void request(const QString& asker, const QString& resource, const QJsonObject& request, platform::Reply reply);
    void withdraw(const QString& asker, const QString& resource, platform::Reply reply);
    void forget(const QString& asker); ///< withdraws all of it

    void downloaderArrived(); ///< tells it everything
    [[nodiscard]] std::size_t kept() const noexcept { return m_wanted.size(); }

private:
    using Key = std::pair<QString, QString>; ///< asker, resource
    void tellNext();
    void tell(const QString& method, const Key& key, const QJsonObject& params);
    void heard(const Key& key, const platform::Answer& answer);

    Ask m_ask;
    std::map<Key, QJsonObject> m_wanted;
    std::set<Key> m_untold; ///< of them, since the Downloader came
    std::set<Key> m_withdrawn; ///< and it does not know
    bool m_telling = false;
    QTimer m_again;
};

} // namespace beacon
