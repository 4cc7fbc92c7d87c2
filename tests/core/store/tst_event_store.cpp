// core/store/event_store.h, and through it event_file.h and event_reader.h.

#include "core/store/event_store.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QUuid>

#include <csignal>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

constexpr int kPatienceMs = 20'000;
const QString kType = QStringLiteral("instruments.listener.hosts.active");

StoredEvent eventOf(const QString& type = kType, int severity = 1, qsizetype bytes = 0)
{
    StoredEvent event;
    event.uuid = QUuid::createUuid().toRfc4122();
    event.at = ManualClock{}.wall();
    event.severity = severity;
    event.type = type;
    event.source = QStringLiteral("listener_0@plant7");
    event.json = R"({"sensor_event_id":,"text":")" + QByteArray(bytes, 'x') + "\"}";
    event.idAt = 19;
    return event;
}

std::vector<StoredEvent> eventsOf(int count, const QString& type = kType, int severity = 1, qsizetype bytes = 0)
{
    std::vector<StoredEvent> events;
    for (int i = 0; i < count; ++i)
        events.push_back(eventOf(type, severity, bytes));
    return events;
}

QList<qint64> idsOf(const Result<std::vector<StoredEvent>>& events)
{
    QList<qint64> ids;
    if (!events) {
        qWarning("%s", describe(events.error()).c_str());
        return {-1};
    }
    for (const StoredEvent& event : *events)
        ids << event.id;
    return ids;
}

QList<qint64> upTo(qint64 last, qint64 first = 1)
{
    QList<qint64> ids;
    for (qint64 id = first; id <= last; ++id)
        ids << id;
    return ids;
}

/// A store in a directory of its own.
struct Place {
    QTemporaryDir dir;
    ManualClock clock;
    EventStore::Options options{};
    std::unique_ptr<EventStore> store;

    QString path() const { return dir.filePath(QStringLiteral("events.db")); }
    EventStore& open()
    {
        store.reset();
        store = std::make_unique<EventStore>(path(), clock, options);
        store->start();
        return *store;
    }
    /// Appends and waits for the answer.
    Result<std::vector<qint64>> keep(std::vector<StoredEvent> events)
    {
        std::optional<Result<std::vector<qint64>>> answer;
        store->append(std::move(events), [&](const auto& ids) { answer = ids; });
        if (!QTest::qWaitFor([&] { return answer.has_value(); }, kPatienceMs))
            return Error{Errc::Timeout, 0, "no answer"};
        return *answer;
    }
    QList<qint64> kept(std::vector<StoredEvent> events)
    {
        const auto ids = keep(std::move(events));
        if (!ids)
            qWarning("%s", describe(ids.error()).c_str());
        return ids ? QList<qint64>{ids->begin(), ids->end()} : QList<qint64>{-1};
    }
};

/// The child that is killed: acknowledges on stdout what the store has acknowledged, until then.
int storeForEver(const QString& path)
{
    const SystemClock clock;
    EventStore store{path, clock, {}};
    store.start();
    const std::function<void()> next = [&] {
        std::vector<StoredEvent> events = eventsOf(20);
        const QByteArray last = events.back().uuid.toHex();
        store.append(std::move(events), [&, last](const Result<std::vector<qint64>>& ids) {
            if (ids) {
                const QByteArray line = QByteArray::number(ids->back()) + ' ' + last + '\n';
                (void)!::write(STDOUT_FILENO, line.constData(), static_cast<std::size_t>(line.size()));
            }
            next();
        });
    };
    next();
    return QCoreApplication::exec();
}

} // namespace

