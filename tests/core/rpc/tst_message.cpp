#include "core/rpc/message.h"

#include <QTest>

using namespace beacon::rpc;

namespace {

int codeOf(const std::variant<Message, RpcError>& decoded)
{
    const auto* error = std::get_if<RpcError>(&decoded);
    return error == nullptr ? 0 : static_cast<int>(error->code);
}

} // namespace

class TestMessage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void readsWhatItWrites();
    void refusesWithTheRightCode_data();
    void refusesWithTheRightCode();
    void framesSurviveEverySplit();
    void aFrameOfExactlyTheLimitPasses();
    void anEndlessFrameIsRefusedAndForgotten();
};

void TestMessage::readsWhatItWrites()
{
    const auto body = [](QByteArray line) {
        line.chop(1);
        return line;
    };
    const QJsonObject params{{QStringLiteral("a"), 1}};
    const auto request = decode(body(encode(Request{7, QStringLiteral("x.y"), params})));
    const auto* asked = std::get_if<Request>(&std::get<Message>(request));
    QVERIFY(asked);
    QCOMPARE(asked->id, QJsonValue(7));
    QCOMPARE(asked->method, QStringLiteral("x.y"));
    QCOMPARE(asked->params, params);

    const auto notification = decode(body(encodeNotification("x.y", R"({"a":1})")));
    QCOMPARE(std::get<Notification>(std::get<Message>(notification)).params, params);

    const auto answer = decode(body(encode(Response{QStringLiteral("id"), QJsonValue(params)})));
    QCOMPARE(std::get<QJsonValue>(std::get<Response>(std::get<Message>(answer)).answer), QJsonValue(params));

    const auto failure = decode(body(encode(Response{3, RpcError{Code::Denied, QStringLiteral("no"), QJsonValue(5)}})));
    const auto& error = std::get<RpcError>(std::get<Response>(std::get<Message>(failure)).answer);
    QCOMPARE(error.code, Code::Denied);
    QCOMPARE(error.message, QStringLiteral("no"));
    QCOMPARE(error.data, QJsonValue(5));
}

void TestMessage::refusesWithTheRightCode_data()
{
    QTest::addColumn<QByteArray>("frame");
    QTest::addColumn<int>("code");
    const auto row = [](const char* name, const QByteArray& frame, Code code) {
        QTest::newRow(name) << frame << int(code);
    };
    row("no JSON", "hello", Code::ParseError);
    row("half an object", R"({"jsonrpc":"2.0","id":1)", Code::ParseError);
    row("NUL bytes", QByteArray(16, '\0'), Code::ParseError);
    row("invalid UTF-8", "{\"jsonrpc\":\"2.0\",\"method\":\"\xff\xfe\"}", Code::ParseError);
    row("a thousand brackets", QByteArray(1'000, '['), Code::ParseError);
    row("a million brackets", QByteArray(1'000'000, '['), Code::ParseError);
    row("params nested too deeply",
        R"({"jsonrpc":"2.0","method":"m","params":{"a":)" + QByteArray(40, '[') + QByteArray(40, ']') + "}}",
        Code::ParseError);
    row("a batch", R"([{"jsonrpc":"2.0","method":"m"}])", Code::InvalidRequest);
    row("a scalar", "17", Code::ParseError);
    row("version 1", R"({"method":"m","id":1})", Code::InvalidRequest);
    row("a method that is a number", R"({"jsonrpc":"2.0","method":1})", Code::InvalidRequest);
    row("an empty method", R"({"jsonrpc":"2.0","method":""})", Code::InvalidRequest);
    row("an endless method", R"({"jsonrpc":"2.0","method":")" + QByteArray(200, 'm') + "\"}", Code::InvalidRequest);
    row("params in an array", R"({"jsonrpc":"2.0","method":"m","params":[1]})", Code::InvalidRequest);
    row("an id that is an object", R"({"jsonrpc":"2.0","method":"m","id":{}})", Code::InvalidRequest);
    row("an id that is null", R"({"jsonrpc":"2.0","method":"m","id":null})", Code::InvalidRequest);
    row("neither method nor answer", R"({"jsonrpc":"2.0","id":1})", Code::InvalidRequest);
    row("both result and error", R"({"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}})",
        Code::InvalidRequest);
    row("an answer to nobody", R"({"jsonrpc":"2.0","id":null,"result":1})", Code::InvalidRequest);
    row("an error without a code", R"({"jsonrpc":"2.0","id":1,"error":{"message":""}})", Code::InvalidRequest);
    row("over a mebibyte", QByteArray(kMaxFrameBytes + 1, ' '), Code::TooLarge);
}

void TestMessage::refusesWithTheRightCode()
{
    QFETCH(QByteArray, frame);
    QFETCH(int, code);
    QCOMPARE(codeOf(decode(frame)), code);
}

void TestMessage::framesSurviveEverySplit()
{
    const QByteArray stream = "{\"a\":1}\n\n\r\n{\"b\":2}\r\n{\"c\":3}\n";
    for (qsizetype first = 0; first <= stream.size(); ++first) {
        FrameReader reader;
        QByteArrayList frames;
        for (const QByteArray& part : {stream.left(first), stream.mid(first)}) {
            reader.feed(part);
            while (const auto frame = reader.next())
                frames.append(std::get<QByteArray>(*frame));
        }
        QCOMPARE(frames, (QByteArrayList{"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"}));
        QCOMPARE(reader.pendingBytes(), 0);
    }
}

void TestMessage::aFrameOfExactlyTheLimitPasses()
{
    FrameReader reader;
    reader.feed(QByteArray(kMaxFrameBytes, 'x') + '\n');
    const auto frame = reader.next();
    QVERIFY(frame && std::holds_alternative<QByteArray>(*frame));
    QCOMPARE(std::get<QByteArray>(*frame).size(), kMaxFrameBytes);
}

void TestMessage::anEndlessFrameIsRefusedAndForgotten()
{
    FrameReader reader;
    std::optional<std::variant<QByteArray, RpcError>> frame;
    for (int i = 0; i < 20 && !frame; ++i) {
        reader.feed(QByteArray(100'000, 'x'));
        frame = reader.next();
    }
    QVERIFY(frame && std::holds_alternative<RpcError>(*frame));
    QCOMPARE(reader.pendingBytes(), 0);
    reader.feed("{}\n");
    QVERIFY(std::holds_alternative<RpcError>(reader.next().value()));
    QCOMPARE(reader.pendingBytes(), 0);
}

QTEST_GUILESS_MAIN(TestMessage)
#include "tst_message.moc"
