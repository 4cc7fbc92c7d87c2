// service/sensor/delivery.h

#include "service/sensor/delivery.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QUuid>

using namespace beacon;

namespace {

constexpr int kPatienceMs = 20'000;

/// A store of which little is in memory, and a reader that takes what the test lets it.
struct Bench {
    Bench()
        : store(dir.filePath(QStringLiteral("events.db")), clock, options())
    {
        store.start();
    }
    static EventStore::Options options()
    {
        EventStore::Options options;
        options.recentEvents = 100;
        options.file.maxRows = 3'000;
        return options;
    }
    /// The types "a", "b" … of the events, one for each letter.
    bool add(const QString& letters, qsizetype bytes = 0)
    {
        std::vector<StoredEvent> events;
        for (const QChar letter : letters) {
            StoredEvent event;
            event.uuid = QUuid::createUuid().toRfc4122();
            event.severity = letter.isUpper() ? 4 : 1;
            event.type = letter.toLower();
            event.json = '{' + QByteArray(bytes, ' ') + '}';
            events.push_back(std::move(event));
        }
        bool done = false;
        store.append(std::move(events), [&](const auto& ids) { done = static_cast<bool>(ids); });
        return QTest::qWaitFor([&] { return done; }, kPatienceMs);
    }
    Delivery::Send send()
    {
        return [this](const std::vector<StoredEvent>& batch, Delivery::Done done) {
            ++batches;
            largest = std::max(largest, batch.size());
            for (const StoredEvent& event : batch)
                got << event.id;
            if (taking)
                done(true);
            else
                pending = std::move(done);
        };
    }
    static QStringList words(const char* text) { return QString::fromLatin1(text).split(QLatin1Char(' ')); }

    QTemporaryDir dir;
    ManualClock clock;
    EventStore store;
    QList<qint64> got;
    int batches = 0;
    std::size_t largest = 0;
    bool taking = true;
    Delivery::Done pending;
};

QList<qint64> upTo(qint64 last, qint64 first = 1)
{
    QList<qint64> ids;
    for (qint64 id = first; id <= last; ++id)
        ids << id;
    return ids;
}

} // namespace

class TestDelivery : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void allComeInOrderFromFileAndMemory();
    void theReaderSetsThePace();
    void whatIsNotTakenComesAgain();
    void largeEventsGoInSmallBatches();
    void severityCounts();
    void aLaterMatchCatchesUpAndNothingComesTwice();
    void whatIsRemovedComesNoMore();
    void whatTheStoreHasNoMoreIsTold();
    void itMayGoWhileItWaits();
    void aStoreThatCannotBeReadIsAskedAgain();
};

