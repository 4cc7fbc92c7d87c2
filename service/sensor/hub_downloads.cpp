#include "service/sensor/hub_downloads.h"

#include "core/platform/messages.h"

#include <QPointer>

#include <algorithm>

namespace beacon {

namespace {

using rpc::Code;
using rpc::RpcError;
namespace method = platform::method;

QJsonObject keptAnswer()
{
    return {{QStringLiteral("accepted"), true}, {QStringLiteral("kept"), true}};
}

QJsonObject withdrawal(const std::pair<QString, QString>& key)
{
    return {{QStringLiteral("resource"), key.second}, {QStringLiteral("target"), key.first},
        {QStringLiteral("source_instrument"), key.first}};
}

/// It has seen the request and does not want it.
bool isRefusal(const platform::Answer& answer)
{
    const auto* error = std::get_if<RpcError>(&answer);
    return error != nullptr && (error->code == Code::InvalidParams || error->code == Code::Denied);
}

bool isUnheard(const platform::Answer& answer)
{
    const auto* error = std::get_if<RpcError>(&answer);
    return error != nullptr
        && (error->code == Code::Closed || error->code == Code::Timeout || error->code == Code::Busy);
}

} // namespace

HubDownloads::HubDownloads(QObject* parent)
    : QObject(parent)
{
    m_again.setSingleShot(true);
    connect(&m_again, &QTimer::timeout, this, &HubDownloads::tellNext);
}

void HubDownloads::request(
    const QString& asker, const QString& resource, const QJsonObject& request, platform::Reply reply)
{
    const Key key{asker, resource};
    const auto ofAsker = std::ranges::count_if(m_wanted, [&](const auto& item) { return item.first.first == asker; });
    if (!m_wanted.contains(key) && ofAsker >= kMostPerAsker)
        return reply(RpcError{
            Code::TooLarge, QStringLiteral("%1 resources are the most; withdraw one of them").arg(kMostPerAsker)});
    QJsonObject whole = request;
    whole.insert(QStringLiteral("source_instrument"), asker);
    m_wanted[key] = whole;
    m_untold.erase(key);
    m_withdrawn.erase(key);
    m_ask(method::kDownloadRequest, whole,
        [this, alive = QPointer{this}, key, whole, reply = std::move(reply)](const platform::Answer& answer) {
            if (const auto wanted = alive ? m_wanted.find(key) : m_wanted.end();
                alive && wanted != m_wanted.end() && wanted->second == whole)
                heard(key, answer);
            reply(isUnheard(answer) ? platform::Answer{QJsonValue{keptAnswer()}} : answer);
        });
}

void HubDownloads::withdraw(const QString& asker, const QString& resource, platform::Reply reply)
{
    const Key key{asker, resource};
    m_wanted.erase(key);
    m_untold.erase(key);
    m_ask(method::kDownloadWithdraw, withdrawal(key),
        [this, alive = QPointer{this}, key, reply = std::move(reply)](const platform::Answer& answer) {
            if (alive && !m_wanted.contains(key))
                heard(key, answer);
            reply(isUnheard(answer) ? platform::Answer{QJsonValue{keptAnswer()}} : answer);
        });
}

void HubDownloads::forget(const QString& asker)
{
    std::vector<Key> keys;
    for (const auto& [key, request] : m_wanted)
        if (key.first == asker)
            keys.push_back(key);
    for (const Key& key : keys)
        withdraw(asker, key.second, [](const platform::Answer&) {});
}

void HubDownloads::downloaderArrived()
{
    for (const auto& [key, request] : m_wanted)
        m_untold.insert(key);
    tellNext();
}

/// One at a time: what the Downloader is asked meanwhile does not wait behind all of it.
void HubDownloads::tellNext()
{
    if (m_telling)
        return;
    if (!m_withdrawn.empty()) {
        const Key key = *m_withdrawn.begin();
        m_withdrawn.erase(m_withdrawn.begin());
        return tell(method::kDownloadWithdraw, key, withdrawal(key));
    }
    if (m_untold.empty())
        return;
    const Key key = *m_untold.begin();
    m_untold.erase(m_untold.begin());
    tell(method::kDownloadRequest, key, m_wanted.at(key));
}

void HubDownloads::tell(const QString& method, const Key& key, const QJsonObject& params)
{
    m_telling = true;
    m_ask(method, params, [this, alive = QPointer{this}, key](const platform::Answer& answer) {
        if (!alive)
            return;
        m_telling = false;
        heard(key, answer);
        if (!isUnheard(answer))
            tellNext();
    });
}

void HubDownloads::heard(const Key& key, const platform::Answer& answer)
{
    const auto* error = std::get_if<RpcError>(&answer);
    if (error != nullptr && isUnheard(answer) && error->code != Code::Closed)
        m_again.start(kAgain); // gone, it is told everything when it comes back
    if (!m_wanted.contains(key)) {
        if (isUnheard(answer) && m_withdrawn.size() < kMostWithdrawn)
            m_withdrawn.insert(key);
    } else if (isRefusal(answer)) {
        m_wanted.erase(key);
        m_untold.erase(key);
    } else if (isUnheard(answer)) {
        m_untold.insert(key);
    }
}

} // namespace beacon
