#include "service/sensor/cgroup.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <unistd.h>

using namespace beacon;

namespace {

void write(const QString& path, const QByteArray& text)
{
    QVERIFY(QDir{}.mkpath(path.section(QLatin1Char('/'), 0, -2)));
    QFile file{path};
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(text);
}

QByteArray read(const QString& path)
{
    QFile file{path};
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
}

} // namespace

/// On a tree of plain files that has the shape of the kernel's: whether a host shares out controllers is not ours to
/// say. The kernel's part is its own.
class TestCgroup : public QObject {
    Q_OBJECT
    QTemporaryDir m_dir;
    QString m_proc, m_tree;

    void makeHost(const QByteArray& own, const QByteArray& controllers, const QString& group)
    {
        m_proc = m_dir.filePath(QStringLiteral("proc"));
        m_tree = m_dir.filePath(QStringLiteral("cgroup"));
        QDir{m_dir.path()}.removeRecursively();
        write(m_proc + QStringLiteral("/mountinfo"),
            "20 1 0:19 / /proc rw - proc proc rw\n41 31 0:38 / " + m_tree.toUtf8()
                + " rw,relatime - cgroup2 cgroup2 rw\n");
        write(m_proc + QStringLiteral("/cgroup"), "8:pids:/elsewhere\n0::" + own + "\n");
        write(m_tree + group + QStringLiteral("/cgroup.controllers"), controllers);
        write(m_tree + group + QStringLiteral("/cgroup.subtree_control"), {});
    }

private Q_SLOTS:
    void withoutControllersThereIsNoneAndItSaysWhy()
    {
        makeHost("/", "", {});
        const auto cgroup = Cgroup::open(m_proc.toStdString());
        QVERIFY(!cgroup);
        QCOMPARE(cgroup.error().code, Errc::Unsupported);
        QVERIFY(describe(cgroup.error()).find("memory and pids") != std::string::npos);
    }

    void withoutAMountThereIsNone()
    {
        makeHost("/", "memory pids", {});
        write(m_proc + QStringLiteral("/mountinfo"), "20 1 0:19 / /proc rw - proc proc rw\n");
        QCOMPARE(Cgroup::open(m_proc.toStdString()).error().code, Errc::Unsupported);
    }

    void aProcessMovesIntoALeafBeforeItSharesOut()
    {
        makeHost("/system.slice/sensord.service", "cpu memory pids", QStringLiteral("/system.slice/sensord.service"));
        const QString own = m_tree + QStringLiteral("/system.slice/sensord.service");
        write(own + QStringLiteral("/sensord.self/cgroup.procs"), {}); // the kernel makes it with the group
        const auto cgroup = Cgroup::open(m_proc.toStdString());
        QVERIFY2(cgroup, describe(cgroup ? Error{} : cgroup.error()).c_str());
        QCOMPARE(read(own + QStringLiteral("/sensord.self/cgroup.procs")), QByteArray::number(::getpid()));
        QCOMPARE(read(own + QStringLiteral("/cgroup.subtree_control")), QByteArray{"+memory +pids"});

        write(own + QStringLiteral("/beacon_0/memory.max"), {});
        write(own + QStringLiteral("/beacon_0/pids.max"), {});
        const auto made = cgroup->make("beacon_0", {.memoryBytes = 1'048'576, .processes = 0});
        QVERIFY(made);
        QCOMPARE(QString::fromStdString(*made), own + QStringLiteral("/beacon_0"));
        QCOMPARE(read(own + QStringLiteral("/beacon_0/memory.max")), QByteArray{"1048576"});
        QCOMPARE(read(own + QStringLiteral("/beacon_0/pids.max")), QByteArray{"max"});
    }

    void anEarlierLifeInTheLeafIsTheSamePlace()
    {
        makeHost("/s/sensord.self", "memory pids", QStringLiteral("/s"));
        write(m_tree + QStringLiteral("/s/sensord.self/cgroup.procs"), {});
        QVERIFY(Cgroup::open(m_proc.toStdString()));
    }

    void aNameAlikeIsNotALeafOfOurs()
    {
        makeHost("/s/sensord", "memory pids", QStringLiteral("/s/sensord"));
        write(m_tree + QStringLiteral("/s/sensord/sensord.self/cgroup.procs"), {});
        QVERIFY(Cgroup::open(m_proc.toStdString()));
    }
};

QTEST_GUILESS_MAIN(TestCgroup)
#include "tst_cgroup.moc"
