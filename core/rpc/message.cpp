#include "core/rpc/message.h"

#include "core/base/json_depth.h"

#include <QJsonDocument>

namespace beacon::rpc {

namespace {

constexpr auto kVersionKey = QLatin1StringView("jsonrpc");
constexpr auto kIdKey = QLatin1StringView("id");
constexpr auto kMethodKey = QLatin1StringView("method");
constexpr auto kParamsKey = QLatin1StringView("params");
constexpr auto kResultKey = QLatin1StringView("result");
constexpr auto kErrorKey = QLatin1StringView("error");
constexpr auto kCodeKey = QLatin1StringView("code");
constexpr auto kMessageKey = QLatin1StringView("message");
constexpr auto kDataKey = QLatin1StringView("data");
constexpr qsizetype kMaxErrorText = 1'024;
constexpr qsizetype kMaxIdLength = 128;

RpcError invalid(const char* what)
{
    return {Code::InvalidRequest, QString::fromLatin1(what), QJsonValue::Undefined};
}

bool isId(const QJsonValue& id)
{
    return id.isDouble() || (id.isString() && id.toString().size() <= kMaxIdLength);
}

QByteArray line(const QJsonObject& object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n';
}

std::variant<Message, RpcError> decodeResponse(const QJsonObject& object)
{
    const QJsonValue id = object.value(kIdKey);
    const bool hasResult = object.contains(kResultKey);
    const bool hasError = object.contains(kErrorKey);
    if (hasResult == hasError)
        return invalid("A frame needs a method, a result or an error");
    if (!isId(id) && !(hasError && id.isNull()))
        return invalid("An answer needs the id of its request");
    if (hasResult)
        return Message{Response{id, object.value(kResultKey)}};
    const QJsonObject error = object.value(kErrorKey).toObject();
    if (!error.value(kCodeKey).isDouble() || !error.value(kMessageKey).isString())
        return invalid("An error needs a code and a message");
    return Message{Response{id,
        RpcError{static_cast<Code>(error.value(kCodeKey).toInt()),
            error.value(kMessageKey).toString().left(kMaxErrorText), error.value(kDataKey)}}};
}

} // namespace

std::variant<Message, RpcError> decode(const QByteArray& frame)
{
    if (frame.size() > kMaxFrameBytes)
        return RpcError{Code::TooLarge, QStringLiteral("A frame may have 1 MiB"), QJsonValue::Undefined};
    if (jsonDepth({frame.data(), static_cast<std::size_t>(frame.size())}) > kMaxNesting)
        return RpcError{Code::ParseError, QStringLiteral("Nested deeper than 32"), QJsonValue::Undefined};
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(frame, &problem);
    if (document.isNull())
        return RpcError{Code::ParseError, QStringLiteral("Not JSON: ") + problem.errorString(), QJsonValue::Undefined};
    if (document.isArray())
        return invalid("Batches are not supported");
    const QJsonObject object = document.object();
    if (object.value(kVersionKey) != QJsonValue(QLatin1StringView("2.0")))
        return invalid("jsonrpc must be \"2.0\"");
    if (!object.contains(kMethodKey))
        return decodeResponse(object);

    const QString method = object.value(kMethodKey).toString();
    if (method.isEmpty() || method.size() > kMaxMethodLength)
        return invalid("method must be a string of 1 to 128 characters");
    const QJsonValue params = object.value(kParamsKey);
    if (!params.isUndefined() && !params.isObject())
        return invalid("params must be an object");
    if (!object.contains(kIdKey))
        return Message{Notification{method, params.toObject()}};
    if (!isId(object.value(kIdKey)))
        return invalid("id must be a number or a short string");
    return Message{Request{object.value(kIdKey), method, params.toObject()}};
}

QByteArray encode(const Request& request)
{
    return line({{kVersionKey, QLatin1StringView("2.0")}, {kIdKey, request.id}, {kMethodKey, request.method},
        {kParamsKey, request.params}});
}

QByteArray encode(const Notification& notification)
{
    return line({{kVersionKey, QLatin1StringView("2.0")}, {kMethodKey, notification.method},
        {kParamsKey, notification.params}});
}

QByteArray encode(const Response& response)
{
    QJsonObject object{{kVersionKey, QLatin1StringView("2.0")}, {kIdKey, response.id}};
    if (const auto* result = std::get_if<QJsonValue>(&response.answer)) {
        object.insert(kResultKey, result->isUndefined() ? QJsonValue() : *result);
    } else {
        const RpcError& error = std::get<RpcError>(response.answer);
        QJsonObject body{{kCodeKey, static_cast<int>(error.code)}, {kMessageKey, error.message.left(kMaxErrorText)}};
        if (!error.data.isUndefined())
            body.insert(kDataKey, error.data);
        object.insert(kErrorKey, body);
    }
    return line(object);
}

QByteArray encodeNotification(const QByteArray& method, const QByteArray& params)
{
    return R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}\n";
}

QByteArray encodeRequest(qint64 id, const QByteArray& method, const QByteArray& params)
{
    return R"({"jsonrpc":"2.0","id":)" + QByteArray::number(id) + R"(,"method":")" + method + R"(","params":)" + params
        + "}\n";
}

void FrameReader::feed(const QByteArray& bytes)
{
    if (m_broken)
        return;
    if (m_start > 0) {
        m_buffer.remove(0, m_start);
        m_scanned -= m_start;
        m_start = 0;
    }
    m_buffer += bytes;
}

std::optional<std::variant<QByteArray, RpcError>> FrameReader::next()
{
    const RpcError tooLong{Code::TooLarge, QStringLiteral("A frame may have 1 MiB"), QJsonValue::Undefined};
    while (!m_broken) {
        const qsizetype newline = m_buffer.indexOf('\n', m_scanned);
        const qsizetype length = (newline < 0 ? m_buffer.size() : newline) - m_start;
        if (length > kMaxFrameBytes + 1) { // room for a carriage return
            m_broken = true;
            m_buffer.clear();
            m_start = m_scanned = 0;
            break;
        }
        if (newline < 0) {
            m_scanned = m_buffer.size();
            return std::nullopt;
        }
        QByteArray frame = m_buffer.mid(m_start, length);
        m_start = m_scanned = newline + 1;
        if (frame.endsWith('\r'))
            frame.chop(1);
        if (!frame.isEmpty())
            return frame;
    }
    return tooLong;
}

} // namespace beacon::rpc
