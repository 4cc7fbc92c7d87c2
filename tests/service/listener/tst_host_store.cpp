#include "service/listener/host_store.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <thread>

using namespace beacon;

namespace {

WallTime at(qint64 seconds, qint64 micros = 0)
{
    return WallTime{std::chrono::microseconds{seconds * 1'000'000 + micros}};
}

Host host(int number, WallTime seen, QStringList addresses = {})
{
    return {QStringLiteral("02:00:00:00:%1:%2")
                .arg(number / 256, 2, 16, QLatin1Char('0'))
                .arg(number % 256, 2, 16, QLatin1Char('0')),
        std::move(addresses), 1, seen, seen};
}

} // namespace

class TstHostStore : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_dir = std::make_unique<QTemporaryDir>(); }
    void whatIsSeenAgainIsAdded();
    void addressesAreBounded();
    void deletesWhatIsStrictlyOlderAndNoMore();
    void anEmptyStoreIsNoError();
    void aStopIsHonouredBetweenSteps();
    void deletesDoNotStarveInserts();
    void aDamagedFileIsSetAside();

private:
    [[nodiscard]] QString path() const { return m_dir->filePath(QStringLiteral("hosts.db")); }
    std::unique_ptr<QTemporaryDir> m_dir;
};

void TstHostStore::whatIsSeenAgainIsAdded()
{
    HostStore store{path()};
    QVERIFY(store.add({host(1, at(100), {QStringLiteral("192.0.2.1")})}));
    QVERIFY(store.add({host(1, at(200), {QStringLiteral("2001:db8::1")}), host(2, at(150))}));
    const auto hosts = HostStore{path()}.activeSince(at(0), 10); // as another thread would
    QVERIFY(hosts);
    QCOMPARE(hosts->size(), std::size_t{2});
    const Host& first = hosts->front();
    QCOMPARE(first.frames, 2);
    QCOMPARE(first.firstSeen, at(100));
    QCOMPARE(first.lastSeen, at(200));
    QCOMPARE(first.addresses, (QStringList{QStringLiteral("192.0.2.1"), QStringLiteral("2001:db8::1")}));
    QCOMPARE(*store.countSince(at(150)), 2);
    QCOMPARE(*store.countSince(at(150, 1)), 1);
}

void TstHostStore::addressesAreBounded()
{
    HostStore store{path()};
    for (int i = 0; i < 100; ++i)
        QVERIFY(store.add({host(1, at(100 + i), {QStringLiteral("192.0.2.%1").arg(i)})}));
    const auto hosts = store.activeSince(at(0), 10);
    QVERIFY(hosts);
    QCOMPARE(hosts->front().addresses.size(), HostStore::kMostAddresses);
    QCOMPARE(hosts->front().addresses.back(), QStringLiteral("192.0.2.99"));
}

void TstHostStore::deletesWhatIsStrictlyOlderAndNoMore()
{
    HostStore store{path()};
    std::vector<Host> hosts;
    for (int i = 0; i < 1'300; ++i)
        hosts.push_back(host(i, at(100)));
    hosts.push_back(host(2'000, at(200)));
    hosts.push_back(host(2'001, at(199, 999'999)));
    QVERIFY(store.add(hosts));
    const auto result = store.deleteBefore(at(200), {});
    QVERIFY(result);
    QCOMPARE(result->deleted, 1'301);
    QVERIFY(result->complete);
    QCOMPARE(result->oldest, std::optional{at(200)});
    QCOMPARE(*store.countSince(at(0)), 1);
}

void TstHostStore::anEmptyStoreIsNoError()
{
    const auto result = HostStore{path()}.deleteBefore(at(200), {});
    QVERIFY(result);
    QCOMPARE(result->deleted, 0);
    QVERIFY(result->complete && !result->oldest);
}

void TstHostStore::aStopIsHonouredBetweenSteps()
{
    HostStore store{path()};
    QVERIFY(store.add({host(1, at(100))}));
    std::stop_source stop;
    stop.request_stop();
    const auto result = store.deleteBefore(at(200), stop.get_token());
    QVERIFY(result);
    QVERIFY(!result->complete);
    QCOMPARE(result->deleted, 0);
    QCOMPARE(result->oldest, std::optional{at(100)});
}

void TstHostStore::deletesDoNotStarveInserts()
{
    HostStore store{path()};
    std::vector<Host> hosts;
    for (int i = 0; i < 20'000; ++i)
        hosts.push_back(host(i, at(100)));
    QVERIFY(store.add(hosts));
    std::atomic<bool> done = false;
    qint64 deleted = 0;
    std::thread retention{[&] { // as the skeleton's worker does
        if (const auto result = HostStore{path()}.deleteBefore(at(200), {}))
            deleted = result->deleted;
        done = true;
    }};
    int added = 0, failed = 0;
    while (!done || added == 0) {
        ++added;
        QTest::qSleep(1); // a writer, not a hammer
        failed += store.add({host(30'000 + added % 1'000, at(300 + added))}) ? 0 : 1;
    }
    retention.join();
    QCOMPARE(failed, 0);
    QCOMPARE(deleted, 20'000);
    QCOMPARE(*store.countSince(at(0)), std::min(added, 1'000));
}

void TstHostStore::aDamagedFileIsSetAside()
{
    QFile file{path()};
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(QByteArray(8'192, 'x')) == 8'192);
    file.close();
    HostStore store{path()};
    QVERIFY(store.add({host(1, at(100))}));
    QCOMPARE(QDir{m_dir->path()}.entryList({QStringLiteral("*.corrupt-*")}).size(), 1);
}

QTEST_GUILESS_MAIN(TstHostStore)
#include "tst_host_store.moc"
