#include "core/rpc/peer.h"

#include <QSignalSpy>
#include <QTest>

#include <sys/socket.h>
#include <unistd.h>

using namespace beacon;
using namespace beacon::rpc;
using namespace std::chrono_literals;

namespace {

/// Two connected ends: a Peer, and the bare descriptor of whoever talks to it.
struct Pair {
    std::unique_ptr<Peer> peer;
    int other = -1;
    Pair()
    {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
            return;
        auto socket = std::make_unique<QLocalSocket>();
        socket->setSocketDescriptor(ends[0]);
        peer = std::make_unique<Peer>(std::move(socket));
        other = ends[1];
    }
    ~Pair() { ::close(other); }
    void write(const QByteArray& bytes) const
    {
        QCOMPARE(::write(other, bytes.data(), size_t(bytes.size())), ssize_t(bytes.size()));
    }
    [[nodiscard]] QByteArray read(qsizetype atMost = 1 << 20) const
    {
        QByteArray bytes(atMost, Qt::Uninitialized);
        bytes.resize(qMax<qsizetype>(0, ::read(other, bytes.data(), size_t(atMost))));
        return bytes;
    }
    /// Waits for a whole line.
    [[nodiscard]] QByteArray line() const
    {
        QByteArray text;
        (void)QTest::qWaitFor([&] {
            text += read();
            return text.endsWith('\n');
        });
        return text;
    }
};

int codeOf(const std::variant<QJsonValue, RpcError>& answer)
{
    const auto* error = std::get_if<RpcError>(&answer);
    return error == nullptr ? 0 : int(error->code);
}

} // namespace

class TestPeer : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void anAnswerReachesItsCaller();
    void aDeadlineAnswersForASilentPeer();
    void aDeadlineAnswersForASilentHandler();
    void aDroppedResponderAnswers();
    void withoutAHandlerThereIsNoMethod();
    void the33rdRequestIsTold();
    void the33rdIncomingRequestIsTold();
    void anEndAnswersEverything();
    void destructionAnswersEverything();
    void aBadFrameIsAnsweredAndCloses_data();
    void aBadFrameIsAnsweredAndCloses();
    void aReaderThatNeverReadsIsNoticedAndBounded();
    void aFloodOfRequestsFromANonReaderIsBounded();
    void theHandlerMayDestroyThePeer();
    void credentialsAreOurs();
    void anAnswerThatIsTooLargeIsAnError();
};

void TestPeer::anAnswerReachesItsCaller()
{
    std::optional<std::variant<QJsonValue, RpcError>> answer;
    Pair pair;
    pair.peer->call(QStringLiteral("a.b"), {{QStringLiteral("x"), 1}}, [&](const auto& got) { answer = got; });
    const QByteArray asked = pair.line();
    QCOMPARE(asked, QByteArray("{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":{\"x\":1}}\n"));
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"y\":2}}\n");
    QTRY_VERIFY(answer);
    QCOMPARE(std::get<QJsonValue>(*answer).toObject().value(QLatin1StringView("y")), QJsonValue(2));
}

void TestPeer::aDeadlineAnswersForASilentPeer()
{
    int code = 0;
    int answers = 0;
    Pair pair;
    pair.peer->call(
        QStringLiteral("a.b"), {},
        [&](const auto& got) {
            code = codeOf(got);
            ++answers;
        },
        1ms);
    QTRY_COMPARE(code, int(Code::Timeout));
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"method\":\"late\"}\n");
    QSignalSpy late(pair.peer.get(), &Peer::notified);
    QTRY_COMPARE(late.size(), 1);
    QCOMPARE(answers, 1);
    QVERIFY(pair.peer->isOpen());
}

