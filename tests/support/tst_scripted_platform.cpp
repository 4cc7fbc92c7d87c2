#include "core/rpc/peer.h"
#include "tests/support/scripted_platform.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;
using Publishing = ScriptedPlatform::Publishing;

namespace {

const QString kOutput = QStringLiteral("instruments.beacon.output");

QJsonObject output(int n)
{
    return ScriptedPlatform::eventOf(kOutput,
        {{QStringLiteral("line"), QString::number(n)}, {QStringLiteral("stream"), QStringLiteral("stdout")},
            {QStringLiteral("truncated"), false}, {QStringLiteral("dropped"), 0}},
        QStringLiteral("beacon_0@plant7"));
}

QJsonObject batch(const QJsonArray& events)
{
    return {{QStringLiteral("events"), events}};
}

} // namespace

class TestScriptedPlatform : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup() { m_peer.reset(); }
    void aHelloIsAnsweredAndRecorded();
    void eventsCountOnceAndAreAcknowledged();
    void trouble_data();
    void trouble();
    void aRefusedTypeTakesItsBatchAlong();
    void whatIsWrongIsAComplaint_data();
    void whatIsWrongIsAComplaint();
    void itAsksAndHearsTheAnswer();
    void itVanishesAndComesBack();
    void scriptsReplaceAnswers();
    void withoutReadingThePeerFillsUp();

private:
    void connectPeer();
    /// nothing: no answer within 300 ms; a number: that error; 0: a result
    std::optional<int> codeOf(const QString& method, const QJsonObject& params);
    QTemporaryDir m_dir;
    std::unique_ptr<ScriptedPlatform> m_platform;
    std::unique_ptr<rpc::Peer> m_peer;
    QJsonValue m_last;
};

void TestScriptedPlatform::init()
{
    m_platform = std::make_unique<ScriptedPlatform>(m_dir.filePath(QStringLiteral("platform.sock")));
    QVERIFY(m_platform->appear());
    connectPeer();
}

void TestScriptedPlatform::connectPeer()
{
    auto socket = std::make_unique<QLocalSocket>();
    socket->connectToServer(m_platform->path());
    QVERIFY(socket->waitForConnected());
    m_peer = std::make_unique<rpc::Peer>(std::move(socket));
    QCOMPARE(codeOf(QStringLiteral("instrument.hello"), {{QStringLiteral("type"), QStringLiteral("beacon")}}), 0);
}

std::optional<int> TestScriptedPlatform::codeOf(const QString& method, const QJsonObject& params)
{
    auto code = std::make_shared<std::optional<int>>();
    m_peer->call(
        method, params,
        [this, code](const std::variant<QJsonValue, rpc::RpcError>& answer) {
            if (const auto* error = std::get_if<rpc::RpcError>(&answer)) {
                *code = static_cast<int>(error->code);
            } else {
                *code = 0;
                m_last = std::get<QJsonValue>(answer);
            }
        },
        300ms);
    (void)QTest::qWaitFor([&] { return code->has_value(); });
    return *code == static_cast<int>(rpc::Code::Timeout) ? std::nullopt : *code;
}

void TestScriptedPlatform::aHelloIsAnsweredAndRecorded()
{
    QVERIFY(m_platform->waitForHello());
    QCOMPARE(m_last.toObject().value(QStringLiteral("address")).toString(), QStringLiteral("beacon_0@plant7"));
    QCOMPARE(m_platform->hellos().front().params.value(QStringLiteral("type")).toString(), QStringLiteral("beacon"));
    QVERIFY(m_peer->notify(QStringLiteral("health.changed"),
        {{QStringLiteral("status"), QStringLiteral("WARNING")},
            {QStringLiteral("reasons"), QJsonArray{QJsonObject{{QStringLiteral("code"), QStringLiteral("x")}}}}}));
    QVERIFY(m_platform->waitForHealth(QStringLiteral("WARNING")));
    QCOMPARE(m_platform->healthCodes(), QStringList{QStringLiteral("x")});
    QCOMPARE(codeOf(QStringLiteral("event.subscribe"), {{QStringLiteral("match"), QStringLiteral("*")}}), 0);
    QCOMPARE(m_platform->subscriptions(), QStringList{QStringLiteral("*")});
    QCOMPARE(codeOf(QStringLiteral("no.such"), {}), -32601);
    QCOMPARE(m_platform->complaints(), QString{});
}

void TestScriptedPlatform::eventsCountOnceAndAreAcknowledged()
{
    const QJsonObject first = output(1);
    QCOMPARE(codeOf(QStringLiteral("event.publish"), batch({first, output(2)})), 0);
    QCOMPARE(m_last.toObject().value(QStringLiteral("ids")).toArray().at(0), first.value(QStringLiteral("uuid")));
    QCOMPARE(codeOf(QStringLiteral("event.publish"), batch({first})), 0);
    QCOMPARE(m_platform->events().size(), std::size_t{2});
    QCOMPARE(m_platform->repeats(), 1);
    QCOMPARE(m_platform->acknowledged(), 3);
    QVERIFY(!m_platform->waitForEvent(kOutput, 1).isEmpty());
    QVERIFY(m_platform->waitForEvent(kOutput, 2, 50).isEmpty());
    QCOMPARE(m_platform->complaints(), QString{});
}

void TestScriptedPlatform::trouble_data()
{
    QTest::addColumn<Publishing>("how");
    QTest::addColumn<int>("answer"); // 1: none
    QTest::addColumn<std::size_t>("taken");
    QTest::newRow("slow") << Publishing::Slow << 0 << std::size_t{1};
    QTest::newRow("taken, never answered") << Publishing::Unanswered << 1 << std::size_t{1};
    QTest::newRow("taken, and the answer is lost") << Publishing::AnswerLost << -32004 << std::size_t{1};
    QTest::newRow("ignored") << Publishing::Ignored << 1 << std::size_t{0};
    QTest::newRow("refused") << Publishing::Refused << -32602 << std::size_t{0};
}

