#include "core/platform/outbox.h"

#include "core/base/clock.h"
#include "core/event/event_source.h"
#include "core/platform/in_process_link.h"
#include "core/platform/messages.h"
#include "core/store/spool.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QSet>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace beacon;
using namespace beacon::platform;
using rpc::Code;

namespace {

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

/// The platform's end: takes each event once, and does what the test says.
struct Far {
    explicit Far(InProcessLink& end)
        : link(end)
    {
        link.setHandler([this](const QString&, const QJsonObject& params, Responder responder) {
            serve(params.value(text("events")).toArray(), std::move(responder));
        });
        link.open();
    }
    void serve(const QJsonArray& events, Responder responder)
    {
        ++batches;
        const bool isBulk = events.first()[text("type")].toString() == text("instruments.beacon.output");
        if (silentForBulk && isBulk) {
            held.push_back(std::move(responder));
            return;
        }
        for (const QJsonValue& event : events)
            if (event[text("message")].toString() == refused) {
                responder.fail(Code::InvalidParams, text("not this one"));
                return;
            }
        QJsonArray ids;
        qsizetype nulls = 0;
        int left = takeOnly;
        for (const QJsonValue& event : events) {
            if (left-- == 0) {
                cutShort = true;
                if (nullWhereNotTaken)
                    nulls = events.size() - ids.size();
                break;
            }
            const QString uuid = event[text("uuid")].toString();
            ids.append(nullWhereNotTaken ? QJsonValue{batches} : QJsonValue{uuid});
            if (seen.contains(uuid)) {
                ++repeats;
                continue;
            }
            seen.insert(uuid);
            (isBulk ? bulk : urgent).append(event[text("message")].toString());
        }
        for (; nulls > 0; --nulls)
            ids.append(QJsonValue::Null);
        takeOnly = -1;
        if (loseAnswers > 0) {
            --loseAnswers;
            held.push_back(std::move(responder)); // never answered
            return;
        }
        responder.answer(QJsonObject{{text("ids"), ids}});
    }
    InProcessLink& link;
    QSet<QString> seen;
    QStringList bulk, urgent; ///< messages, in the order of first arrival
    int batches = 0, repeats = 0, loseAnswers = 0, takeOnly = -1;
    bool silentForBulk = false, nullWhereNotTaken = false;
    bool cutShort = false; ///< takeOnly left some of a batch out
    QString refused = text("-");
    std::vector<Responder> held;
};

QStringList numbers(int from, int to)
{
    QStringList list;
    for (int i = from; i < to; ++i)
        list.append(QString::number(i));
    return list;
}

} // namespace

class TstOutbox : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void inOrderAndEachOnce();
    void anHourWithoutThePlatformAndARestartInBetween();
    void moreThanMemoryHoldsGoesByTheDisk();
    void overTheBoundTheOldestBulkGoesAndIsCounted();
    void withoutADiskMemoryIsBounded();
    void withoutADiskTheBytesAreBounded();
    void behindABrokenDiskMemoryIsBounded();
    void aDiskThatComesWhileABatchIsUnderWay();
    void aRefusedEventDoesNotBlockTheRest();
    void lostAnswersAreSentAgain();
    void whatIsNotAcknowledgedComesAgain_data();
    void whatIsNotAcknowledgedComesAgain();
    void bulkNeverHoldsBackWhatIsUrgent();
    void aDiskThatFailsIsToldOnceAndMends();
    void aDiskThatComesLateKeepsTheOrder();
    void anEventOverTheLimitIsCountedAndNotSent();

private:
    Event event(int number, bool bulk = false, const QString& line = {})
    {
        return m_source->make(
            bulk ? EventId::BeaconOutput : EventId::InterfaceUp, QString::number(number), {{text("line"), line}});
    }
    void publish(Outbox& outbox, int from, int to, bool bulk = false)
    {
        for (int i = from; i < to; ++i)
            outbox.publish(event(i, bulk));
    }
    std::unique_ptr<Outbox> make(Outbox::Limits limits = {}, bool disk = true, Spool::Options options = {})
    {
        auto outbox =
            std::make_unique<Outbox>(*m_near, disk ? std::make_unique<Spool>(path(), options) : nullptr, limits);
        connect(m_near.get(), &PlatformLink::up, outbox.get(), &Outbox::resume);
        if (m_near->isUp())
            outbox->resume();
        return outbox;
    }
    void blockDisk()
    {
        QVERIFY(QDir{}.rename(m_dir->filePath(text("sub")), m_dir->filePath(text("away"))));
        QFile inTheWay{m_dir->filePath(text("sub"))};
        QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    }
    void freeDisk()
    {
        QVERIFY(QFile::remove(m_dir->filePath(text("sub"))));
        QVERIFY(QDir{}.rename(m_dir->filePath(text("away")), m_dir->filePath(text("sub"))));
    }
    [[nodiscard]] QString path() const { return m_dir->filePath(text("sub/spool.db")); }

    ManualClock m_clock;
    std::unique_ptr<QTemporaryDir> m_dir;
    std::unique_ptr<EventSource> m_source;
    std::unique_ptr<InProcessLink> m_near, m_farEnd;
    std::unique_ptr<Far> m_far;
};

