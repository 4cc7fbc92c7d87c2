#include "service/sensor/documents.h"

#include <QCoreApplication>
#include <QFile>
#include <QJsonArray>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// SQLite's ways to the disk lead through here, so that a child can be killed at each of them.
namespace {
int g_stepsLeft = -1; // NOLINT: below zero nobody counts
void countStep()
{
    if (g_stepsLeft >= 0 && g_stepsLeft-- == 0)
        ::kill(::getpid(), SIGKILL);
}
} // namespace

extern "C" {
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at)
{
    countStep();
    return ::syscall(SYS_pwrite64, fd, bytes, size, at);
}
int fdatasync(int /*fd*/)
{
    countStep();
    return 0; // a kill takes nothing from the kernel; power is not lost here
}
}

using namespace beacon;
using State = ConfigVersion::State;

namespace {

const QString kTarget = QStringLiteral("beacon_0"); // NOLINT(cert-err58-cpp)
const QString kWho = QStringLiteral("anna"); // NOLINT(cert-err58-cpp)

QJsonObject config(int n)
{
    return {{QStringLiteral("n"), n}};
}

/// What the child does: a change that is taken, then one that is refused.
int torment(const QString& path, int steps)
{
    const SystemClock clock;
    const auto documents = Documents::open(path, clock);
    if (!documents)
        return 1;
    g_stepsLeft = steps;
    Documents& store = **documents;
    const bool done = store.propose(kTarget, config(2), 1, kWho, {}) && store.accept(kTarget, 2)
        && store.propose(kTarget, config(3), 2, kWho, {})
        && store.reject(kTarget, 3, {{QStringLiteral("/n"), QStringLiteral("is wrong")}})
        && store.forget(QStringLiteral("listener_0"));
    return done ? 0 : 1;
}

} // namespace

