#include "core/admin/feed.h"

#include "core/event/event_source.h"
#include "tests/support/fake_instrument.h"

#include <QJsonDocument>
#include <QLocalSocket>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;
using namespace beacon::admin;
using namespace std::chrono_literals;

namespace {

/// A client that can stop reading.
class Client {
public:
    explicit Client(const QString& path)
    {
        socket.connectToServer(path);
        socket.setReadBufferSize(1); // reads only when asked
    }
    void ask(const QByteArray& method, const QByteArray& params)
    {
        socket.write(R"({"jsonrpc":"2.0","id":)" + QByteArray::number(++m_id) + R"(,"method":")" + method
            + R"(","params":)" + params + "}\n");
    }
    /// All complete lines that are there.
    void read()
    {
        socket.setReadBufferSize(0);
        m_text += socket.readAll();
        qsizetype newline = 0;
        while ((newline = m_text.indexOf('\n')) >= 0) {
            const QJsonObject object = QJsonDocument::fromJson(m_text.left(newline)).object();
            m_text.remove(0, newline + 1);
            if (object.contains(QLatin1StringView("error")))
                errors.append(object.value(QLatin1StringView("error")).toObject());
            if (object.contains(QLatin1StringView("result")))
                answers.append(object.value(QLatin1StringView("result")).toObject());
            const QJsonObject params = object.value(QLatin1StringView("params")).toObject();
            if (object.value(QLatin1StringView("method")) == kHealthChangedMethod)
                health.append(params);
            if (object.value(QLatin1StringView("method")) != kEventsMethod)
                continue;
            const auto batch = eventBatchFromJson(params);
            QVERIFY(batch);
            missed += batch->missed;
            QList<qint64> here;
            for (const QJsonObject& entry : batch->events + batch->attempts)
                here.append(entry.value(QLatin1StringView("seq")).toInteger());
            std::sort(here.begin(), here.end());
            seqs += here;
            entries += batch->events + batch->attempts;
        }
    }
    void subscribe(const QByteArray& params)
    {
        ask("admin.hello", R"({"protocol":1})");
        ask("admin.subscribe", params);
        QTRY_VERIFY([this] {
            read();
            return answers.size() + errors.size() >= 2;
        }());
    }
    QLocalSocket socket;
    QList<QJsonObject> answers, errors, entries, health;
    QList<qint64> seqs;
    quint64 missed = 0;

private:
    QByteArray m_text;
    int m_id = 0;
};

} // namespace

class TestFeed : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void helloTellsTheRun();
    void anotherProtocolIsRefused();
    void nothingBeforeHello();
    void newEntriesArriveWithAtAndSeq();
    void sinceSeqResumesWithoutAGap();
    void aSinceSeqOfAnotherRunIsRefused();
    void whatTheRingLostComesFromTheJournal();
    void whatNobodyKeptIsCounted();
    void filtersByTypeSeverityAndAttempts();
    void aSlowClientLosesBulkAndNotTheEscape();
    void healthIsPushedOnceAChange();
    void unknownMethodsGoToTheCommands();

private:
    QTemporaryDir m_directory;
    std::unique_ptr<test::FakeInstrument> m_instrument;
    QString path() const { return m_directory.filePath(QStringLiteral("admin.sock")); }
};

void TestFeed::init()
{
    Feed::Limits limits;
    limits.bulk = 1'000;
    limits.priority = 100;
    m_instrument = std::make_unique<test::FakeInstrument>(path(), limits);
    m_instrument->start();
}

void TestFeed::helloTellsTheRun()
{
    m_instrument->attempt(0);
    Client client(path());
    client.ask("admin.hello", R"({"protocol":1})");
    QTRY_VERIFY([&] {
        client.read();
        return client.answers.size() == 1;
    }());
    const auto hello = helloFromJson(client.answers.first());
    QVERIFY(hello);
    QCOMPARE(hello->instrument, QStringLiteral("beacon_0@plant7"));
    QCOMPARE(hello->lastSeq, quint64{1});
    QCOMPARE(hello->role, Role::Observer);
}

