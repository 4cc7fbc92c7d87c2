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

void HubDownloads::request(
    const QString& asker, const QString& resource, const QJsonObject& request, platform::Reply reply)
{
    const Key key{asker, resource};
    const auto ofAsker = std::ranges::count_if(m_wanted, [&](const auto& item) { return item.first.first == asker; });
    if (!m_wanted.contains(key) && ofAsker >= kMostPerAsker)
        return reply(RpcError{
            Code::TooLarge, QStringLiteral("%1 resources are the most; withdraw one of them").arg(kMostPerAsker)});
    m_wanted[key] = request;
    m_untold.erase(key);
    m_ask(method::kDownloadRequest, request,
        [this, alive = QPointer{this}, key, request, reply = std::move(reply)](const platform::Answer& answer) {
            const bool unheard = isUnheard(answer);
            if (alive) {
                const auto wanted = m_wanted.find(key);
                if (wanted != m_wanted.end() && wanted->second == request && isRefusal(answer))
                    m_wanted.erase(wanted);
                else if (wanted != m_wanted.end() && unheard)
                    m_untold.insert(key);
            }
            reply(unheard ? platform::Answer{QJsonValue{keptAnswer()}} : answer);
        });
}

void HubDownloads::withdraw(const QString& asker, const QString& resource, platform::Reply reply)
{
    const Key key{asker, resource};
    m_wanted.erase(key);
    m_untold.erase(key);
    m_ask(method::kDownloadWithdraw, {{QStringLiteral("resource"), resource}, {QStringLiteral("target"), asker}},
        [reply = std::move(reply)](const platform::Answer& answer) {
            reply(isUnheard(answer) ? platform::Answer{QJsonValue{QJsonObject{{QStringLiteral("accepted"), true}}}}
                                    : answer);
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
    if (m_telling || m_untold.empty())
        return;
    const Key key = *m_untold.begin();
    m_untold.erase(m_untold.begin());
    const auto wanted = m_wanted.find(key);
    if (wanted == m_wanted.end())
        return tellNext();
    m_telling = true;
    m_ask(
        method::kDownloadRequest, wanted->second, [this, alive = QPointer{this}, key](const platform::Answer& answer) {
            if (!alive)
                return;
            m_telling = false;
            if (isRefusal(answer))
                m_wanted.erase(key);
            else if (isUnheard(answer) && m_wanted.contains(key))
                m_untold.insert(key);
            if (!isUnheard(answer))
                tellNext();
        });
}

} // namespace beacon
