#include "core/store/event_log.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <array>

using namespace beacon;

namespace {

const WallTime kAt{std::chrono::seconds{1'764'000'000}};
const QString kType = QStringLiteral("instruments.beacon.health");
constexpr std::array kNone{""}; // user_version 1 without a table of ours

} // namespace

class TestEventLog : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_path = m_dir->filePath(QStringLiteral("events.db"));
    }

    void whatWasAppendedIsReadBackAfterARestart()
    {
        qint64 second = 0;
        {
            EventLog log{m_path};
            QCOMPARE(*log.append(kAt, kType, "{\"a\":1}"), 1);
            second = *log.append(kAt + std::chrono::seconds{1}, kType, "{\"a\":2}");
        }
        EventLog log{m_path};
        const auto events = log.since(0);
        QVERIFY(events);
        QCOMPARE(events->size(), std::size_t{2});
        QCOMPARE(events->at(1).seq, second);
        QCOMPARE(events->at(1).json, QByteArray("{\"a\":2}"));
        QCOMPARE(events->at(1).type, kType);
        QVERIFY(events->at(0).at == kAt);
        QCOMPARE(log.since(second)->size(), std::size_t{0});
        QCOMPARE(log.since(0, 1)->size(), std::size_t{1});
        QCOMPARE(*log.append(kAt, kType, "{}"), second + 1);
        QCOMPARE(*log.lastSeq(), second + 1);
    }

    void theOldestGoFirst()
    {
        EventLog log{m_path, {.maxRows = 32}};
        for (int i = 1; i <= 500; ++i)
            QCOMPARE(*log.append(kAt, kType, QByteArray::number(i)), i);
        QVERIFY(*log.count() <= 34);
        QVERIFY(*log.count() >= 32);
        QCOMPARE(log.since(0)->back().json, QByteArray("500"));
    }

    void aFullFileMakesRoom()
    {
        EventLog log{m_path, {.maxRows = 1'000'000, .maxBytes = 256 * 1024}};
        for (int i = 1; i <= 300; ++i) {
            const auto seq = log.append(kAt, kType, QByteArray(4'000, 'x'));
            QVERIFY2(seq, seq ? "" : describe(seq.error()).c_str());
            QCOMPARE(*seq, i);
        }
        QVERIFY(*log.count() > 5);
        QCOMPARE(log.since(299)->size(), std::size_t{1});
    }

    void aLockedFileIsAnErrorAndThenGoesOn()
    {
        EventLog log{m_path, {.busyTimeout = std::chrono::milliseconds{10}}};
        QVERIFY(log.append(kAt, kType, "{}"));
        const auto holder = Database::open(m_path, kNone, {});
        QVERIFY(holder);
        QVERIFY((*holder)->run(QStringLiteral("BEGIN EXCLUSIVE")));
        const auto refused = log.append(kAt, kType, "{}");
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, Errc::Busy);
        QVERIFY((*holder)->run(QStringLiteral("COMMIT")));
        QCOMPARE(*log.append(kAt, kType, "{}"), 2);
    }

    void aFileThatIsNotThereYetIsAnErrorAndThenGoesOn()
    {
        EventLog log{m_dir->filePath(QStringLiteral("later/events.db"))};
        QVERIFY(log.lastOpenError());
        QVERIFY(!log.append(kAt, kType, "{}"));
        QVERIFY(QDir{m_dir->path()}.mkdir(QStringLiteral("later")));
        QVERIFY(log.append(kAt, kType, "{}"));
        QVERIFY(!log.lastOpenError());
    }

    void damageIsSetAside_data()
    {
        QTest::addColumn<bool>("whileOpen");
        QTest::newRow("found at opening") << false;
        QTest::newRow("found while it is in use") << true;
    }
    void damageIsSetAside()
    {
        QFETCH(bool, whileOpen);
        auto log = std::make_unique<EventLog>(m_path, EventLog::Options{.maxRows = 100});
        for (int i = 0; i < 100; ++i)
            QVERIFY(log->append(kAt, kType, QByteArray(1'000, 'x')));
        if (whileOpen) {
            // Another connection makes the schema point at a page that is not there, and tells everybody to read it
            // again.
            const auto vandal = Database::open(m_path, kNone, {});
            QVERIFY(vandal);
            for (const QString& sql : {QStringLiteral("PRAGMA writable_schema=ON"),
                     QStringLiteral("UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'event'"),
                     QStringLiteral("PRAGMA schema_version=1234")})
                QVERIFY((*vandal)->run(sql));
        } else {
            log.reset();
            QFile file{m_path};
            QVERIFY(file.open(QIODevice::ReadWrite));
            QVERIFY(file.resize(0));
            file.write(QByteArray(64 * 1024, 'g'));
            file.close();
            log = std::make_unique<EventLog>(m_path);
        }
        bool appended = false;
        for (int i = 0; i < 3 && !appended; ++i)
            appended = static_cast<bool>(log->append(kAt, kType, "{}"));
        QVERIFY(appended);
        QVERIFY(log->setAside());
        QVERIFY(QFile::exists(*log->setAside()));
        QCOMPARE(*log->count(), 1);
    }

private:
    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_path;
};

QTEST_GUILESS_MAIN(TestEventLog)
#include "tst_event_log.moc"
