#include "core/platform/link.h"

#include "core/rpc/peer.h"

#include <memory>
#include <utility>

namespace beacon::platform {

Responder::Responder(Reply reply)
    : m_reply(std::move(reply))
{
}

Responder::Responder(Responder&& other) noexcept
    : m_reply(std::exchange(other.m_reply, nullptr))
{
}

Responder& Responder::operator=(Responder&& other) noexcept
{
    Responder old{std::exchange(m_reply, std::exchange(other.m_reply, nullptr))};
    return *this;
}

Responder::~Responder()
{
    if (m_reply)
        finish(rpc::RpcError{rpc::Code::Internal, QStringLiteral("the request was dropped without an answer")});
}

void Responder::answer(const QJsonValue& result)
{
    finish(result);
}

void Responder::fail(rpc::Code code, const QString& message, const QJsonValue& data)
{
    finish(rpc::RpcError{code, message, data});
}

void Responder::finish(const Answer& answer)
{
    if (const Reply reply = std::exchange(m_reply, nullptr))
        reply(answer);
}

Responder responderFor(rpc::Responder theirs)
{
    auto shared = std::make_shared<rpc::Responder>(std::move(theirs)); // a std::function must be copyable
    return Responder{[shared](const Answer& answer) {
        if (const auto* error = std::get_if<rpc::RpcError>(&answer))
            shared->fail(error->code, error->message, error->data);
        else
            shared->answer(std::get<QJsonValue>(answer));
    }};
}

} // namespace beacon::platform
