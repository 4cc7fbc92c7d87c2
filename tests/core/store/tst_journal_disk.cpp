// Fault 67, the journal's part: its disk is full, may only be read, or is not there; each on a file system of its own.

#include "core/store/journal_writer.h"

#include <QCoreApplication>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <cstdio>
#include <cstring>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

constexpr int kPatienceMs = 20'000;

JournalEntry entry(qint64 id, bool priority = true)
{
    JournalEntry made;
    made.id = id;
    made.at = ManualClock{}.wall();
    made.priority = priority;
    made.json = QByteArray(200, 'x');
    return made;
}

} // namespace

#define TRY(condition) QTRY_VERIFY_WITH_TIMEOUT(condition, kPatienceMs)

class TestJournalDisk : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_failures.clear();
        m_recoveries.clear();
        QCOMPARE(::mount("tmpfs", place().constData(), "tmpfs", 0, "size=512k"), 0);
    }
    void cleanup()
    {
        m_writer.reset();
        ::umount2(place().constData(), MNT_DETACH);
    }

    void fault67_journalDiskFull();
    void fault67_journalDiskFullFromTheBeginning();
    void fault67_journalDiskReadOnly();

private:
    [[nodiscard]] QByteArray place() const { return m_dir->path().toLocal8Bit(); }
    void fill()
    {
        m_filler.setFileName(m_dir->filePath(QStringLiteral("filler")));
        QVERIFY(m_filler.open(QIODevice::WriteOnly | QIODevice::Unbuffered));
        while (m_filler.write(QByteArray(4'096, 'x')) == 4'096) { }
    }
    void begin()
    {
        JournalWriter::Options options;
        options.maxPending = 100;
        options.retry = 10ms;
        m_writer = std::make_unique<JournalWriter>(m_dir->filePath(QStringLiteral("j.sqlite")), m_clock, options);
        connect(m_writer.get(), &JournalWriter::failed, this, [this](const Error& error) { m_failures << error.code; });
        connect(m_writer.get(), &JournalWriter::recovered, this, [this](quint64 dropped) { m_recoveries << dropped; });
        m_writer->start();
    }
    [[nodiscard]] QList<qint64> ids() const
    {
        QList<qint64> all;
        for (const JournalEntry& each : m_writer->last(10'000))
            all << each.id;
        return all;
    }

    std::unique_ptr<QTemporaryDir> m_dir;
    QFile m_filler;
    ManualClock m_clock;
    std::unique_ptr<JournalWriter> m_writer;
    QList<Errc> m_failures;
    QList<quint64> m_recoveries;
};

void TestJournalDisk::fault67_journalDiskFull()
{
    begin();
    m_writer->append(entry(1));
    TRY(m_writer->counters().written == 1);
    fill();
    qint64 id = 1;
    while (m_failures.isEmpty() && id < 100'000) {
        m_writer->append(entry(++id));
        if (id % 50 == 0)
            QTest::qWait(1);
    }
    QCOMPARE(m_failures, QList<Errc>{Errc::TooLarge});
    const quint64 before = m_writer->counters().written;
    for (int i = 0; i < 500; ++i)
        m_writer->append(entry(++id));
    QTest::qWait(100); // some retries
    QCOMPARE(m_writer->counters().pending, std::size_t{100});
    QCOMPARE(m_writer->counters().written, before);
    QCOMPARE(m_failures.size(), 1);
    QCOMPARE(m_recoveries.size(), 0);
    QCOMPARE(ids().last(), id); // and reading goes on
    m_filler.remove();
    TRY(m_recoveries.size() == 1);
    QVERIFY(m_recoveries.first() >= 400);
    const auto counters = m_writer->counters();
    QCOMPARE(counters.pending, std::size_t{0});
    QCOMPARE(counters.written + counters.dropped(), static_cast<quint64>(id)); // each is written or counted
    QCOMPARE(static_cast<quint64>(ids().size()), counters.written);
    QCOMPARE(m_failures.size(), 1);
}

void TestJournalDisk::fault67_journalDiskFullFromTheBeginning()
{
    fill();
    begin();
    TRY(m_failures.size() == 1);
    m_writer->append(entry(1));
    m_writer->append(entry(2, false));
    QCOMPARE(ids(), (QList<qint64>{1, 2}));
    m_filler.remove();
    TRY(m_recoveries == QList<quint64>{0});
    QCOMPARE(m_writer->counters().written, quint64{2});
    QCOMPARE(ids(), (QList<qint64>{1, 2}));
}

void TestJournalDisk::fault67_journalDiskReadOnly()
{
    begin();
    m_writer->append(entry(1));
    TRY(m_writer->counters().written == 1);
    m_writer.reset();
    QCOMPARE(::mount("tmpfs", place().constData(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=512k"), 0);
    begin();
    TRY(m_failures.size() == 1);
    m_writer->append(entry(1));
    QCOMPARE(m_writer->between(0, 10, 10).size(), std::size_t{1});
    QCOMPARE(::mount("tmpfs", place().constData(), "tmpfs", MS_REMOUNT, "size=512k"), 0);
    TRY(m_recoveries == QList<quint64>{0});
    QCOMPARE(ids(), (QList<qint64>{1, 2}));
}

int main(int argc, char** argv)
{
    const bool isRoot = ::geteuid() == 0;
    if (::unshare(isRoot ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0
        || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        std::fprintf(stderr, "skipped: no mount namespace can be made: %s\n", std::strerror(errno));
        return 77;
    }
    QCoreApplication application(argc, argv);
    TestJournalDisk test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_journal_disk.moc"
