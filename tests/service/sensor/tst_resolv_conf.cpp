#include "service/sensor/resolv_conf.h"

#include "core/base/resolvers.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <fcntl.h>
#include <sys/stat.h>

using namespace beacon;

class TestResolvConf : public QObject {
    Q_OBJECT

    QTemporaryDir m_dir;
    QString m_file;

    [[nodiscard]] QByteArray text() const
    {
        QFile file{m_file};
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
    }
    [[nodiscard]] struct stat about() const
    {
        struct stat now { };
        ::stat(qPrintable(m_file), &now);
        return now;
    }
    [[nodiscard]] Result<> write(const std::vector<std::string>& resolvers) const
    {
        return writeResolvers(m_file.toStdString(), resolvers);
    }

private Q_SLOTS:
    void init()
    {
        m_file = m_dir.filePath(QStringLiteral("beacon_0"));
        QFile::remove(m_file);
    }
    void programsReadWhatIsWritten()
    {
        QVERIFY(write({"192.0.2.53", "2001:db8::53", "fe80::1%eth0"}));
        const auto read = readResolvers(m_file.toStdString());
        QCOMPARE(read.size(), 3U);
        QCOMPARE(read[0].text(), std::string{"192.0.2.53"});
        QCOMPARE(about().st_mode & 07777, mode_t{0644});
    }
    void theFileStaysTheSame()
    {
        QVERIFY(write({"192.0.2.53", "192.0.2.54", "192.0.2.55"}));
        const auto before = about();
        QVERIFY(write({"192.0.2.1"}));
        QCOMPARE(about().st_ino, before.st_ino);
        QVERIFY(!text().contains("192.0.2.5"));
        QVERIFY(write({}));
        QCOMPARE(about().st_ino, before.st_ino);
        QCOMPARE(readResolvers(m_file.toStdString()).size(), 0U);
    }
    void nothingIsWrittenWhereItStandsSo()
    {
        QVERIFY(write({"192.0.2.53"}));
        const timespec past[2] = {{1'000, 0}, {1'000, 0}};
        QCOMPARE(::utimensat(AT_FDCWD, qPrintable(m_file), past, 0), 0);
        QVERIFY(write({"192.0.2.53"}));
        QCOMPARE(about().st_mtim.tv_sec, 1'000);
        QVERIFY(write({"192.0.2.5"})); // the beginning of what stands there
        QVERIFY(about().st_mtim.tv_sec != 1'000);
    }
    void beyondThreeTheyAreNamedOnly()
    {
        std::vector<std::string> many;
        for (int i = 1; i <= 40; ++i)
            many.push_back("192.0.2." + std::to_string(i));
        QVERIFY(write(many));
        QCOMPARE(readResolvers(m_file.toStdString()).size(), 3U);
        QVERIFY(text().contains("\n# one more than programs take: nameserver 192.0.2.4\n"));
        QVERIFY(text().size() < 1'024);
    }
    void everybodyMayReadItAgain()
    {
        QVERIFY(write({"192.0.2.53"}));
        QCOMPARE(::chmod(qPrintable(m_file), 0600), 0);
        QVERIFY(write({"192.0.2.53"}));
        QCOMPARE(about().st_mode & 07777, mode_t{0644});
    }
    void whatIsNoAddressIsRefused_data()
    {
        QTest::addColumn<QByteArray>("resolver");
        QTest::newRow("a name") << QByteArray{"dns.example"};
        QTest::newRow("a second line") << QByteArray{"192.0.2.53\noptions edns0"};
        QTest::newRow("a second line in the zone") << QByteArray{"fe80::1%eth0\noptions edns0"};
        QTest::newRow("an empty zone") << QByteArray{"fe80::1%"};
        QTest::newRow("nothing") << QByteArray{};
    }
    void whatIsNoAddressIsRefused()
    {
        QFETCH(QByteArray, resolver);
        QVERIFY(write({"192.0.2.53"}));
        const QByteArray before = text();
        const auto written = write({"192.0.2.54", resolver.toStdString()});
        QVERIFY(!written);
        QCOMPARE(written.error().code, Errc::BadInput);
        QCOMPARE(text(), before);
    }
    void anotherKindOfFileIsRefused()
    {
        QCOMPARE(::mkfifo(qPrintable(m_file), 0600), 0);
        QVERIFY(!write({"192.0.2.53"}));
        QVERIFY(QFile::remove(m_file));
        const QString target = m_dir.filePath(QStringLiteral("shadow"));
        QVERIFY(QFile::link(target, m_file));
        QVERIFY(!write({"192.0.2.53"}));
        QVERIFY(!QFile::exists(target));
        QCOMPARE(
            writeResolvers(m_dir.filePath(QStringLiteral("no/folder")).toStdString(), {}).error().code, Errc::NotFound);
    }
};

QTEST_GUILESS_MAIN(TestResolvConf)
#include "tst_resolv_conf.moc"
