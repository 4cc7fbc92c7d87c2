#pragma once

#include <QByteArray>
#include <QJsonObject>
#include <QJsonValue>
#include <QString>

#include <optional>
#include <variant>

/// JSON-RPC 2.0 (jsonrpc.org/specification), one object per line, without batches.
namespace beacon::rpc {

inline constexpr qsizetype kMaxFrameBytes = 1024 * 1024; ///< the newline not counted
inline constexpr int kMaxNesting = 32;
inline constexpr qsizetype kMaxMethodLength = 128; ///< UTF-16 units

/// Those of the specification, then ours.
enum class Code : int {
    ParseError = -32700,
    InvalidRequest = -32600,
    MethodNotFound = -32601,
    InvalidParams = -32602,
    Internal = -32603,
    Busy = -32000, ///< 32 in flight, 32 clients, or the reader is too slow
    Denied = -32001, ///< the right is missing
    Timeout = -32002, ///< the deadline passed
    TooLarge = -32003, ///< frame or answer over the limit
    Closed = -32004, ///< the connection ended before the answer; never on the wire
};

struct RpcError {
    Code code = Code::Internal;
    QString message; ///< one sentence
    QJsonValue data = QJsonValue::Undefined;
};

struct Request {
    QJsonValue id; ///< a number or a string
    QString method;
    QJsonObject params;
};
struct Notification {
    QString method;
    QJsonObject params;
};
struct Response {
    QJsonValue id; ///< null where the other side could not tell
    std::variant<QJsonValue, RpcError> answer;
};
using Message = std::variant<Request, Notification, Response>;

/// A frame without its newline. An error is what the sender is to be told.
[[nodiscard]] std::variant<Message, RpcError> decode(const QByteArray& frame);

/// With the newline.
[[nodiscard]] QByteArray encode(const Request& request);
[[nodiscard]] QByteArray encode(const Notification& notification);
[[nodiscard]] QByteArray encode(const Response& response);
/// `params` is the text of a JSON object: for senders that have it already.
[[nodiscard]] QByteArray encodeNotification(const QByteArray& method, const QByteArray& params);
[[nodiscard]] QByteArray encodeRequest(qint64 id, const QByteArray& method, const QByteArray& params);

/// Cuts a byte stream into frames.
///
/// Memory: kMaxFrameBytes and what one feed() brings.
class FrameReader {
public:
    void feed(const QByteArray& bytes);
    /// The next whole frame, an error once a frame is too long (and for ever after), or nullopt: feed more.
    /// Empty lines are passed over; a carriage return before the newline belongs to it.
    [[nodiscard]] std::optional<std::variant<QByteArray, RpcError>> next();
    [[nodiscard]] qsizetype pendingBytes() const noexcept { return m_buffer.size() - m_start; }

private:
    QByteArray m_buffer;
    qsizetype m_start = 0; ///< of the current frame
    qsizetype m_scanned = 0; ///< no newline before here
    bool m_broken = false;
};

} // namespace beacon::rpc
