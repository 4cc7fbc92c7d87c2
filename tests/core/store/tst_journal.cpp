// core/store/journal_file.h and core/store/journal_writer.h.

#include "core/store/journal_writer.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <cstring>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

const WallTime kAt = ManualClock{}.wall();
constexpr qint64 kMiB = 1024 * 1024;
constexpr std::array kNone{""}; // user_version 1 without a table of ours
constexpr auto kNever = std::chrono::hours{24};
constexpr auto kAll = std::numeric_limits<qint64>::max();
constexpr int kPatienceMs = 20'000;

JournalEntry line(qint64 id, WallTime at = kAt, qsizetype bytes = 0)
{
    JournalEntry entry;
    entry.id = id;
    entry.at = at;
    entry.json = "{\"n\":" + QByteArray::number(id) + QByteArray(bytes, ' ') + '}';
    return entry;
}

JournalEntry escape(qint64 id)
{
    JournalEntry entry = line(id);
    entry.priority = true;
    return entry;
}

std::vector<JournalEntry> lines(qint64 from, qint64 to, WallTime at = kAt, qsizetype bytes = 0)
{
    std::vector<JournalEntry> entries;
    for (qint64 id = from; id <= to; ++id)
        entries.push_back(line(id, at, bytes));
    return entries;
}

QList<qint64> idsOf(const std::vector<JournalEntry>& entries)
{
    QList<qint64> ids;
    for (const JournalEntry& entry : entries)
        ids.append(entry.id);
    return ids;
}

QList<qint64> upTo(qint64 last, qint64 first = 1)
{
    QList<qint64> ids;
    for (qint64 id = first; id <= last; ++id)
        ids.append(id);
    return ids;
}

/// The child that is killed: writes lines until then.
int writeForEver(const QString& path)
{
    const SystemClock clock;
    JournalWriter::Options options;
    options.flushAfter = 1ms;
    JournalWriter writer{path, clock, options};
    writer.start();
    for (qint64 id = 1;; ++id) {
        writer.append(line(id, clock.wall(), 100));
        if (id % 64 == 0)
            std::this_thread::sleep_for(1ms);
    }
}

} // namespace

#define TRY(condition) QTRY_VERIFY_WITH_TIMEOUT(condition, kPatienceMs)
#define OK(result) QVERIFY2(result, (result) ? "" : describe((result).error()).c_str())

class TestJournal : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_path = m_dir->filePath(QStringLiteral("journal.sqlite"));
        m_options = {};
        m_options.flushAfter = kNever;
        m_options.retry = 10ms;
        m_clock = {};
        m_failures = m_recoveries = 0;
        m_dropped = 0;
        m_damaged.clear();
    }

    void whatWasWrittenIsReadBack();
    void whatIsExactlyADayOldStays();
    void aLateStampKeepsWhatCameAfterIt();
    void deletionGoesInSmallSteps();
    void sizeIsBoundedAndTheOldestGo_data();
    void sizeIsBoundedAndTheOldestGo();
    void aSmallerBoundShrinksTheFile();
    void damageIsSetAside_data();
    void damageIsSetAside();

    void whatWaitsIsReadToo();
    void readingEndsAtThisRun();
    void theNewestOfManyAreRead();
    void priorityIsWrittenAtOnce();
    void bulkIsWrittenInTime();
    void dropsAreCountedAndPriorityGoesLast();
    void bytesInMemoryAreBounded();
    void aClockThatJumpsWipesNothing();
    void aClockThatJumpsBetweenRunsWipesNothing();
    void damageUnderTheWriterIsTold();
    void fault19_killedWhileItWrites();

