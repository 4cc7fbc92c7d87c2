#include "core/store/spool.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;

namespace {

Spool::Entry entry(qint64 id, bool bulk = false, qsizetype bytes = 100)
{
    return {id, bulk, QByteArray::number(id).leftJustified(bytes)};
}

std::vector<qint64> idsOf(const Result<std::vector<Spool::Entry>>& entries)
{
    std::vector<qint64> ids;
    if (entries)
        for (const Spool::Entry& each : *entries)
            ids.push_back(each.id);
    return ids;
}

using Ids = std::vector<qint64>;

} // namespace

class TstSpool : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_dir = std::make_unique<QTemporaryDir>(); }
    void lanesKeepTheirOrderAlsoAfterReopening();
    void idsAreNeverGivenTwice();
    void overTheRowsTheOldestBulkGoesFirst();
    void overTheBytesTheOldestGo();
    void aDamagedFileIsSetAside();
    void aPlaceThatCannotBeWrittenIsAnErrorAndMends();

private:
    [[nodiscard]] QString path() const { return m_dir->filePath(QStringLiteral("spool.db")); }
    std::unique_ptr<QTemporaryDir> m_dir;
};

void TstSpool::lanesKeepTheirOrderAlsoAfterReopening()
{
    QVERIFY(Spool{path()}.write({entry(1), entry(2, true), entry(3), entry(4, true)}));
    Spool spool{path()};
    QCOMPARE(idsOf(spool.read(false, 0, 10)), (Ids{1, 3}));
    QCOMPARE(idsOf(spool.read(true, 0, 10)), (Ids{2, 4}));
    QCOMPARE(idsOf(spool.read(true, 2, 10)), (Ids{4}));
    QCOMPARE(idsOf(spool.read(false, 0, 1)), (Ids{1}));
    QVERIFY(spool.remove({1, 4}));
    QCOMPARE(*spool.count(false), 1);
    QCOMPARE(*spool.count(true), 1);
}

void TstSpool::idsAreNeverGivenTwice()
{
    {
        Spool spool{path()};
        QCOMPARE(*spool.lastId(), 0);
        QVERIFY(spool.write({entry(7)}));
        QVERIFY(spool.remove({7}));
    }
    QCOMPARE(*Spool{path()}.lastId(), 7);
}

void TstSpool::overTheRowsTheOldestBulkGoesFirst()
{
    Spool::Options options;
    options.maxRows = 4;
    Spool spool{path(), options};
    QVERIFY(spool.write({entry(1), entry(2, true), entry(3, true), entry(4)}));
    QCOMPARE(*spool.write({entry(5)}), (Ids{2}));
    QCOMPARE(*spool.write({entry(6), entry(7)}), (Ids{3, 1})); // no bulk is left: then the oldest of the rest
    QCOMPARE(idsOf(spool.read(false, 0, 10)), (Ids{4, 5, 6, 7}));
    QVERIFY(spool.remove({4, 5}));
    QVERIFY(spool.write({entry(8), entry(9)})->empty()); // what was removed has made room
}

void TstSpool::overTheBytesTheOldestGo()
{
    Spool::Options options;
    options.maxBytes = 1'000;
    Spool spool{path(), options};
    QVERIFY(spool.write({entry(1, false, 400), entry(2, false, 400)})->empty());
    QCOMPARE(*spool.write({entry(3, false, 700)}), (Ids{1, 2}));
}

void TstSpool::aDamagedFileIsSetAside()
{
    QFile file{path()};
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(QByteArray(8'192, 'x')) == 8'192);
    file.close();
    Spool spool{path()};
    QVERIFY(spool.write({entry(1)}));
    QCOMPARE(QDir{m_dir->path()}.entryList({QStringLiteral("*.corrupt-*")}).size(), 1);
}

void TstSpool::aPlaceThatCannotBeWrittenIsAnErrorAndMends()
{
    QFile inTheWay{m_dir->filePath(QStringLiteral("sub"))};
    QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    inTheWay.close();
    Spool spool{m_dir->filePath(QStringLiteral("sub/spool.db"))};
    QVERIFY(!spool.write({entry(1)}));
    QVERIFY(!spool.lastId());
    QVERIFY(inTheWay.remove());
    QVERIFY(QDir{m_dir->path()}.mkdir(QStringLiteral("sub")));
    QVERIFY(spool.write({entry(1)}));
    QCOMPARE(*spool.lastId(), 1);
}

QTEST_GUILESS_MAIN(TstSpool)
#include "tst_spool.moc"