class TestEventStore : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whatIsStoredIsReadAgainWithItsId();
    void aUuidThatIsThereGetsTheIdThatItHas();
    void idsRiseForEver();
    void matchesAreExactOrBeginnings_data();
    void matchesAreExactOrBeginnings();
    void readersGoOnWithoutAGap();
    void historyBeginsWithTheNewest();
    void priorityPassesBulk();
    void tooMuchThatWaitsIsRefusedAtOnce();
    void whatNobodyCanStoreIsRefused();
    void theOldestGoWhereRowsAreTooMany();
    void theOldestGoWhereBytesAreTooMany();
    void aDamagedFileIsSetAside();
    void aFileThatIsDamagedLaterIsSetAside();
    void aDiskThatFailsIsToldOnceAndBounded();
    void whatWaitsAtTheEndIsWritten();
    void aKillLosesNothingThatWasAcknowledged();
    void oneCommitTakesWhatHasCome();
};

void TestEventStore::whatIsStoredIsReadAgainWithItsId()
{
    Place place;
    place.open();
    StoredEvent event = eventOf();
    QCOMPARE(place.kept({event, eventOf()}), upTo(2));
    QCOMPARE(place.store->lastId(), 2);
    for (const bool fromFile : {false, true}) {
        if (fromFile)
            place.open();
        const auto read = place.store->read(0, QStringLiteral("*"), 1, 10);
        QCOMPARE(idsOf(read), upTo(2));
        const StoredEvent& first = read->front();
        QCOMPARE(first.uuid, event.uuid);
        QCOMPARE(first.at.time_since_epoch().count(), event.at.time_since_epoch().count());
        QCOMPARE(first.type, event.type);
        QCOMPARE(first.source, event.source);
        QCOMPARE(first.severity, 1);
        QCOMPARE(first.json, QByteArray(R"({"sensor_event_id":1,"text":""})"));
    }
}

void TestEventStore::aUuidThatIsThereGetsTheIdThatItHas()
{
    Place place;
    place.open();
    const StoredEvent a = eventOf(), b = eventOf(), c = eventOf();
    QCOMPARE(place.kept({a}), upTo(1));
    QCOMPARE(place.kept({b, a, b, c}).mid(0, 3), (QList<qint64>{2, 1, 2}));
    const qint64 idOfC = place.kept({c}).front();
    QCOMPARE(idsOf(place.store->read(0, QStringLiteral("*"), 1, 10)), (QList<qint64>{1, 2, idOfC}));
    place.open();
    QCOMPARE(place.kept({c, a}), (QList<qint64>{idOfC, 1}));
    QCOMPARE(idsOf(place.store->read(0, QStringLiteral("*"), 1, 10)), (QList<qint64>{1, 2, idOfC}));
}

void TestEventStore::idsRiseForEver()
{
    Place place;
    place.open();
    QCOMPARE(place.kept(eventsOf(10)), upTo(10));
    place.open();
    QCOMPARE(place.store->lastId(), 10); // at once
    QCOMPARE(place.kept(eventsOf(2)), upTo(12, 11));
    place.store.reset();
    QFile::remove(place.path());
    place.open();
    QVERIFY(place.kept({eventOf()}).front() > 12);
}

void TestEventStore::matchesAreExactOrBeginnings_data()
{
    QTest::addColumn<QString>("match");
    QTest::addColumn<int>("severity");
    QTest::addColumn<QList<qint64>>("ids");
    QTest::newRow("a star is all") << "*" << 1 << upTo(6);
    QTest::newRow("a type is itself alone") << "instruments.beacon.output" << 1 << QList<qint64>{1, 4};
    QTest::newRow("a beginning") << "instruments.beacon.*" << 1 << QList<qint64>{1, 2, 4, 6};
    QTest::newRow("a beginning within a word") << "instruments.be*" << 1 << QList<qint64>{1, 2, 4, 6};
    QTest::newRow("a type that nothing has") << "instruments.home.noise" << 1 << QList<qint64>{};
    QTest::newRow("a beginning of a type without a star") << "instruments.beacon" << 1 << QList<qint64>{};
    QTest::newRow("what SQL takes for any character is none") << "instruments_beacon%*" << 1 << QList<qint64>{};
    QTest::newRow("at least a severity") << "*" << 3 << QList<qint64>{2, 3, 6};
    QTest::newRow("at least a severity, of one type") << "instruments.beacon.*" << 4 << QList<qint64>{2, 6};
    QTest::newRow("at least a severity that nothing has") << "instruments.listener.*" << 5 << QList<qint64>{};
}

