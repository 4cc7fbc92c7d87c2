#include "core/store/database.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <sys/stat.h>

using namespace beacon;

namespace {

constexpr std::array kV1{"CREATE TABLE t(a INTEGER, b TEXT)"};
constexpr std::array kV2{
    "CREATE TABLE t(a INTEGER, b TEXT)", "ALTER TABLE t ADD COLUMN c TEXT; CREATE INDEX t_a ON t(a)"};

mode_t modeOf(const QString& path)
{
    struct stat status { };
    return ::stat(QFile::encodeName(path).constData(), &status) == 0 ? status.st_mode & 0777 : 0;
}

} // namespace

class TestDatabase : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_path = m_dir->filePath(QStringLiteral("x.db"));
    }

    void theFileIsForTheOwnerOnly()
    {
        QFile existing{m_path};
        QVERIFY(existing.open(QIODevice::WriteOnly));
        existing.close();
        QVERIFY(existing.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ReadGroup | QFile::ReadOther));
        const auto database = Database::open(m_path, kV1, {});
        QVERIFY(database);
        QVERIFY((*database)->run(QStringLiteral("INSERT INTO t VALUES(1, 'x')")));
        QCOMPARE(modeOf(m_path), mode_t{0600});
        QCOMPARE(modeOf(m_path + QStringLiteral("-wal")), mode_t{0600});
    }

    void migrationsRunOnceAndInOrder()
    {
        {
            const auto first = Database::open(m_path, kV1, {});
            QVERIFY(first);
            QVERIFY((*first)->run(QStringLiteral("INSERT INTO t(a, b) VALUES(?, ?)"), {7, QStringLiteral("seven")}));
        }
        for (int i = 0; i < 2; ++i) {
            const auto second = Database::open(m_path, kV2, {});
            QVERIFY2(second, second ? "" : describe(second.error()).c_str());
            const auto rows = (*second)->select(QStringLiteral("SELECT a, b, c FROM t"));
            QVERIFY(rows);
            QCOMPARE(rows->size(), std::size_t{1});
            QCOMPARE(rows->front().at(1).toString(), QStringLiteral("seven"));
            QCOMPARE(rows->front().size(), 3);
        }
        const auto older = Database::open(m_path, kV1, {});
        QVERIFY(!older);
        QCOMPARE(older.error().code, Errc::Unsupported);
    }

    void aFailedTransactionLeavesNothing()
    {
        const auto database = Database::open(m_path, kV1, {});
        QVERIFY(database);
        const auto failed = (*database)->transaction([&]() -> Result<> {
            if (auto ok = (*database)->run(QStringLiteral("INSERT INTO t VALUES(1, 'x')")); !ok)
                return ok;
            return Error{Errc::BadInput, 0, "no"};
        });
        QVERIFY(!failed);
        QCOMPARE((*database)->select(QStringLiteral("SELECT count(*) FROM t"))->front().at(0).toInt(), 0);
        QVERIFY(
            (*database)->transaction([&] { return (*database)->run(QStringLiteral("INSERT INTO t VALUES(1, 'x')")); }));
        QCOMPARE((*database)->select(QStringLiteral("SELECT count(*) FROM t"))->front().at(0).toInt(), 1);
    }

    void aLockedFileIsBusyAndThenFree()
    {
        const auto holder = Database::open(m_path, kV1, {});
        const auto other = Database::open(m_path, kV1, {.busyTimeout = std::chrono::milliseconds{10}});
        QVERIFY(holder && other);
        QVERIFY((*holder)->run(QStringLiteral("BEGIN EXCLUSIVE")));
        const auto refused = (*other)->run(QStringLiteral("INSERT INTO t VALUES(1, 'x')"));
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, Errc::Busy);
        QVERIFY((*holder)->run(QStringLiteral("COMMIT")));
        QVERIFY((*other)->run(QStringLiteral("INSERT INTO t VALUES(1, 'x')")));
    }

    void aFullFileIsTooLargeAndStillReads()
    {
        const auto database = Database::open(m_path, kV1, {.maxBytes = 128 * 1024});
        QVERIFY(database);
        Result<> last;
        int rows = 0;
        while (last && rows < 1'000) {
            last = (*database)->run(QStringLiteral("INSERT INTO t VALUES(1, ?)"), {QString(4'000, QLatin1Char('x'))});
            rows += last ? 1 : 0;
        }
        QVERIFY(!last);
        QCOMPARE(last.error().code, Errc::TooLarge);
        QCOMPARE((*database)->select(QStringLiteral("SELECT count(*) FROM t"))->front().at(0).toInt(), rows);
    }

    void damageIsSetAside_data()
    {
        QTest::addColumn<bool>("garbage");
        QTest::addColumn<bool>("readOnly");
        QTest::newRow("a file that is no database is renamed and a new one is begun") << true << false;
        QTest::newRow("a damaged page is found at opening") << false << false;
        QTest::newRow("a reader leaves a file that is no database where it is") << true << true;
    }
    void damageIsSetAside()
    {
        QFETCH(bool, garbage);
        QFETCH(bool, readOnly);
        if (garbage) {
            QFile file{m_path};
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(QByteArray(8'192, 'g'));
        } else {
            {
                const auto database = Database::open(m_path, kV1, {});
                for (int i = 0; i < 100; ++i)
                    QVERIFY((*database)->run(
                        QStringLiteral("INSERT INTO t VALUES(1, ?)"), {QString(1'000, QLatin1Char('x'))}));
            }
            QFile file{m_path};
            QVERIFY(file.open(QIODevice::ReadWrite));
            QVERIFY(file.seek(4'096));
            file.write(QByteArray(8'192, 'g'));
        }
        const auto database = Database::open(m_path, kV1, {.readOnly = readOnly});
        if (readOnly) {
            QVERIFY(!database);
            QCOMPARE(database.error().code, Errc::Corrupt);
            QVERIFY(QFile::exists(m_path));
            return;
        }
        QVERIFY2(database, database ? "" : describe(database.error()).c_str());
        QVERIFY((*database)->setAside());
        QVERIFY(QFile::exists(*(*database)->setAside()));
        QCOMPARE((*database)->select(QStringLiteral("SELECT count(*) FROM t"))->front().at(0).toInt(), 0);
    }

    void aReaderSeesWhatAWriterCommits()
    {
        const auto writer = Database::open(m_path, kV1, {});
        const auto reader = Database::open(m_path, kV1, {.readOnly = true});
        QVERIFY(writer && reader);
        QVERIFY((*writer)->runMany(
            QStringLiteral("INSERT INTO t VALUES(?, ?)"), {{1, QStringLiteral("a")}, {2, QStringLiteral("b")}}));
        QCOMPARE((*reader)->select(QStringLiteral("SELECT a FROM t"))->size(), std::size_t{2});
        QCOMPARE((*reader)->run(QStringLiteral("INSERT INTO t VALUES(1, 'x')")).error().code, Errc::Denied);
    }

    void whatCannotBeOpenedIsSaid_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<bool>("readOnly");
        QTest::newRow("a folder that is not there") << QStringLiteral("no/such/x.db") << false;
        QTest::newRow("a folder in place of the file") << QStringLiteral(".") << false;
        QTest::newRow("a reader without a file") << QStringLiteral("none.db") << true;
    }
    void whatCannotBeOpenedIsSaid()
    {
        QFETCH(QString, name);
        QFETCH(bool, readOnly);
        const auto database = Database::open(m_dir->filePath(name), kV1, {.readOnly = readOnly});
        QVERIFY(!database);
        QVERIFY(describe(database.error()).find("open ") != std::string::npos);
    }

private:
    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_path;
};

QTEST_GUILESS_MAIN(TestDatabase)
#include "tst_database.moc"