class TestDocuments : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_path = m_dir->filePath(QStringLiteral("sensor.db"));
        reopen();
    }

    void aNewOneWaitsAndIsDesiredUntilItIsAccepted()
    {
        QVERIFY(!desired());
        const ConfigVersion first = saved(1, 0);
        QCOMPARE(first.version, 1);
        QCOMPARE(first.state, State::Waiting);
        QCOMPARE(first.who, kWho);
        QCOMPARE(first.at, m_clock.wall());
        QVERIFY(isUuid7(first.uuid));
        QCOMPARE(first.changed, QStringList{QStringLiteral("n")});
        QVERIFY(!current());
        QCOMPARE(desired()->version, 1);
        QVERIFY(m_documents->accept(kTarget, 1));
        QCOMPARE(current()->version, 1);
        QCOMPARE(current()->uuid, first.uuid);
        QVERIFY(m_documents->accept(kTarget, 1)); // said twice
        saved(2, 1);
        QCOMPARE(current()->version, 1);
        QCOMPARE(desired()->version, 2);
        QVERIFY(m_documents->accept(kTarget, 2));
        QCOMPARE(current()->version, 2);
        QCOMPARE(stateOf(1), State::Superseded);
        QCOMPARE((*m_documents->before(kTarget))->version, 1);
    }

    void whatIsKeptIsStillThereAfterARestart()
    {
        saved(1, 0, QStringLiteral("because\nof \x1b[31m it"));
        QVERIFY(m_documents->accept(kTarget, 1));
        const ConfigVersion before = *current();
        reopen();
        const ConfigVersion after = *current();
        QCOMPARE(after.uuid, before.uuid);
        QCOMPARE(after.config, config(1));
        QCOMPARE(after.at, before.at);
        QCOMPARE(after.why, QStringLiteral("because of  [31m it"));
        QCOMPARE(after.changed, before.changed);
        struct stat status { };
        QCOMPARE(::stat(QFile::encodeName(m_path).constData(), &status), 0);
        QCOMPARE(status.st_mode & 0777, mode_t{0600});
    }

    void aStaleBaseIsRefusedWithWhoAndWhen_data()
    {
        QTest::addColumn<qint64>("base");
        QTest::addColumn<bool>("refused");
        QTest::newRow("the newest is no stale base") << qint64{3} << false;
        QTest::newRow("none given takes the newest") << qint64{-1} << false;
        QTest::newRow("the one in force is stale where a newer one waits") << qint64{2} << true;
        QTest::newRow("an old one is stale") << qint64{1} << true;
        QTest::newRow("nothing is stale where there is something") << qint64{0} << true;
        QTest::newRow("one that never was is stale, too") << qint64{9} << true;
        QTest::newRow("a refused one is stale") << qint64{4} << true;
    }
    void aStaleBaseIsRefusedWithWhoAndWhen()
    {
        QFETCH(qint64, base);
        QFETCH(bool, refused);
        saved(1, 0);
        saved(2, 1);
        QVERIFY(m_documents->accept(kTarget, 2));
        saved(3, 2);
        saved(4, 3);
        QVERIFY(m_documents->reject(kTarget, 4, {}));
        const auto given = base < 0 ? std::nullopt : std::optional{base};
        const auto proposed = m_documents->propose(kTarget, config(5), given, QStringLiteral("bob"), {});
        QCOMPARE(!proposed, refused);
        if (!refused)
            return;
        QCOMPARE(proposed.error().code, Errc::Busy);
        const QString sentence = QString::fromStdString(describe(proposed.error()));
        QVERIFY2(sentence.contains(QStringLiteral("version 3")), qPrintable(sentence));
        QVERIFY2(sentence.contains(QStringLiteral("anna saved it on 2025-11-24 16:00:00 UTC")), qPrintable(sentence));
        QCOMPARE(m_documents->history(kTarget, 100)->size(), std::size_t{4});
    }

    void aBaseWhereThereIsNothingIsRefused()
    {
        const auto proposed = m_documents->propose(kTarget, config(1), 1, kWho, {});
        QVERIFY(!proposed);
        QCOMPARE(proposed.error().code, Errc::Busy);
        QVERIFY(m_documents->targets()->isEmpty());
        saved(1, 0); // and took no number
    }

    void noChangeMakesNoVersion()
    {
        saved(1, 0);
        QJsonObject same = config(1);
        same[QStringLiteral("n")] = 1.0;
        const auto again = m_documents->propose(kTarget, same, 1, QStringLiteral("bob"), {});
        QVERIFY(again);
        QVERIFY(again->unchanged);
        QCOMPARE(again->version.version, 1);
        QCOMPARE(again->version.who, kWho);
        QCOMPARE(m_documents->history(kTarget, 100)->size(), std::size_t{1});
        QVERIFY(m_documents->reject(kTarget, 1, {}));
        QVERIFY(!m_documents->propose(kTarget, same, {}, kWho, {})->unchanged); // a refused one is not desired
    }

    void aRejectedOneIsKeptWithItsFaultsAndNeverDesired()
    {
        const std::vector faults{Fault{QStringLiteral("/n"), QStringLiteral("must be a\nnumber")}};
        saved(1, 0);
        QVERIFY(m_documents->accept(kTarget, 1));
        saved(2, 1);
        QVERIFY(m_documents->reject(kTarget, 2, faults));
        QCOMPARE(desired()->version, 1);
        QCOMPARE(current()->version, 1);
        QVERIFY(!m_documents->accept(kTarget, 2));
        const auto at = m_documents->at(kTarget, 2);
        QCOMPARE((*at)->state, State::Rejected);
        QCOMPARE((*at)->faults, (std::vector{Fault{QStringLiteral("/n"), QStringLiteral("must be a number")}}));
        QCOMPARE((*at)->config, config(2));
        const auto atOnce = m_documents->propose(kTarget, config(3), 1, kWho, {}, faults);
        QVERIFY(atOnce);
        QCOMPARE(atOnce->version.state, State::Rejected);
        QCOMPARE(atOnce->version.version, 3);
        QCOMPARE(desired()->version, 1);
        saved(4, 1);
    }

    void whatWaitedBeforeARejectedOneIsDesiredAgain()
    {
        saved(1, 0);
        saved(2, 1);
        QVERIFY(m_documents->reject(kTarget, 2, {}));
        QCOMPARE(desired()->version, 1);
    }

    void anOlderOneThatIsConfirmedLateIsCurrentUntilTheNewer()
    {
        for (int n = 1; n <= 3; ++n)
            saved(n, n - 1);
        QVERIFY(m_documents->accept(kTarget, 1));
        QCOMPARE(current()->version, 1);
        QCOMPARE(desired()->version, 3);
        QVERIFY(m_documents->accept(kTarget, 3));
        QCOMPARE(stateOf(2), State::Superseded); // was never in force
        QCOMPARE((*m_documents->before(kTarget))->version, 1);
        const auto late = m_documents->accept(kTarget, 2);
        QVERIFY(!late);
        QCOMPARE(late.error().code, Errc::Busy);
        QVERIFY(m_documents->reject(kTarget, 2, {})); // but it may turn out as refused
        QCOMPARE(current()->version, 3);
        QVERIFY(!m_documents->reject(kTarget, 3, {}));
        QVERIFY(!m_documents->reject(kTarget, 1, {}));
        QCOMPARE(stateOf(1), State::Superseded);
    }

    void whatIsNotThereIsNotFound()
    {
        QVERIFY(!*m_documents->at(kTarget, 1));
        QVERIFY(!*m_documents->before(kTarget));
        QVERIFY(m_documents->history(kTarget, 10)->empty());
        QCOMPARE(m_documents->accept(kTarget, 1).error().code, Errc::NotFound);
        QCOMPARE(m_documents->reject(kTarget, 1, {}).error().code, Errc::NotFound);
    }

    void aForgottenTargetComesBackWithItsNumbers()
    {
        saved(1, 0);
        QVERIFY(m_documents->accept(kTarget, 1));
        saved(2, 1);
        QVERIFY(m_documents->forget(kTarget));
        QVERIFY(!desired());
        QVERIFY(!current());
        QVERIFY(m_documents->targets()->isEmpty());
        QCOMPARE(m_documents->history(kTarget, 10)->size(), std::size_t{2});
        QCOMPARE(m_documents->accept(kTarget, 2).error().code, Errc::NotFound); // an answer that came too late
        reopen();
        QCOMPARE(saved(3, 0).version, 3);
        QCOMPARE(*m_documents->targets(), QStringList{kTarget});
        QVERIFY(m_documents->accept(kTarget, 3));
        QVERIFY(!*m_documents->before(kTarget)); // that was another life
        QCOMPARE(m_documents->history(kTarget, 10)->size(), std::size_t{3});
    }

    void targetsDoNotMix()
    {
        saved(1, 0);
        const auto other = m_documents->propose(QStringLiteral("sensor"), config(7), 0, kWho, {});
        QVERIFY(other);
        QCOMPARE(other->version.version, 1);
        QVERIFY(m_documents->accept(QStringLiteral("sensor"), 1));
        QVERIFY(!current());
        QCOMPARE(*m_documents->targets(), (QStringList{kTarget, QStringLiteral("sensor")}));
        QVERIFY(m_documents->forget(QStringLiteral("sensor")));
        QCOMPARE(desired()->version, 1);
    }

    void whatIsTooMuchIsRefusedInASentence_data()
    {
        QTest::addColumn<QString>("target");
        QTest::addColumn<QJsonObject>("config");
        QTest::addColumn<QString>("who");
        QTest::addColumn<QString>("why");
        const QJsonObject fine = config(1);
        const auto text = [](qsizetype length) { return QString(length, QLatin1Char('x')); };
        QJsonArray deep;
        for (int i = 0; i < Documents::kMaxNesting; ++i) {
            const QJsonArray inner = deep;
            deep = {};
            deep.append(inner);
        }
        const QString longest = text(Documents::kMaxBytes);
        QTest::newRow("no target") << QString{} << fine << kWho << QString{};
        QTest::newRow("a long target") << text(Documents::kMaxTarget + 1) << fine << kWho << QString{};
        QTest::newRow("a large document")
            << kTarget << QJsonObject{{QStringLiteral("n"), longest}} << kWho << QString{};
        QTest::newRow("a deep document") << kTarget << QJsonObject{{QStringLiteral("n"), deep}} << kWho << QString{};
        QTest::newRow("nobody") << kTarget << fine << QStringLiteral(" \n") << QString{};
        QTest::newRow("a long name") << kTarget << fine << text(Documents::kMaxWho + 1) << QString{};
        QTest::newRow("a long reason") << kTarget << fine << kWho << text(Documents::kMaxWhy + 1);
    }
    void whatIsTooMuchIsRefusedInASentence()
    {
        QFETCH(QString, target);
        QFETCH(QJsonObject, config);
        QFETCH(QString, who);
        QFETCH(QString, why);
        const auto proposed = m_documents->propose(target, config, {}, who, why);
        QVERIFY(!proposed);
        QCOMPARE(proposed.error().code, Errc::BadInput);
        QVERIFY(!proposed.error().context.empty());
        QVERIFY(m_documents->targets()->isEmpty());
    }

    void theLargestDocumentIsKept()
    {
        const QJsonObject large{
            {QStringLiteral("n"), QString(Documents::kMaxBytes - qsizetype{8}, QLatin1Char('x'))}}; // {"n":"…"}
        QVERIFY(m_documents->propose(kTarget, large, 0, QString(Documents::kMaxWho, QLatin1Char('w')),
            QString(Documents::kMaxWhy, QLatin1Char('y'))));
        reopen();
        QCOMPARE(desired()->config, large);
    }

    void theOldestGoButNeverWhatCounts()
    {
        saved(1, 0);
        QVERIFY(m_documents->accept(kTarget, 1));
        saved(2, 1);
        QVERIFY(m_documents->accept(kTarget, 2));
        for (int n = 3; n <= Documents::kMaxVersions + 10; ++n)
            QVERIFY(m_documents->propose(kTarget, config(n), {}, kWho, {}, {{QString{}, QStringLiteral("no")}}));
        const auto kept = m_documents->history(kTarget, 5'000);
        QCOMPARE(kept->size(), std::size_t{Documents::kMaxVersions});
        QCOMPARE(kept->front().version, qint64{Documents::kMaxVersions + 10});
        QCOMPARE(kept->at(kept->size() - 1).version, 1);
        QCOMPARE(kept->at(kept->size() - 2).version, 2);
        QCOMPARE(current()->version, 2);
        QCOMPARE((*m_documents->before(kTarget))->version, 1);
        QVERIFY(!*m_documents->at(kTarget, 3));
        QCOMPARE(m_documents->history(kTarget, 3)->size(), std::size_t{3});
        QVERIFY(m_documents->history(kTarget, -1)->empty());
    }

    void longDocumentsAreFewer()
    {
        const auto large = [](int n) {
            return QJsonObject{{QStringLiteral("n"), QString(500'000, QLatin1Char('x')) + QString::number(n)}};
        };
        for (int n = 1; n <= 80; ++n)
            QVERIFY(m_documents->propose(kTarget, large(n), n - 1, kWho, {}));
        QVERIFY(*m_documents->at(kTarget, 80));
        QVERIFY(!*m_documents->at(kTarget, 1));
        const auto read = m_documents->history(kTarget, 1'000);
        QVERIFY(read->size() >= 10 && read->size() < 20);
        QCOMPARE(read->front().version, 80);
    }

    void aDamagedFileIsSetAsideAndSaid()
    {
        saved(1, 0);
        m_documents.reset();
        QFile file{m_path};
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray(8'192, 'x'));
        file.close();
        reopen();
        QVERIFY(m_documents->setAside());
        QVERIFY(QFile::exists(*m_documents->setAside()));
        QVERIFY(!desired());
        saved(1, 0);
    }

    void killedAtAnyStepWhatIsCurrentStaysCurrent()
    {
        int kills = 0;
        for (bool over = false; !over; ++kills) {
            QVERIFY2(kills < 500, "the child never ends");
            init();
            saved(1, 0);
            QVERIFY(m_documents->accept(kTarget, 1));
            QVERIFY(m_documents->propose(QStringLiteral("listener_0"), config(1), 0, kWho, {}));
            QVERIFY(m_documents->accept(QStringLiteral("listener_0"), 1));
            m_documents.reset();
            QProcess child;
            child.start(
                QCoreApplication::applicationFilePath(), {QStringLiteral("--torment"), m_path, QString::number(kills)});
            QVERIFY(child.waitForFinished(20'000));
            over = child.exitStatus() == QProcess::NormalExit;
            QVERIFY2(!over || child.exitCode() == 0, child.readAllStandardError().constData());
            reopen();
            QVERIFY(!m_documents->setAside());
            QVERIFY(isSound());
            if (over)
                QCOMPARE(current()->version, 2);
        }
        QVERIFY2(kills > 8, qPrintable(QString::number(kills)));
    }

private:
    void reopen()
    {
        m_documents.reset();
        auto opened = Documents::open(m_path, m_clock);
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        m_documents = *std::move(opened);
    }
    ConfigVersion saved(int n, qint64 base, const QString& why = {})
    {
        const auto proposed = m_documents->propose(kTarget, config(n), base, kWho, why);
        if (!proposed) {
            QTest::qFail(describe(proposed.error()).c_str(), __FILE__, __LINE__);
            return {};
        }
        return proposed->version;
    }
    std::optional<ConfigVersion> desired() { return *m_documents->desired(kTarget); }
    std::optional<ConfigVersion> current() { return *m_documents->current(kTarget); }
    State stateOf(qint64 version) { return (*m_documents->at(kTarget, version))->state; }

    bool isSound()
    {
        const auto history = m_documents->history(kTarget, 100);
        if (!history || history->empty() || !current() || !desired())
            return false;
        int inForce = 0;
        for (const ConfigVersion& each : *history) {
            inForce += each.state == State::Current ? 1 : 0;
            const bool faulty = !each.faults.empty();
            if (each.config != config(static_cast<int>(each.version)) || faulty != (each.state == State::Rejected))
                return false;
        }
        const auto other = m_documents->current(QStringLiteral("listener_0"));
        const bool listed = m_documents->targets()->contains(QStringLiteral("listener_0"));
        const qint64 newest = history->front().version;
        const auto next = m_documents->propose(kTarget, config(99), {}, kWho, {});
        return inForce == 1 && current()->version <= 2 && other && other->has_value() == listed && next
            && next->version.version == newest + 1;
    }

    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_path;
    ManualClock m_clock;
    std::unique_ptr<Documents> m_documents;
};

int main(int argc, char** argv)
{
    QCoreApplication application{argc, argv};
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() == 4 && arguments.at(1) == QStringLiteral("--torment"))
        return torment(arguments.at(2), arguments.at(3).toInt());
    TestDocuments test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_documents.moc"