void TestEventStore::matchesAreExactOrBeginnings()
{
    QFETCH(QString, match);
    QFETCH(int, severity);
    QFETCH(QList<qint64>, ids);
    Place place;
    place.open();
    const auto beacon = [](const char* name) {
        return QStringLiteral("instruments.beacon.") + QLatin1StringView{name};
    };
    QCOMPARE(place.kept({eventOf(beacon("output")), eventOf(beacon("escape.succeeded"), 5), eventOf(kType, 3),
                 eventOf(beacon("output")), eventOf(kType, 1), eventOf(beacon("process.exited"), 4)}),
        upTo(6));
    for (const bool fromFile : {false, true}) {
        if (fromFile)
            place.open();
        QCOMPARE(idsOf(place.store->read(0, match, severity, 100)), ids);
        QCOMPARE(idsOf(place.store->read(0, match, severity, 1)), ids.mid(0, 1));
        QList<qint64> later = ids;
        later.removeIf([](qint64 id) { return id <= 2; });
        QCOMPARE(idsOf(place.store->read(2, match, severity, 100)), later);
        QCOMPARE(idsOf(place.store->read(2, match, severity, 0)), QList<qint64>{});
    }
}

void TestEventStore::readersGoOnWithoutAGap()
{
    Place place;
    place.options.recentEvents = 50; // most come from the file
    place.open();
    const QString rare = QStringLiteral("instruments.beacon.audit");
    QList<qint64> rareIds;
    for (int i = 0; i < 20; ++i) {
        QVERIFY(place.kept(eventsOf(40)).size() == 40);
        rareIds << place.kept({eventOf(rare)});
    }
    qint64 after = 0;
    QList<qint64> all, some;
    while (after < place.store->lastId()) {
        const auto page = place.store->readOn(after, {QStringLiteral("*")}, 1, 7);
        QVERIFY(page);
        QVERIFY(page->next > after);
        all << idsOf(page->events);
        after = page->next;
    }
    QCOMPARE(all, upTo(820));
    for (after = 0; after < place.store->lastId();) {
        const auto page = place.store->readOn(after, {rare, QStringLiteral("instruments.home.*")}, 1, 3);
        QVERIFY(page);
        QVERIFY(page->next > after);
        some << idsOf(page->events);
        after = page->next;
    }
    QCOMPARE(some, rareIds);
}