void TestPeer::aDeadlineAnswersForASilentHandler()
{
    std::vector<Responder> kept;
    Pair pair;
    pair.peer->setHandler(
        [&](const QString&, const QJsonObject&, Responder responder) { kept.push_back(std::move(responder)); }, 1ms);
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"m\"}\n");
    const QByteArray line = pair.line();
    QVERIFY2(line.contains("-32002") && line.contains("\"id\":9"), line.constData());
    kept.front().answer(1); // too late: nothing more is said
    kept.clear();
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"m\"}\n");
    QVERIFY(pair.line().contains("\"id\":10"));
}

void TestPeer::aDroppedResponderAnswers()
{
    Pair pair;
    pair.peer->setHandler([](const QString&, const QJsonObject&, Responder) {});
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"m\"}\n");
    const QByteArray line = pair.line();
    QVERIFY2(line.contains("-32603") && line.contains("\"id\":\"q\""), line.constData());
}

void TestPeer::withoutAHandlerThereIsNoMethod()
{
    Pair pair;
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}\n");
    QVERIFY(pair.line().contains("-32601"));
}

void TestPeer::the33rdRequestIsTold()
{
    QList<int> codes; // destruction answers too
    Pair pair;
    for (int i = 0; i < kMaxInFlight + 1; ++i)
        pair.peer->call(
            QStringLiteral("m"), {}, [&](const auto& got) { codes.append(codeOf(got)); }, 1h);
    QTRY_COMPARE(codes, QList<int>{int(Code::Busy)});
}

void TestPeer::the33rdIncomingRequestIsTold()
{
    std::vector<Responder> kept;
    Pair pair;
    pair.peer->setHandler(
        [&](const QString&, const QJsonObject&, Responder responder) { kept.push_back(std::move(responder)); }, 1h);
    for (int i = 0; i < kMaxInFlight + 1; ++i)
        pair.write("{\"jsonrpc\":\"2.0\",\"id\":" + QByteArray::number(i) + ",\"method\":\"m\"}\n");
    const QByteArray line = pair.line();
    QVERIFY2(line.contains("-32000") && line.contains("\"id\":32"), line.constData());
    QCOMPARE(kept.size(), std::size_t(kMaxInFlight));
}

void TestPeer::anEndAnswersEverything()
{
    int code = 0;
    Pair pair;
    QSignalSpy closed(pair.peer.get(), &Peer::closed);
    pair.peer->call(
        QStringLiteral("m"), {}, [&](const auto& got) { code = codeOf(got); }, 1h);
    ::shutdown(pair.other, SHUT_RDWR);
    QTRY_COMPARE(closed.size(), 1);
    QCOMPARE(code, int(Code::Closed));
    pair.peer->call(QStringLiteral("m"), {}, [&](const auto& got) { code = codeOf(got) + 1; });
    QTRY_COMPARE(code, int(Code::Closed) + 1);
    QVERIFY(!pair.peer->canTake());
}

void TestPeer::destructionAnswersEverything()
{
    int code = 0;
    Pair pair;
    pair.peer->call(
        QStringLiteral("m"), {}, [&](const auto& got) { code = codeOf(got); }, 1h);
    pair.peer.reset();
    QCOMPARE(code, int(Code::Closed));
}

void TestPeer::aBadFrameIsAnsweredAndCloses_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("code");
    QTest::newRow("garbage") << QByteArray("GET / HTTP/1.1\n") << QByteArray("-32700");
    QTest::newRow("truncated") << QByteArray("{\"jsonrpc\":\n") << QByteArray("-32700");
    QTest::newRow("deeply nested") << QByteArray(100'000, '[') + '\n' << QByteArray("-32700");
    QTest::newRow("a batch") << QByteArray("[]\n") << QByteArray("-32600");
    QTest::newRow("oversized, without an end") << QByteArray(kMaxFrameBytes + 10, 'x') << QByteArray("-32003");
    QTest::newRow("oversized, with an end") << QByteArray(kMaxFrameBytes + 10, 'x') + '\n' << QByteArray("-32003");
}

void TestPeer::aBadFrameIsAnsweredAndCloses()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, code);
    Pair pair;
    QSignalSpy closed(pair.peer.get(), &Peer::closed);
    QTRY_VERIFY2(
        [&] { // as much as the socket takes at a time
            const ssize_t written =
                bytes.isEmpty() ? 0 : ::send(pair.other, bytes.data(), size_t(bytes.size()), MSG_NOSIGNAL);
            bytes.remove(0, qMax<ssize_t>(0, written));
            return bytes.isEmpty() || closed.size() == 1;
        }(),
        "not read");
    const QByteArray line = pair.line();
    QVERIFY2(line.contains(code) && line.contains("\"id\":null"), line.constData());
    QTRY_COMPARE(closed.size(), 1);
    QVERIFY(!closed.first().first().toString().isEmpty());
}