void TestFeed::anotherProtocolIsRefused()
{
    Client client(path());
    client.ask("admin.hello", R"({"protocol":2})");
    QTRY_VERIFY([&] {
        client.read();
        return client.errors.size() == 1;
    }());
    QCOMPARE(client.errors.first().value(QLatin1StringView("code")).toInt(), int(rpc::Code::InvalidParams));
}

void TestFeed::nothingBeforeHello()
{
    Client client(path());
    client.ask("admin.subscribe", "{}");
    QTRY_VERIFY([&] {
        client.read();
        return client.errors.size() == 1;
    }());
    m_instrument->attempt(0);
    QTest::qWait(20);
    client.read();
    QVERIFY(client.entries.isEmpty());
}

void TestFeed::newEntriesArriveWithAtAndSeq()
{
    m_instrument->attempt(0);
    Client client(path());
    client.subscribe("{}");
    m_instrument->clock().advance(1500us);
    m_instrument->attempt(1);
    QTRY_VERIFY([&] {
        client.read();
        return !client.entries.isEmpty();
    }());
    QCOMPARE(client.seqs, QList<qint64>{2}); // from now on
    QCOMPARE(client.entries.first().value(QLatin1StringView("at")).toDouble(), 1'764'000'000.0015);
    QCOMPARE(client.entries.first().value(QLatin1StringView("technique")).toString(), QStringLiteral("UdpDatagram"));
}

void TestFeed::sinceSeqResumesWithoutAGap()
{
    for (quint64 n = 0; n < 50; ++n)
        n % 7 == 0 ? m_instrument->escape(n) : m_instrument->attempt(n);
    Client client(path());
    client.subscribe(R"({"since_seq":10})");
    m_instrument->escape(50);
    QTRY_VERIFY([&] {
        client.read();
        return client.seqs.size() >= 41;
    }());
    QList<qint64> expected;
    for (qint64 seq = 11; seq <= 51; ++seq)
        expected.append(seq);
    QCOMPARE(client.seqs, expected);
    QCOMPARE(client.missed, quint64{0});
}

void TestFeed::aSinceSeqOfAnotherRunIsRefused()
{
    m_instrument->attempt(0);
    Client client(path());
    client.subscribe(R"({"since_seq":2})");
    QCOMPARE(client.errors.size(), 1);
}

void TestFeed::whatTheRingLostComesFromTheJournal()
{
    for (quint64 n = 0; n < 1'500; ++n)
        n == 100 ? m_instrument->escape(n) : m_instrument->attempt(n);
    QList<quint64> asked;
    m_instrument->feed().setOlder([&](quint64 after, quint64 before) {
        asked = {after, before};
        std::vector<Entry> entries;
        for (quint64 seq = after + 1; seq < before; ++seq) {
            Entry entry;
            entry.seq = seq;
            entry.json = "{\"journal\":1,\"seq\":" + QByteArray::number(seq) + '}';
            entries.push_back(entry);
        }
        return entries;
    });
    Client client(path());
    client.subscribe(R"({"since_seq":0})");
    QTRY_VERIFY([&] {
        client.read();
        return client.seqs.size() >= 1'500;
    }());
    QCOMPARE(asked, (QList<quint64>{0, 501}));
    for (qint64 i = 0; i < 1'500; ++i)
        QCOMPARE(client.seqs.at(i), i + 1);
    QCOMPARE(client.missed, quint64{0});
}

void TestFeed::whatNobodyKeptIsCounted()
{
    for (quint64 n = 0; n < 1'500; ++n)
        n == 100 ? m_instrument->escape(n) : m_instrument->attempt(n);
    Client client(path());
    client.subscribe(R"({"since_seq":0})");
    QTRY_VERIFY([&] {
        client.read();
        return client.seqs.size() >= 1'001;
    }());
    QCOMPARE(client.seqs.first(), 101); // the escape has a ring of its own
    QCOMPARE(client.missed, quint64{499});
    QCOMPARE(client.missed + quint64(client.seqs.size()), quint64{1'500});
}

void TestFeed::filtersByTypeSeverityAndAttempts()
{
    Client client(path());
    client.subscribe(R"({"types":["instruments.beacon"],"severity":3,"attempts":false})");
    ManualClock clock;
    EventSource source({QStringLiteral("i"), QStringLiteral("s"), QStringLiteral("beacon")}, clock);
    Feed& feed = m_instrument->feed();
    feed.publish(source.make(EventId::FindingNew, QStringLiteral("other type"), {}));
    feed.publish(source.make(EventId::InterfaceUp, QStringLiteral("too low"), {}));
    feed.publishLine("{}", clock.wall(), source.takeSeq(), true);
    feed.publish(source.make(EventId::InterfaceDown, QStringLiteral("wanted"), {}));
    QTRY_VERIFY([&] {
        client.read();
        return !client.entries.isEmpty();
    }());
    QCOMPARE(client.seqs, QList<qint64>{4});
    QCOMPARE(client.entries.first().value(QLatin1StringView("message")).toString(), QStringLiteral("wanted"));
}

void TestFeed::aSlowClientLosesBulkAndNotTheEscape()
{
    Client client(path());
    client.subscribe("{}");
    client.socket.setReadBufferSize(1);
    quint64 published = 0;
    const auto flood = [&](int count) {
        for (int i = 0; i < count; ++i) {
            m_instrument->attempt(published++);
            if (i % 100 == 0)
                QCoreApplication::processEvents();
        }
    };
    flood(20'000); // far more than sockets, buffers and rings hold
    m_instrument->clock().advance(1s);
    const quint64 escape = m_instrument->escape(published++);
    flood(20'000);
    QTRY_VERIFY([&] {
        client.read();
        return quint64(client.seqs.size()) + client.missed >= published;
    }());
    QCOMPARE(quint64(client.seqs.size()) + client.missed, published); // the count is exact
    QVERIFY2(client.missed > 1'000, QByteArray::number(client.missed).constData());
    QVERIFY(client.seqs.contains(qint64(escape)));
    QVERIFY(std::is_sorted(client.seqs.begin(), client.seqs.end()));
}

void TestFeed::healthIsPushedOnceAChange()
{
    Client client(path());
    client.subscribe("{}");
    Health health;
    health.status = Status::Ok;
    m_instrument->feed().setHealth(health);
    m_instrument->feed().setHealth(health);
    client.ask("health.get", "{}");
    QTRY_VERIFY([&] {
        client.read();
        return client.answers.size() == 3;
    }());
    QCOMPARE(client.health.size(), 1);
    QCOMPARE(client.health.first(), toJson(health));
    QCOMPARE(client.answers.last(), toJson(health));
}

void TestFeed::unknownMethodsGoToTheCommands()
{
    Client client(path());
    client.subscribe("{}");
    client.ask("beacon.restart", "{}");
    QTRY_VERIFY([&] {
        client.read();
        return client.errors.size() == 1;
    }());
    QCOMPARE(client.errors.first().value(QLatin1StringView("code")).toInt(), int(rpc::Code::MethodNotFound));
    m_instrument->feed().setCommands([](rpc::Peer&, Role role, const QString& method, const QJsonObject&,
                                         rpc::Responder responder) {
        responder.answer(QJsonObject{{QStringLiteral("did"), method}, {QStringLiteral("admin"), role == Role::Admin}});
    });
    client.ask("beacon.restart", "{}");
    QTRY_VERIFY([&] {
        client.read();
        return client.answers.size() == 3;
    }());
    QCOMPARE(client.answers.last().value(QLatin1StringView("did")).toString(), QStringLiteral("beacon.restart"));
    QCOMPARE(client.answers.last().value(QLatin1StringView("admin")).toBool(), false);
}

QTEST_GUILESS_MAIN(TestFeed)
#include "tst_feed.moc"