private:
    std::unique_ptr<JournalWriter> writer()
    {
        auto made = std::make_unique<JournalWriter>(m_path, m_clock, m_options);
        connect(made.get(), &JournalWriter::failed, this, [this] { ++m_failures; });
        connect(made.get(), &JournalWriter::recovered, this, [this](quint64 dropped) {
            ++m_recoveries;
            m_dropped = dropped;
        });
        connect(made.get(), &JournalWriter::damaged, this, [this](const QString& setAside) { m_damaged = setAside; });
        made->start();
        return made;
    }
    /// One run that writes and ends.
    void writeRun(qint64 from, qint64 to)
    {
        const auto run = writer();
        for (JournalEntry& entry : lines(from, to, m_clock.wall()))
            run->append(std::move(entry));
    }
    [[nodiscard]] std::vector<JournalEntry> stored() const
    {
        const auto entries = JournalFile::read(m_path, 0, kAll, 1'000'000);
        return entries ? *entries : std::vector<JournalEntry>{};
    }

    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_path;
    JournalWriter::Options m_options;
    ManualClock m_clock;
    int m_failures = 0, m_recoveries = 0;
    quint64 m_dropped = 0;
    QString m_damaged;
};

void TestJournal::whatWasWrittenIsReadBack()
{
    JournalEntry event = line(7, kAt + 1us);
    event.isEvent = event.priority = true;
    event.severity = 4;
    event.type = QStringLiteral("instruments.beacon.health");
    {
        JournalFile file{m_path, kMiB};
        OK(file.open());
        QCOMPARE(file.lastBefore().id, 0);
        OK(file.write({line(9), event}));
    }
    const auto entries = JournalFile::read(m_path, 0, kAll, 10);
    OK(entries);
    QCOMPARE(idsOf(*entries), (QList<qint64>{7, 9}));
    const JournalEntry& first = entries->front();
    QVERIFY(first.at == event.at && first.priority && first.isEvent && first.severity == 4);
    QCOMPARE(first.type, event.type);
    QCOMPARE(first.json, event.json);
    const JournalEntry& second = entries->back();
    QVERIFY(second.at == kAt && !second.priority && !second.isEvent && second.type.isEmpty());
    QCOMPARE(QFile::permissions(m_path) & (QFile::ReadGroup | QFile::ReadOther), QFile::Permissions{});
    JournalFile again{m_path, kMiB};
    OK(again.open());
    QCOMPARE(again.lastBefore().id, 9);
}

void TestJournal::whatIsExactlyADayOldStays()
{
    JournalFile file{m_path, kMiB};
    OK(file.write({line(1, kAt - 1us), line(2, kAt), line(3, kAt + 1us)}));
    while (*file.trim(kAt + JournalFile::kAge)) { }
    QCOMPARE(idsOf(stored()), (QList<qint64>{2, 3}));
    while (*file.trim(kAt + JournalFile::kAge + 1us)) { }
    QCOMPARE(idsOf(stored()), (QList<qint64>{3}));
    while (*file.trim(kAt + JournalFile::kAge + 2us)) { }
    QCOMPARE(idsOf(stored()), QList<qint64>{});
}

void TestJournal::aLateStampKeepsWhatCameAfterIt()
{
    JournalFile file{m_path, kMiB};
    OK(file.write({line(1, kAt - 48h), line(2, kAt), line(3, WallTime{}), line(4, kAt)})); // 3: a clock not yet set
    while (*file.trim(kAt + 1h)) { }
    QCOMPARE(idsOf(stored()), (QList<qint64>{2, 3, 4}));
}