void TestScriptedPlatform::trouble()
{
    QFETCH(Publishing, how);
    QFETCH(int, answer);
    QFETCH(std::size_t, taken);
    m_platform->setPublishing(how, 1);
    const QJsonObject event = output(1);
    QCOMPARE(codeOf(QStringLiteral("event.publish"), batch({event})).value_or(1), answer);
    QCOMPARE(m_platform->events().size(), taken);
    if (how == Publishing::AnswerLost)
        connectPeer();
    QCOMPARE(codeOf(QStringLiteral("event.publish"), batch({event})), 0); // one batch only
    QCOMPARE(m_platform->events().size(), std::size_t{1});
    QCOMPARE(m_platform->complaints(), QString{});
}

void TestScriptedPlatform::aRefusedTypeTakesItsBatchAlong()
{
    m_platform->refuseType(kOutput);
    QCOMPARE(codeOf(QStringLiteral("event.publish"), batch({output(1)})), -32602);
    QVERIFY(m_platform->events().empty());
}

void TestScriptedPlatform::whatIsWrongIsAComplaint_data()
{
    QTest::addColumn<QJsonArray>("events");
    QTest::addColumn<QString>("words");
    QJsonObject changed = output(1);
    const QJsonObject original = changed;
    changed.insert(QStringLiteral("message"), QStringLiteral("another"));
    QJsonObject broken = output(1);
    broken.remove(QStringLiteral("seq"));
    QTest::newRow("one uuid with two contents") << QJsonArray{original, changed} << QStringLiteral("two contents");
    QTest::newRow("an event that breaks its schema") << QJsonArray{broken} << QStringLiteral("seq");
    QTest::newRow("an empty batch") << QJsonArray{} << QStringLiteral("empty");
}

void TestScriptedPlatform::whatIsWrongIsAComplaint()
{
    QFETCH(QJsonArray, events);
    QFETCH(QString, words);
    (void)codeOf(QStringLiteral("event.publish"), batch(events));
    QVERIFY2(m_platform->complaints().contains(words), qPrintable(m_platform->complaints()));
}

void TestScriptedPlatform::itAsksAndHearsTheAnswer()
{
    QStringList asked;
    m_peer->setHandler([&](const QString& method, const QJsonObject& params, rpc::Responder responder) {
        asked << method;
        if (method == QStringLiteral("config.apply"))
            responder.answer(params.value(QStringLiteral("version")));
        else if (method == QStringLiteral("event.deliver"))
            responder.answer(params.value(QStringLiteral("events")).toArray().size());
        else
            responder.fail(rpc::Code::MethodNotFound, QStringLiteral("no"));
    });
    const QString result = QStringLiteral("result");
    QCOMPARE(m_platform->applyConfig({}).value(result).toInt(), 1);
    QCOMPARE(m_platform->applyConfig({}).value(result).toInt(), 2);
    const QJsonObject event = output(1);
    QCOMPARE(m_platform->deliver(QJsonArray{event, event}).value(result).toInt(), 2);
    QVERIFY(m_platform->call(QStringLiteral("no.such")).contains(QStringLiteral("error")));
    QCOMPARE(asked.size(), 4);
    QSignalSpy closed(m_peer.get(), &rpc::Peer::closed);
    m_platform->sendRaw("garbage\n");
    QTRY_COMPARE(closed.size(), 1);
    QCOMPARE(m_platform->complaints(), QString{});
}

void TestScriptedPlatform::itVanishesAndComesBack()
{
    QSignalSpy closed(m_peer.get(), &rpc::Peer::closed);
    m_platform->vanish();
    QTRY_COMPARE(closed.size(), 1);
    QVERIFY(!QFile::exists(m_platform->path()));
    QVERIFY(m_platform->appear());
    connectPeer();
    QCOMPARE(m_platform->hellos().size(), std::size_t{2});
    QCOMPARE(m_platform->connections(), 2);
}

void TestScriptedPlatform::scriptsReplaceAnswers()
{
    const QString find = QStringLiteral("instrument.find");
    QCOMPARE(codeOf(find, {}), 0);
    m_platform->script(find,
        {{QStringLiteral("error"),
            QJsonObject{{QStringLiteral("code"), -32001}, {QStringLiteral("message"), QStringLiteral("no")}}}});
    QCOMPARE(codeOf(find, {}), -32001);
    m_platform->script(find, {});
    QCOMPARE(codeOf(find, {}), std::nullopt);
    m_platform->unscript(find);
    QCOMPARE(codeOf(find, {}), 0);
}

void TestScriptedPlatform::withoutReadingThePeerFillsUp()
{
    m_platform->setReading(false);
    const QJsonObject big{{QStringLiteral("x"), QString(50'000, QLatin1Char('x'))}};
    int sent = 0;
    QTRY_VERIFY([&] {
        sent += m_peer->notify(QStringLiteral("m"), big) ? 1 : 0;
        return !m_peer->canTake() || sent > 1'000;
    }());
    QVERIFY2(sent < 100, QByteArray::number(sent).constData());
    m_platform->setReading(true);
    QVERIFY(m_platform->waitForSaid(QStringLiteral("m"), static_cast<std::size_t>(sent)));
}

QTEST_GUILESS_MAIN(TestScriptedPlatform)
#include "tst_scripted_platform.moc"