void TestDelivery::allComeInOrderFromFileAndMemory()
{
    Bench bench;
    for (int i = 0; i < 20; ++i)
        QVERIFY(bench.add(QStringLiteral("aabab").repeated(20)));
    Delivery all{bench.store, {QStringLiteral("*")}, 1, 0, bench.send()};
    QTRY_COMPARE_WITH_TIMEOUT(bench.got.size(), 2'000, kPatienceMs);
    QVERIFY(bench.add(QStringLiteral("aab")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, upTo(2'003), kPatienceMs);
    QVERIFY(bench.largest <= static_cast<std::size_t>(Delivery::kBatchEvents));

    bench.got.clear();
    Delivery some{bench.store, {QStringLiteral("b")}, 1, 1'990, bench.send()};
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, (QList<qint64>{1'993, 1'995, 1'998, 2'000, 2'003}), kPatienceMs);
    bench.got.clear();
    Delivery news{bench.store, {QStringLiteral("b")}, 1, bench.store.lastId(), bench.send()};
    QTest::qWait(20);
    QCOMPARE(bench.got, QList<qint64>{});
}

void TestDelivery::theReaderSetsThePace()
{
    Bench bench;
    bench.taking = false;
    Delivery delivery{bench.store, {QStringLiteral("*")}, 1, 0, bench.send()};
    QVERIFY(bench.add(QStringLiteral("aaa")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.batches, 1, kPatienceMs);
    for (int i = 0; i < 10; ++i)
        QVERIFY(bench.add(QString(50, QLatin1Char('a'))));
    QTest::qWait(30);
    QCOMPARE(bench.batches, 1); // one is under way
    bench.taking = true;
    const auto done = std::exchange(bench.pending, {});
    done(true);
    done(true); // once is enough
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, upTo(503), kPatienceMs);
}

void TestDelivery::whatIsNotTakenComesAgain()
{
    Bench bench;
    bench.taking = false;
    Delivery delivery{bench.store, {QStringLiteral("*")}, 1, 0, bench.send()};
    QVERIFY(bench.add(QStringLiteral("aaa")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.batches, 1, kPatienceMs);
    bench.pending(false);
    QVERIFY(bench.add(QStringLiteral("b")));
    QTest::qWait(50);
    QCOMPARE(bench.batches, 1); // not at once
    bench.taking = true;
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, (QList<qint64>{1, 2, 3, 1, 2, 3, 4}), kPatienceMs);
}

void TestDelivery::largeEventsGoInSmallBatches()
{
    Bench bench;
    for (int i = 0; i < 3; ++i)
        QVERIFY(bench.add(QStringLiteral("aaaa"), 50'000));
    QVERIFY(bench.add(QStringLiteral("aa"), 300'000));
    Delivery delivery{bench.store, {QStringLiteral("a")}, 1, 0, bench.send()};
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, upTo(14), kPatienceMs);
    QCOMPARE(bench.largest, std::size_t{2});
}

void TestDelivery::severityCounts()
{
    Bench bench;
    QVERIFY(bench.add(QStringLiteral("aAbBaA")));
    Delivery delivery{bench.store, {QStringLiteral("a")}, 3, 0, bench.send()};
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, (QList<qint64>{2, 6}), kPatienceMs);
}

void TestDelivery::aLaterMatchCatchesUpAndNothingComesTwice()
{
    Bench bench;
    QVERIFY(bench.add(QStringLiteral("abcabcabc")));
    Delivery delivery{bench.store, {QStringLiteral("a")}, 1, 3, bench.send()};
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, (QList<qint64>{4, 7}), kPatienceMs);
    bench.taking = false;
    QVERIFY(bench.add(QStringLiteral("abc"))); // 10 11 12
    QTRY_COMPARE_WITH_TIMEOUT(bench.got.size(), 3, kPatienceMs);
    delivery.add(QStringLiteral("*"), 0); // while a batch is under way
    delivery.add(QStringLiteral("b"), 0);
    delivery.add(QStringLiteral("c"), 11);
    QVERIFY(bench.add(QStringLiteral("abc"))); // 13 14 15
    bench.taking = true;
    bench.pending(true);
    QTRY_COMPARE_WITH_TIMEOUT(bench.got.size(), 15, kPatienceMs);
    QTest::qWait(30);
    QCOMPARE(bench.got, (QList<qint64>{4, 7, 10, 1, 2, 3, 5, 6, 8, 9, 11, 12, 13, 14, 15}));
    delivery.add(QStringLiteral("b"), 15); // it is there
    delivery.add(QStringLiteral("x"), 5);
    QVERIFY(bench.add(QStringLiteral("bx")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.got.mid(15), (QList<qint64>{16, 17}), kPatienceMs);
}

void TestDelivery::whatIsRemovedComesNoMore()
{
    Bench bench;
    for (int i = 0; i < 10; ++i)
        QVERIFY(bench.add(QStringLiteral("ab").repeated(50)));
    bench.taking = false;
    Delivery delivery{bench.store, {QStringLiteral("a")}, 1, bench.store.lastId(), bench.send()};
    delivery.add(QStringLiteral("b"), 0); // has much to catch up with
    QTRY_COMPARE_WITH_TIMEOUT(bench.batches, 1, kPatienceMs);
    delivery.remove(QStringLiteral("b"));
    QVERIFY(!delivery.has(QStringLiteral("b")) && delivery.has(QStringLiteral("a")));
    bench.got.clear();
    bench.taking = true;
    bench.pending(true);
    QVERIFY(bench.add(QStringLiteral("ab")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, QList<qint64>{1'001}, kPatienceMs);
    delivery.remove(QStringLiteral("a"));
    QVERIFY(bench.add(QStringLiteral("ab")));
    delivery.add(QStringLiteral("a"), bench.store.lastId());
    QVERIFY(bench.add(QStringLiteral("ab")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, (QList<qint64>{1'001, 1'005}), kPatienceMs);
}

void TestDelivery::whatTheStoreHasNoMoreIsTold()
{
    Bench bench;
    bench.taking = false;
    Delivery delivery{bench.store, {QStringLiteral("*")}, 1, 0, bench.send()};
    QSignalSpy missed{&delivery, &Delivery::missed};
    QVERIFY(bench.add(QStringLiteral("a")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.batches, 1, kPatienceMs);
    for (int i = 0; i < 12; ++i) // while it is busy with the first
        QVERIFY(bench.add(QString(500, QLatin1Char('a'))));
    QTRY_COMPARE_WITH_TIMEOUT(*bench.store.firstId(), 3'002, kPatienceMs);
    bench.taking = true;
    bench.pending(true);
    QTRY_COMPARE_WITH_TIMEOUT(bench.got.size(), 3'001, kPatienceMs);
    QCOMPARE(bench.got.mid(1), upTo(6'001, 3'002));
    QCOMPARE(missed.size(), 1);
    QCOMPARE(missed.front(), (QList<QVariant>{2, 3'001}));
}

void TestDelivery::itMayGoWhileItWaits()
{
    Bench bench;
    bench.taking = false;
    auto delivery = std::make_unique<Delivery>(bench.store, QStringList{QStringLiteral("*")}, 1, 0, bench.send());
    QVERIFY(bench.add(QStringLiteral("a")));
    QTRY_COMPARE_WITH_TIMEOUT(bench.batches, 1, kPatienceMs);
    delivery.reset();
    bench.pending(true);
    QVERIFY(bench.add(QStringLiteral("a")));
    QCOMPARE(bench.batches, 1);
}

void TestDelivery::aStoreThatCannotBeReadIsAskedAgain()
{
    Bench bench;
    for (int i = 0; i < 3; ++i)
        QVERIFY(bench.add(QString(100, QLatin1Char('a'))));
    const QString path = bench.dir.filePath(QStringLiteral("events.db"));
    const QString away = bench.dir.filePath(QStringLiteral("away"));
    QVERIFY(QFile::rename(path, away)); // the writer has it open, a reader has not
    Delivery delivery{bench.store, {QStringLiteral("*")}, 1, 0, bench.send()};
    QTest::qWait(50);
    QCOMPARE(bench.got, QList<qint64>{});
    QVERIFY(QFile::rename(away, path));
    QTRY_COMPARE_WITH_TIMEOUT(bench.got, upTo(300), kPatienceMs);
}

QTEST_GUILESS_MAIN(TestDelivery)
#include "tst_delivery.moc"