void TestJournal::deletionGoesInSmallSteps()
{
    JournalFile file{m_path, 64 * kMiB};
    OK(file.write(lines(1, 2'500)));
    OK(file.write(lines(2'501, 2'600, kAt + 24h)));
    QCOMPARE(*file.trim(kAt + 48h), true);
    QCOMPARE(stored().front().id, JournalFile::kStepRows + 1);
    QCOMPARE(*file.trim(kAt + 48h), true);
    QCOMPARE(*file.trim(kAt + 48h), true);
    QCOMPARE(stored().front().id, 2'501);
    QCOMPARE(*file.trim(kAt + 48h), false);
    QCOMPARE(idsOf(stored()), upTo(2'600, 2'501));
}

void TestJournal::sizeIsBoundedAndTheOldestGo_data()
{
    QTest::addColumn<qsizetype>("bytes");
    QTest::addColumn<int>("batch");
    QTest::newRow("short lines") << qsizetype{20} << 1'000;
    QTest::newRow("attempts") << qsizetype{200} << 250;
    QTest::newRow("half a page") << qsizetype{2'100} << 25;
    QTest::newRow("more than a page") << qsizetype{8'300} << 7;
    QTest::newRow("the longest event") << qsizetype{256 * 1024} << 1;
}

void TestJournal::sizeIsBoundedAndTheOldestGo()
{
    QFETCH(qsizetype, bytes);
    QFETCH(int, batch);
    JournalFile file{m_path, kMiB};
    qint64 last = 0;
    for (qint64 written = 0; written < 4 * kMiB; written += batch * (bytes + 8), last += batch) {
        OK(file.write(lines(last + 1, last + batch, kAt, bytes)));
        QVERIFY(QFileInfo{m_path}.size() <= kMiB);
        OK(file.trim(kAt));
    }
    const auto kept = stored();
    QCOMPARE(idsOf(kept), upTo(last, kept.front().id));
    QVERIFY(static_cast<qint64>(kept.size()) * (bytes + 8) > kMiB / 4); // and it does not throw away too much
}

void TestJournal::aSmallerBoundShrinksTheFile()
{
    {
        JournalFile file{m_path, 8 * kMiB};
        for (qint64 from = 1; from < 20'000; from += 500)
            OK(file.write(lines(from, from + 499, kAt, 200)));
    }
    QVERIFY(QFileInfo{m_path}.size() > 4 * kMiB);
    {
        JournalFile file{m_path, kMiB};
        OK(file.write({line(20'001)}));
        int steps = 0;
        while (*file.trim(kAt))
            QVERIFY(++steps < 1'000);
    }
    QVERIFY(QFileInfo{m_path}.size() <= kMiB);
    const auto kept = stored();
    QCOMPARE(idsOf(kept), upTo(20'001, kept.front().id));
    QVERIFY(kept.size() > 2'000);
}

void TestJournal::damageIsSetAside_data()
{
    QTest::addColumn<bool>("whileOpen");
    QTest::newRow("found at opening") << false;
    QTest::newRow("found while it is in use") << true;
}

void TestJournal::damageIsSetAside()
{
    QFETCH(bool, whileOpen);
    QFile earlier{m_path + QStringLiteral(".corrupt-1")};
    QVERIFY(earlier.open(QIODevice::WriteOnly));
    auto file = std::make_unique<JournalFile>(m_path, kMiB);
    OK(file->write(lines(1, 100, kAt, 1'000)));
    if (whileOpen) {
        // Another connection makes the schema point at a page that is not there, and tells everybody to read it again.
        const auto vandal = Database::open(m_path, kNone, {});
        OK(vandal);
        for (const QString& sql : {QStringLiteral("PRAGMA writable_schema=ON"),
                 QStringLiteral("UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'entry'"),
                 QStringLiteral("PRAGMA schema_version=1234")})
            OK((*vandal)->run(sql));
    } else {
        file.reset();
        QFile raw{m_path};
        QVERIFY(raw.open(QIODevice::ReadWrite) && raw.resize(0));
        raw.write(QByteArray(64 * 1024, 'g'));
        raw.close();
        file = std::make_unique<JournalFile>(m_path, kMiB);
    }
    bool written = false;
    for (int i = 0; i < 3 && !written; ++i)
        written = static_cast<bool>(file->write({line(101)}));
    QVERIFY(written);
    const auto aside = file->takeSetAside();
    QVERIFY(aside && QFile::exists(*aside));
    QVERIFY(!earlier.exists()); // or damage after damage would fill the disk
    QCOMPARE(idsOf(stored()), (QList<qint64>{101}));
}

void TestJournal::whatWaitsIsReadToo()
{
    const auto run = writer();
    QCOMPARE(run->between(0, 100, 10).size(), std::size_t{0});
    for (JournalEntry& entry : lines(1, 5))
        run->append(std::move(entry));
    QCOMPARE(idsOf(run->between(0, 100, 10)), upTo(5)); // in memory
    run->append(escape(6));
    TRY(run->counters().written == 6);
    for (JournalEntry& entry : lines(7, 9))
        run->append(std::move(entry));
    QCOMPARE(idsOf(run->between(0, 100, 10)), upTo(9)); // on the disk and in memory
    QCOMPARE(idsOf(run->between(2, 8, 10)), upTo(7, 3));
    QCOMPARE(idsOf(run->last(4)), upTo(9, 6));
    QCOMPARE(run->counters().pending, std::size_t{3});
}

void TestJournal::readingEndsAtThisRun()
{
    writeRun(1, 20);
    const auto run = writer();
    run->append(escape(1));
    TRY(run->counters().written == 1);
    run->append(line(2));
    QCOMPARE(idsOf(run->between(0, std::numeric_limits<quint64>::max(), 100)), upTo(2));
    QCOMPARE(idsOf(run->last(100)), upTo(22));
    QCOMPARE(run->last(1).front().json, line(2).json);
    QCOMPARE(run->last(2).front().json, escape(1).json);
    QCOMPARE(run->last(3).front().json, line(20).json);
}

void TestJournal::theNewestOfManyAreRead()
{
    const auto run = writer();
    for (JournalEntry& entry : lines(1, 3'500))
        run->append(std::move(entry));
    TRY(run->counters().written >= 1'000); // a full batch does not wait
    QCOMPARE(idsOf(run->between(0, 3'500, 1'200)), upTo(3'499, 2'300));
    QCOMPARE(idsOf(run->last(3'000)), upTo(3'500, 501));
}

void TestJournal::priorityIsWrittenAtOnce()
{
    const auto run = writer();
    run->append(line(1));
    run->append(escape(2));
    TRY(run->counters().written == 2);
    QCOMPARE(idsOf(stored()), upTo(2));
}

void TestJournal::bulkIsWrittenInTime()
{
    m_options.flushAfter = 20ms;
    const auto run = writer();
    for (qint64 id = 1; id <= 3; ++id) {
        run->append(line(id));
        TRY(run->counters().written == static_cast<quint64>(id));
    }
}

void TestJournal::dropsAreCountedAndPriorityGoesLast()
{
    m_path = m_dir->filePath(QStringLiteral("later/journal.sqlite"));
    m_options.maxPending = 100;
    m_options.retry = kNever; // nothing is under way until it ends
    auto run = writer();
    TRY(m_failures == 1);
    for (qint64 id = 1; id <= 150; ++id)
        run->append(id % 3 == 0 ? escape(id) : line(id));
    QCOMPARE(run->counters().droppedBulk, quint64{50});
    QCOMPARE(run->counters().droppedPriority, quint64{0});
    const auto kept = idsOf(run->last(1'000));
    QCOMPARE(kept.size(), 100);
    for (qint64 id = 3; id <= 150; id += 3)
        QVERIFY(kept.contains(id));
    QCOMPARE(kept.mid(50), upTo(150, 101)); // above the oldest bulk nothing is missing
    for (qint64 id = 151; id <= 260; ++id)
        run->append(escape(id));
    QCOMPARE(run->counters().droppedBulk, quint64{100});
    QCOMPARE(run->counters().droppedPriority, quint64{60});
    QCOMPARE(run->counters().pending, std::size_t{100});
    run->append(line(261));
    QCOMPARE(run->counters().droppedBulk, quint64{101});
    QVERIFY(QDir{m_dir->path()}.mkdir(QStringLiteral("later")));
    run.reset(); // tries once more
    QCOMPARE(idsOf(stored()), upTo(260, 161));
    QCOMPARE(m_failures, 1);
}

void TestJournal::bytesInMemoryAreBounded()
{
    m_path = m_dir->filePath(QStringLiteral("never/journal.sqlite"));
    m_options.maxPendingBytes = 10'000;
    const auto run = writer();
    for (JournalEntry& entry : lines(1, 30, kAt, 1'000))
        run->append(std::move(entry));
    QCOMPARE(idsOf(run->last(100)), upTo(30, 22));
    run->append(line(31, kAt, 20'000)); // more than all of it
    QCOMPARE(run->counters().pending, std::size_t{0});
    QCOMPARE(run->counters().droppedBulk, quint64{31});
}

void TestJournal::aClockThatJumpsWipesNothing()
{
    const auto run = writer();
    qint64 id = 0;
    const auto write = [&] {
        JournalEntry entry = escape(++id);
        entry.at = m_clock.wall();
        run->append(std::move(entry));
        return QTest::qWaitFor([&] { return run->counters().written == static_cast<quint64>(id); }, kPatienceMs);
    };
    for (int hour = 0; hour < 23; ++hour, m_clock.advance(1h))
        QVERIFY(write());
    m_clock.jumpWall(24h);
    QVERIFY(write());
    m_clock.advance(10min);
    QVERIFY(write());
    m_clock.jumpWall(-24h);
    QVERIFY(write());
    QVERIFY(write()); // the step after the last write is over, too
    QCOMPARE(stored().front().id, 1);
    m_clock.jumpWall(24h);
    QVERIFY(write());
    m_clock.advance(SteadyWall::kBelievedAfter); // it stays: then the hours before are more than a day old
    QVERIFY(write());
    TRY(stored().front().id == 24); // the first with a stamp of that day
    QCOMPARE(idsOf(stored()), upTo(id, 24));
}

void TestJournal::aClockThatJumpsBetweenRunsWipesNothing()
{
    writeRun(1, 50);
    m_clock.jumpWall(48h);
    writeRun(1, 1);
    QCOMPARE(idsOf(stored()), upTo(51));
    m_clock.jumpWall(-48h);
    writeRun(1, 1);
    QCOMPARE(idsOf(stored()), upTo(52));
}

void TestJournal::damageUnderTheWriterIsTold()
{
    writeRun(1, 50);
    QFile raw{m_path};
    QVERIFY(raw.open(QIODevice::ReadWrite) && raw.resize(0));
    raw.write(QByteArray(64 * 1024, 'g'));
    raw.close();
    const auto run = writer();
    run->append(escape(1));
    TRY(run->counters().written == 1 && !m_damaged.isEmpty());
    QVERIFY(QFile::exists(m_damaged));
    QCOMPARE(idsOf(run->last(10)), upTo(1));
}

void TestJournal::fault19_killedWhileItWrites()
{
    QProcess child;
    child.setProcessChannelMode(QProcess::ForwardedChannels);
    qint64 before = 0;
    for (int round = 0; round < 3; ++round) {
        child.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--write-for-ever"), m_path});
        QVERIFY(child.waitForStarted());
        const qint64 wanted = before + 2'000;
        TRY(!stored().empty() && stored().back().id >= wanted);
        QCOMPARE(child.state(), QProcess::Running);
        child.kill();
        QVERIFY(child.waitForFinished());
        JournalFile file{m_path, 256 * kMiB};
        OK(file.open());
        QVERIFY(!file.takeSetAside());
        const auto kept = stored();
        before = kept.back().id;
        QVERIFY(before >= wanted);
        QCOMPARE(idsOf(kept), upTo(before)); // whole batches in their order
    }
}

int main(int argc, char** argv)
{
    QCoreApplication application(argc, argv);
    if (argc == 3 && std::strcmp(argv[1], "--write-for-ever") == 0)
        return writeForEver(QString::fromLocal8Bit(argv[2]));
    TestJournal test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_journal.moc"