void TstOutbox::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    QVERIFY(QDir{m_dir->path()}.mkdir(text("sub")));
    m_source = std::make_unique<EventSource>(
        EventSource::Identity{text("beacon_0@plant7"), text("plant7"), text("beacon")}, m_clock);
    auto [near, far] = InProcessLink::makePair();
    m_near = std::move(near);
    m_farEnd = std::move(far);
    m_far = std::make_unique<Far>(*m_farEnd);
    m_near->open();
    QTRY_VERIFY(m_near->isUp());
}

void TstOutbox::cleanup()
{
    m_far->held.clear();
    m_near.reset();
    m_farEnd.reset();
}

void TstOutbox::inOrderAndEachOnce()
{
    auto outbox = make();
    QSignalSpy idle{outbox.get(), &Outbox::idle};
    publish(*outbox, 0, 300);
    publish(*outbox, 0, 300, true);
    QCOMPARE(outbox->waiting(), std::size_t{600});
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QCOMPARE(m_far->urgent, numbers(0, 300));
    QCOMPARE(m_far->bulk, numbers(0, 300));
    QCOMPARE(m_far->repeats, 0);
    QCOMPARE(outbox->counts().acknowledged, quint64{600});
    QVERIFY(idle.count() >= 1);
}

void TstOutbox::anHourWithoutThePlatformAndARestartInBetween()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    auto outbox = make();
    publish(*outbox, 0, 1'800);
    publish(*outbox, 0, 1'800, true);
    outbox.reset();
    outbox = make();
    QCOMPARE(outbox->waiting(), std::size_t{3'600});
    publish(*outbox, 1'800, 3'600);
    publish(*outbox, 1'800, 3'600, true);
    m_near->restore();
    QTRY_COMPARE_WITH_TIMEOUT(outbox->waiting(), std::size_t{0}, 30'000);
    QCOMPARE(m_far->urgent, numbers(0, 3'600));
    QCOMPARE(m_far->bulk, numbers(0, 3'600));
    QCOMPARE(m_far->repeats, 0);
    QCOMPARE(outbox->counts().dropped, quint64{0});
    outbox.reset();
    QCOMPARE(*Spool{path()}.count(false), 0);
    QCOMPARE(*Spool{path()}.count(true), 0);
}

void TstOutbox::moreThanMemoryHoldsGoesByTheDisk()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    Outbox::Limits limits;
    limits.memoryEvents = 50;
    auto outbox = make(limits);
    publish(*outbox, 0, 1'000, true);
    publish(*outbox, 0, 200);
    m_near->restore();
    QTRY_COMPARE_WITH_TIMEOUT(outbox->waiting(), std::size_t{0}, 30'000);
    QCOMPARE(m_far->bulk, numbers(0, 1'000));
    QCOMPARE(m_far->urgent, numbers(0, 200));
    QCOMPARE(outbox->counts().dropped, quint64{0});
}

void TstOutbox::overTheBoundTheOldestBulkGoesAndIsCounted()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    Outbox::Limits limits;
    limits.memoryEvents = 20;
    Spool::Options options;
    options.maxRows = 300;
    auto outbox = make(limits, true, options);
    QSignalSpy dropped{outbox.get(), &Outbox::dropped};
    publish(*outbox, 0, 100);
    publish(*outbox, 0, 1'000, true);
    QTRY_VERIFY_WITH_TIMEOUT(dropped.count() > 0, 10'000);
    m_near->restore();
    QTRY_COMPARE_WITH_TIMEOUT(outbox->waiting(), std::size_t{0}, 30'000);
    QCOMPARE(m_far->urgent, numbers(0, 100)); // none of these
    QCOMPARE(static_cast<quint64>(m_far->bulk.size()) + outbox->counts().dropped, quint64{1'000});
    QVERIFY(outbox->counts().dropped >= 700);
    QCOMPARE(m_far->bulk.last(), text("999"));
    // What was in memory before the disk was needed is young, and may be there still.
    const QStringList onDisk = m_far->bulk.mid(20);
    QCOMPARE(onDisk, numbers(1'000 - static_cast<int>(onDisk.size()), 1'000));
}

void TstOutbox::withoutADiskMemoryIsBounded()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    Outbox::Limits limits;
    limits.memoryEvents = 100;
    auto outbox = make(limits, false);
    publish(*outbox, 0, 250);
    QCOMPARE(outbox->counts().dropped, quint64{150});
    m_near->restore();
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QCOMPARE(m_far->urgent, numbers(150, 250));
}

void TstOutbox::withoutADiskTheBytesAreBounded()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    Outbox::Limits limits;
    limits.memoryBytes = 64 * 1024;
    auto outbox = make(limits, false);
    for (int i = 0; i < 100; ++i)
        outbox->publish(event(i, false, QString(2'048, QLatin1Char('x'))));
    QVERIFY(outbox->waiting() <= 32);
    QCOMPARE(outbox->waiting() + outbox->counts().dropped, std::size_t{100});
    const int oldest = 100 - static_cast<int>(outbox->waiting());
    m_near->restore();
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QCOMPARE(m_far->urgent, numbers(oldest, 100));
}

void TstOutbox::behindABrokenDiskMemoryIsBounded()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    Outbox::Limits limits;
    limits.memoryEvents = 50;
    auto outbox = make(limits);
    publish(*outbox, 0, 100); // the last of them are on disk alone
    outbox.reset();
    blockDisk();
    outbox = make(limits);
    publish(*outbox, 100, 400);
    QCOMPARE(outbox->waiting() + outbox->counts().dropped, std::size_t{300});
    QVERIFY(outbox->waiting() <= 100);
    freeDisk();
    m_near->restore();
    QTRY_VERIFY_WITH_TIMEOUT(m_far->urgent.contains(text("99")), 10'000);
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QCOMPARE(static_cast<quint64>(m_far->urgent.size()) + outbox->counts().dropped, quint64{400});
}

void TstOutbox::aDiskThatComesWhileABatchIsUnderWay()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    auto outbox = make();
    publish(*outbox, 0, 70); // more than one step of reading, less than two
    outbox.reset();
    blockDisk();
    m_far->loseAnswers = 1;
    Outbox::Limits limits;
    limits.deadline = std::chrono::seconds{4}; // longer than the disk needs to come back
    limits.retryFirst = std::chrono::milliseconds{10};
    outbox = make(limits);
    QSignalSpy mended{outbox.get(), &Outbox::spoolRecovered};
    publish(*outbox, 70, 71);
    m_near->restore();
    QTRY_COMPARE(m_far->batches, 1);
    freeDisk();
    QTRY_COMPARE_WITH_TIMEOUT(mended.count(), 1, 3'500);
    QCOMPARE(outbox->waiting(), std::size_t{71});
    QTRY_COMPARE_WITH_TIMEOUT(outbox->waiting(), std::size_t{0}, 10'000);
    QStringList all = m_far->urgent;
    std::sort(all.begin(), all.end(), [](const QString& a, const QString& b) { return a.toInt() < b.toInt(); });
    QCOMPARE(all, numbers(0, 71));
    QCOMPARE(outbox->counts().acknowledged, quint64{71}); // each once
    outbox.reset();
    QCOMPARE(*Spool{path()}.count(false), 0);
}

void TstOutbox::aRefusedEventDoesNotBlockTheRest()
{
    m_far->refused = text("17");
    auto outbox = make();
    publish(*outbox, 0, 100);
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QStringList expected = numbers(0, 100);
    expected.removeAt(17);
    QCOMPARE(m_far->urgent, expected);
    QCOMPARE(outbox->counts().refused, quint64{1});
    QCOMPARE(outbox->counts().acknowledged, quint64{99});
}

void TstOutbox::lostAnswersAreSentAgain()
{
    Outbox::Limits limits;
    limits.deadline = std::chrono::milliseconds{100};
    limits.retryFirst = std::chrono::milliseconds{10};
    auto outbox = make(limits);
    m_far->loseAnswers = 2;
    publish(*outbox, 0, 10);
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QCOMPARE(m_far->urgent, numbers(0, 10));
    QVERIFY(m_far->repeats > 0);
}

void TstOutbox::whatIsNotAcknowledgedComesAgain_data()
{
    QTest::addColumn<bool>("nulls");
    QTest::newRow("the answer holds the uuids of those that were taken") << false;
    QTest::newRow("the answer holds null for those that were not") << true;
}

void TstOutbox::whatIsNotAcknowledgedComesAgain()
{
    QFETCH(const bool, nulls);
    m_near->cut(); // so that all go in one batch: the first would leave by itself
    QTRY_VERIFY(!m_near->isUp());
    Outbox::Limits limits;
    limits.retryFirst = std::chrono::milliseconds{10};
    auto outbox = make(limits);
    m_far->takeOnly = 3;
    m_far->nullWhereNotTaken = nulls;
    publish(*outbox, 0, 20);
    m_near->restore();
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QVERIFY(m_far->cutShort);
    QCOMPARE(m_far->urgent, numbers(0, 20));
    QCOMPARE(m_far->repeats, 0);
    QCOMPARE(outbox->counts().published, quint64{20});
    QCOMPARE(outbox->counts().acknowledged, quint64{20});
}

void TstOutbox::bulkNeverHoldsBackWhatIsUrgent()
{
    m_far->silentForBulk = true;
    auto outbox = make();
    publish(*outbox, 0, 500, true);
    publish(*outbox, 0, 50);
    QTRY_COMPARE(m_far->urgent, numbers(0, 50));
    QVERIFY(m_far->bulk.isEmpty());
}

void TstOutbox::aDiskThatFailsIsToldOnceAndMends()
{
    QVERIFY(QDir{m_dir->filePath(text("sub"))}.removeRecursively());
    QFile inTheWay{m_dir->filePath(text("sub"))};
    QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    inTheWay.close();
    auto outbox = make();
    QSignalSpy failed{outbox.get(), &Outbox::spoolFailed}, mended{outbox.get(), &Outbox::spoolRecovered};
    publish(*outbox, 0, 10);
    QTRY_COMPARE(m_far->urgent, numbers(0, 10)); // from memory
    QTRY_COMPARE(failed.count(), 1);
    QVERIFY(inTheWay.remove());
    QVERIFY(QDir{m_dir->path()}.mkdir(text("sub")));
    QTRY_COMPARE_WITH_TIMEOUT(mended.count(), 1, 10'000);
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    publish(*outbox, 10, 20);
    outbox.reset();
    QCOMPARE(*Spool{path()}.count(false), 10);
    QCOMPARE(failed.count(), 1);
}

void TstOutbox::aDiskThatComesLateKeepsTheOrder()
{
    m_near->cut();
    QTRY_VERIFY(!m_near->isUp());
    auto outbox = make();
    publish(*outbox, 0, 20);
    outbox.reset();
    const QString away = m_dir->filePath(text("away"));
    QVERIFY(QDir{}.rename(m_dir->filePath(text("sub")), away));
    QFile inTheWay{m_dir->filePath(text("sub"))};
    QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    inTheWay.close();
    outbox = make();
    publish(*outbox, 20, 40);
    QCOMPARE(outbox->waiting(), std::size_t{20}); // it cannot know of the others
    QVERIFY(inTheWay.remove());
    QVERIFY(QDir{}.rename(away, m_dir->filePath(text("sub"))));
    QTRY_COMPARE_WITH_TIMEOUT(outbox->waiting(), std::size_t{40}, 10'000);
    publish(*outbox, 40, 50);
    m_near->restore();
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QCOMPARE(m_far->urgent, numbers(0, 50));
}

void TstOutbox::anEventOverTheLimitIsCountedAndNotSent()
{
    auto outbox = make();
    outbox->publish(event(0, false, QString(300'000, QLatin1Char('x'))));
    publish(*outbox, 1, 3);
    QTRY_COMPARE(outbox->waiting(), std::size_t{0});
    QCOMPARE(m_far->urgent, numbers(1, 3));
    QCOMPARE(outbox->counts().dropped, quint64{1});
}

QTEST_GUILESS_MAIN(TstOutbox)
#include "tst_outbox.moc"