void TestEventStore::historyBeginsWithTheNewest()
{
    Place place;
    place.options.recentEvents = 10;
    place.open();
    const QString rare = QStringLiteral("instruments.beacon.audit");
    QList<qint64> rareIds;
    for (int i = 0; i < 5; ++i) {
        rareIds << place.kept({eventOf(rare, i % 2 == 0 ? 1 : 3)});
        (void)place.kept(eventsOf(30));
    }
    const auto from = [&](const QString& match, int severity, int count) {
        const auto after = place.store->before(match, severity, count);
        return after ? idsOf(place.store->read(*after, match, severity, 1'000)) : QList<qint64>{-1};
    };
    QCOMPARE(from(rare, 1, 0), QList<qint64>{});
    QCOMPARE(from(rare, 1, 2), rareIds.mid(3));
    QCOMPARE(from(rare, 1, 100), rareIds);
    QCOMPARE(from(rare, 3, 1), (QList<qint64>{rareIds[3]}));
    QCOMPARE(from(QStringLiteral("*"), 1, 5), upTo(155, 151));
    QCOMPARE(from(QStringLiteral("*"), 1, 40), upTo(155, 116));
    QCOMPARE(from(QStringLiteral("instruments.home.*"), 1, 40), QList<qint64>{});
}

void TestEventStore::priorityPassesBulk()
{
    Place place;
    place.options.commitAfter = 300ms;
    place.open();
    QCOMPARE(place.kept({eventOf()}), upTo(1)); // the next ones wait for the end of a spell
    StoredEvent bulk = eventOf(QStringLiteral("instruments.beacon.output"));
    bulk.bulk = true;
    QStringList order;
    place.store->append({bulk}, [&](const auto&) { order << QStringLiteral("bulk"); });
    place.store->append({eventOf()}, [&](const auto&) { order << QStringLiteral("priority"); });
    QTRY_COMPARE_WITH_TIMEOUT(order, (QStringList{QStringLiteral("priority"), QStringLiteral("bulk")}), kPatienceMs);
    QCOMPARE(idsOf(place.store->read(1, kType, 1, 10)), (QList<qint64>{2}));
}

void TestEventStore::tooMuchThatWaitsIsRefusedAtOnce()
{
    Place place;
    place.options.maxWaiting = 100;
    place.options.commitAfter = 10'000ms;
    place.options.commitEvents = 1'000;
    place.open();
    QCOMPARE(place.kept({eventOf()}), upTo(1)); // the others wait
    auto bulk = eventsOf(51);
    for (StoredEvent& event : bulk)
        event.bulk = true;
    QCOMPARE(place.keep(bulk).error().code, Errc::Busy);
    int answers = 0;
    bulk.resize(50);
    place.store->append(bulk, [&](const auto& ids) { answers += ids ? 1 : 0; });
    place.store->append(eventsOf(50), [&](const auto& ids) { answers += ids ? 1 : 0; });
    QCOMPARE(place.store->waiting(), std::size_t{100});
    QCOMPARE(place.keep({eventOf()}).error().code, Errc::Busy);
    QCOMPARE(answers, 0);
    place.store.reset();
    place.options = {};
    place.open();
    QCOMPARE(idsOf(place.store->read(0, QStringLiteral("*"), 1, 1'000)), upTo(101));

    place.options.maxWaitingBytes = 10'000;
    place.open();
    QCOMPARE(place.keep({eventOf(kType, 1, 20'000)}).error().code, Errc::Busy);
}

void TestEventStore::whatNobodyCanStoreIsRefused()
{
    Place place;
    place.open();
    StoredEvent nameless = eventOf();
    nameless.uuid = "short";
    QCOMPARE(place.keep({eventOf(), nameless}).error().code, Errc::BadInput);
    QCOMPARE(place.keep({eventOf(kType, 1, EventStore::kMaxTextBytes)}).error().code, Errc::TooLarge);
    QCOMPARE(place.kept({}), QList<qint64>{});
    QCOMPARE(place.kept({eventOf()}), upTo(1));
    StoredEvent bare; // little is no trouble
    bare.uuid = eventOf().uuid;
    QCOMPARE(place.kept({bare, eventOf()}), upTo(3, 2));
}

void TestEventStore::theOldestGoWhereRowsAreTooMany()
{
    Place place;
    place.options.file.maxRows = 1'000;
    place.options.recentEvents = 10;
    place.open();
    for (int i = 0; i < 10; ++i)
        QCOMPARE(place.kept(eventsOf(400)).size(), 400);
    QTRY_COMPARE_WITH_TIMEOUT(*place.store->firstId(), 3'001, kPatienceMs);
    QCOMPARE(idsOf(place.store->read(0, QStringLiteral("*"), 1, 10'000)), upTo(4'000, 3'001));
}

void TestEventStore::theOldestGoWhereBytesAreTooMany()
{
    Place place;
    constexpr qint64 kMost = 4 * 1024 * 1024;
    place.options.file.maxBytes = kMost;
    place.open();
    for (int i = 0; i < 60; ++i)
        QCOMPARE(place.kept(eventsOf(10, kType, 1, 30'000)).size(), 10);
    QTRY_VERIFY_WITH_TIMEOUT(*place.store->firstId() > 400, kPatienceMs);
    QVERIFY2(*place.store->firstId() < 560, QByteArray::number(*place.store->firstId()));
    QVERIFY(QFile{place.path()}.size() < 2 * kMost);
    place.options.file.maxBytes = kMost / 4; // a smaller bound shrinks the file
    place.open();
    QCOMPARE(place.kept({eventOf()}), upTo(601, 601));
    QTRY_VERIFY_WITH_TIMEOUT(*place.store->firstId() > 560, kPatienceMs);
    const auto isSmall = [&] { return QFile{place.path()}.size() <= kMost / 4 + 4096; };
    for (int i = 0; i < 200 && !isSmall(); ++i) // SQLite writes its log back every 1,000 pages
        QCOMPARE(place.kept(eventsOf(20, kType, 1, 3'000)).size(), 20);
    QVERIFY2(isSmall(), QByteArray::number(QFile{place.path()}.size()));
}

void TestEventStore::aDamagedFileIsSetAside()
{
    Place place;
    place.open();
    QCOMPARE(place.kept(eventsOf(100)), upTo(100));
    place.store.reset();
    QFile file{place.path()};
    QVERIFY(file.open(QIODevice::ReadWrite));
    QVERIFY(file.write(QByteArray(8'192, 'x')) > 0);
    file.close();
    place.store = std::make_unique<EventStore>(place.path(), place.clock, place.options);
    QSignalSpy damaged{place.store.get(), &EventStore::damaged};
    place.store->start();
    QVERIFY(damaged.wait(kPatienceMs)); // before anybody stores something
    QVERIFY(QFile::exists(damaged.front().front().toString()));
    const qint64 next = place.kept({eventOf()}).front();
    QVERIFY2(next > 100, QByteArray::number(next));
    QCOMPARE(idsOf(place.store->read(0, QStringLiteral("*"), 1, 10)), (QList<qint64>{next}));
    place.open();
    QCOMPARE(place.kept({eventOf()}), (QList<qint64>{next + 1}));
}

void TestEventStore::aFileThatIsDamagedLaterIsSetAside()
{
    Place place;
    place.open();
    QCOMPARE(place.kept(eventsOf(2'000)).size(), 2'000);
    place.open(); // its log is written back
    QSignalSpy damaged{place.store.get(), &EventStore::damaged};
    QSignalSpy failed{place.store.get(), &EventStore::failed};
    QFile file{place.path()};
    QVERIFY(file.open(QIODevice::ReadWrite));
    const qint64 size = file.size();
    QVERIFY(file.seek(4'096) && file.write(QByteArray(static_cast<qsizetype>(size - 4'096), 'x')) > 0);
    file.close();
    // The pages that it has in memory are sound for a while.
    for (int i = 0; i < 50 && damaged.isEmpty(); ++i)
        (void)place.keep(eventsOf(200, QStringLiteral("instruments.x.n%1").arg(i)));
    QCOMPARE(damaged.size(), 1);
    QVERIFY(failed.size() <= 1); // none where the damage was met while the oldest were deleted
    const qint64 next = place.kept({eventOf()}).front();
    QVERIFY(next > 2'000);
    QCOMPARE(idsOf(place.store->read(next - 1, QStringLiteral("*"), 1, 10)), (QList<qint64>{next}));
}

void TestEventStore::aDiskThatFailsIsToldOnceAndBounded()
{
    Place place;
    place.options.retry = 20ms;
    place.options.patience = 200ms;
    place.options.maxWaiting = 1'000;
    const QString inTheWay = place.dir.filePath(QStringLiteral("folder"));
    const QString path = inTheWay + QStringLiteral("/events.db");
    place.store = std::make_unique<EventStore>(path, place.clock, place.options); // there is no such folder yet
    QSignalSpy failed{place.store.get(), &EventStore::failed};
    QSignalSpy recovered{place.store.get(), &EventStore::recovered};
    place.store->start();
    QElapsedTimer since;
    since.start();
    int given = 0, busy = 0;
    for (int i = 0; i < 20; ++i)
        place.store->append(eventsOf(100), [&](const auto& ids) {
            if (!ids)
                ++(ids.error().code == Errc::Busy ? busy : given);
        });
    QTRY_COMPARE_WITH_TIMEOUT(given + busy, 20, kPatienceMs);
    QCOMPARE(busy, 10);
    QVERIFY(since.elapsed() >= 200 && since.elapsed() < 5'000);
    QVERIFY(!place.keep({eventOf()}));
    QCOMPARE(failed.size(), 1);
    QCOMPARE(recovered.size(), 0);
    QVERIFY(QDir{}.mkdir(inTheWay));
    QCOMPARE(place.kept({eventOf()}), upTo(1));
    QCOMPARE(recovered.size(), 1);
    QCOMPARE(failed.size(), 1);
    QCOMPARE(idsOf(place.store->read(0, QStringLiteral("*"), 1, 10)), upTo(1));
}

void TestEventStore::whatWaitsAtTheEndIsWritten()
{
    Place place;
    place.options.commitAfter = 60'000ms;
    place.open();
    QCOMPARE(place.kept({eventOf()}), upTo(1));
    bool called = false;
    place.store->append(eventsOf(5), [&](const auto&) { called = true; });
    place.store.reset();
    QCoreApplication::processEvents();
    QVERIFY(!called);
    place.open();
    QCOMPARE(idsOf(place.store->read(0, QStringLiteral("*"), 1, 10)), upTo(6));
}

void TestEventStore::aKillLosesNothingThatWasAcknowledged()
{
    Place place;
    for (int life = 0; life < 3; ++life) {
        QProcess child;
        child.start(QCoreApplication::applicationFilePath(), {QStringLiteral("store"), place.path()});
        QByteArray said;
        QVERIFY(QTest::qWaitFor([&] { return (said += child.readAllStandardOutput()).count('\n') > 5; }, kPatienceMs));
        ::kill(static_cast<pid_t>(child.processId()), SIGKILL);
        QVERIFY(child.waitForFinished(kPatienceMs));
        said += child.readAllStandardOutput();
        const QList<QByteArray> lines = said.left(said.lastIndexOf('\n')).split('\n');
        place.open();
        for (const QByteArray& line : lines) {
            const qint64 id = line.split(' ').front().toLongLong();
            const auto read = place.store->read(id - 1, QStringLiteral("*"), 1, 1);
            QCOMPARE(idsOf(read), (QList<qint64>{id}));
            QCOMPARE(read->front().uuid.toHex(), line.split(' ').back());
        }
        place.store.reset();
    }
}

void TestEventStore::oneCommitTakesWhatHasCome()
{
    Place place;
    place.open();
    QCOMPARE(place.kept({eventOf()}), upTo(1));
    QSignalSpy committed{place.store.get(), &EventStore::committed};
    int answers = 0;
    for (int i = 0; i < 200; ++i)
        place.store->append({eventOf()}, [&](const auto& ids) { answers += ids ? 1 : 0; });
    QTRY_COMPARE_WITH_TIMEOUT(answers, 200, kPatienceMs);
    QVERIFY2(committed.size() <= 4, QByteArray::number(committed.size()));
    QCOMPARE(place.store->lastId(), 201);
}

int main(int argc, char** argv)
{
    QCoreApplication application(argc, argv);
    if (argc == 3 && qstrcmp(argv[1], "store") == 0)
        return storeForEver(QString::fromLocal8Bit(argv[2]));
    TestEventStore test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_event_store.moc"
