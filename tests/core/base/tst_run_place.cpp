#include "core/base/run_place.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

using namespace beacon;

class TestRunPlace : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aLockIsHeldOnceAndFreedWithItsDescriptor();
    void aLinkInPlaceOfTheLockIsRefused();
    void aPrivateFileIsReplacedWhole();
    void directoriesAreMadeWithWhatIsAboveThem();

private:
    [[nodiscard]] std::string path(const char* name) const
    {
        return m_dir.filePath(QString::fromLatin1(name)).toStdString();
    }
    QTemporaryDir m_dir;
};

void TestRunPlace::aLockIsHeldOnceAndFreedWithItsDescriptor()
{
    auto first = takeLock(path("lock"));
    QVERIFY(first);
    const auto second = takeLock(path("lock"));
    QVERIFY(!second);
    QCOMPARE(second.error().code, Errc::Busy);
    QCOMPARE(exitCode(second.error()), 75);
    first->reset();
    QVERIFY(takeLock(path("lock")));
}

void TestRunPlace::aLinkInPlaceOfTheLockIsRefused()
{
    QVERIFY(QFile::link(QString::fromStdString(path("victim")), QString::fromStdString(path("link"))));
    QVERIFY(!takeLock(path("link")));
    QVERIFY(!QFile::exists(QString::fromStdString(path("victim"))));
}

void TestRunPlace::aPrivateFileIsReplacedWhole()
{
    const QString name = QString::fromStdString(path("private"));
    QFile left(name + QStringLiteral(".new")); // by a process that was killed
    QVERIFY(left.open(QIODevice::WriteOnly));
    for (const char* text : {"a long text", "short", ""}) {
        QVERIFY(writePrivateFile(path("private"), text));
        QFile file(name);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), QByteArray(text));
        struct stat status { };
        QCOMPARE(::stat(path("private").c_str(), &status), 0);
        QCOMPARE(status.st_mode & 07777, mode_t{0600});
    }
    QVERIFY(!QFile::exists(name + QStringLiteral(".new")));
}

void TestRunPlace::directoriesAreMadeWithWhatIsAboveThem()
{
    QVERIFY(makeDirectories(path("a/b/c")));
    QVERIFY(makeDirectories(path("a/b/c")));
    QVERIFY(!makeDirectories("/proc/version/below"));
}

QTEST_GUILESS_MAIN(TestRunPlace)
#include "tst_run_place.moc"