void TestPeer::aReaderThatNeverReadsIsNoticedAndBounded()
{
    Pair pair;
    const QByteArray params = "{\"x\":\"" + QByteArray(10'000, 'x') + "\"}";
    int sent = 0;
    while (sent < 1'000 && pair.peer->notifyText("m", params)) {
        ++sent;
        QCoreApplication::processEvents();
    }
    QVERIFY2(sent > 20 && sent < 200, QByteArray::number(sent).constData());
    QVERIFY(!pair.peer->canTake());
    QVERIFY(pair.peer->pendingBytes() < kMaxPendingBytes + 20'000);
    QSignalSpy drained(pair.peer.get(), &Peer::drained);
    QTRY_VERIFY([&] {
        (void)pair.read();
        return drained.size() == 1;
    }());
    QVERIFY(pair.peer->canTake());
}

void TestPeer::aFloodOfRequestsFromANonReaderIsBounded()
{
    Pair pair;
    int served = 0;
    const QString big(50'000, QLatin1Char('x'));
    pair.peer->setHandler([&](const QString&, const QJsonObject&, Responder responder) {
        ++served;
        responder.answer(big);
    });
    const QByteArray ask = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}\n";
    for (int i = 0; i < 2'000; ++i) {
        (void)::send(pair.other, ask.data(), size_t(ask.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
        QCoreApplication::processEvents();
    }
    QVERIFY2(served < 60, QByteArray::number(served).constData());
    QVERIFY(pair.peer->pendingBytes() < kMaxPendingBytes + 60'000);
    const int before = served;
    QTRY_VERIFY([&] {
        (void)pair.read();
        return served > before + 50;
    }()); // and it goes on
}

void TestPeer::theHandlerMayDestroyThePeer()
{
    Pair pair;
    pair.peer->setHandler([&](const QString&, const QJsonObject&, Responder) { pair.peer.reset(); });
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"m\"}\n");
    QTRY_VERIFY(!pair.peer);
}

void TestPeer::credentialsAreOurs()
{
    Pair pair;
    const Credentials& credentials = pair.peer->credentials();
    QCOMPARE(credentials.pid, ::getpid());
    QCOMPARE(credentials.uid, ::geteuid());
    QCOMPARE(credentials.gid, ::getegid());
    QVERIFY(credentials.isInGroup(::getegid()));
    QVERIFY(!credentials.isInGroup(54'321));
    std::vector<gid_t> groups(size_t(qMax(0, ::getgroups(0, nullptr))));
    (void)::getgroups(int(groups.size()), groups.data());
    QCOMPARE(credentials.groups.size(), groups.size());
    for (const gid_t group : groups)
        QVERIFY(credentials.isInGroup(group));
}

void TestPeer::anAnswerThatIsTooLargeIsAnError()
{
    Pair pair;
    pair.peer->setHandler([](const QString&, const QJsonObject&, Responder responder) {
        responder.answer(QString(kMaxFrameBytes, QLatin1Char('x')));
    });
    pair.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}\n");
    QVERIFY(pair.line().contains("-32003"));
}

QTEST_GUILESS_MAIN(TestPeer)
#include "tst_peer.moc"
