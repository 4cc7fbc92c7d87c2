// Health, retention, hello and stop; the events are in tst_skeleton_events, configuration in tst_skeleton_config.

#include "tests/core/instrument/skeleton_rig.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;

namespace {

/// A door at which a handler hangs until the test opens it.
struct Door {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
    std::atomic<int> inside{0};
    void pass()
    {
        ++inside;
        std::unique_lock lock{mutex};
        opened.wait(lock, [this] { return open; });
        lock.unlock();
        --inside;
    }
    ~Door() // a test that failed leaves nobody behind in it
    {
        unlock();
        while (inside > 0)
            std::this_thread::yield();
    }
    void unlock()
    {
        const std::lock_guard lock{mutex};
        open = true;
        opened.notify_all();
    }
};

QJsonObject retention(double seconds)
{
    return {{QStringLiteral("older_than"), QStringLiteral("2026-01-01T00:00:00Z")},
        {QStringLiteral("deadline_s"), seconds}};
}

QJsonObject download()
{
    platform::DownloadAvailable available;
    available.resource = QStringLiteral("beacon");
    available.path = QStringLiteral("/var/incoming/beacon");
    available.sha512 = QByteArray(64, 'x');
    return toJson(available);
}

} // namespace

class TstSkeleton : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void flashOfErrorAtStart();
    void stuckInInitializing();
    void sameReasonRepeated();
    void worstReasonNotFirst();
    void pollUnansweredWhileAWorkerBlocks();
    void secondRetentionWhileOneRunsIsBusy();
    void twoHangingTasksAreTwo();
    void flappingThatSpams();
    void retentionTimesOut();
    void emptyStoreIsNoError();
    void retentionErrorRecovers();
    void retentionWithBadParameters();
    void helloRefusedIsTriedAgain();
    void anotherAddressIsRefused();
    void cutIsNotARefusal();
    void oneHelloAMeeting();
    void unknownMethodAndEmptyHandlers();
    void messagesReachTheInstrument();
    void stopWaitsForTheHandler();
    void stopDeadlinePasses();
    void stopAskedTwice();
    void restartIsTold();
    void stopFlushesEvents();
    void anotherPlaceAtALaterHelloIsTold();
};

void TstSkeleton::flashOfErrorAtStart()
{
    Rig rig;
    rig.skeleton->raise(Reason::InterfaceAbsent, "eth0");
    QVERIFY(rig.up());
    rig.skeleton->clear(Reason::InterfaceAbsent);
    rig.skeleton->noteWorking();
    QVERIFY(rig.pushes([](const QJsonObject& push) { return statusIn(push) == QStringLiteral("OK"); }));
    for (const QJsonObject& push : rig.platform->pushes)
        QVERIFY(statusIn(push) != QStringLiteral("ERROR"));
    QCOMPARE(rig.platform->bad, QStringList{});
}

void TstSkeleton::stuckInInitializing()
{
    Rig rig;
    QVERIFY(rig.up());
    const auto status = [&] { return statusIn(resultOf(rig.platform->ask(method::kHealthGet))); };
    rig.clock.advance(59'999ms);
    QCOMPARE(status(), QStringLiteral("PENDING"));
    rig.clock.advance(1ms);
    QCOMPARE(status(), QStringLiteral("ERROR"));
    QCOMPARE(rig.reasons(), QStringList{QStringLiteral("not_working")});
    rig.skeleton->noteWorking();
    QCOMPARE(status(), QStringLiteral("OK"));
}

void TstSkeleton::sameReasonRepeated()
{
    Rig rig;
    QVERIFY(rig.up());
    for (int i = 0; i < 100; ++i)
        rig.skeleton->raise(Reason::LogFailed, std::to_string(i));
    const QJsonObject health = resultOf(rig.platform->ask(method::kHealthGet));
    QCOMPARE(codesIn(health), QStringList{QStringLiteral("log_failed")});
    QVERIFY(rig.textOf("log_failed").contains(QStringLiteral("99")));
}

void TstSkeleton::worstReasonNotFirst()
{
    Rig rig;
    QVERIFY(rig.up());
    rig.skeleton->noteWorking();
    rig.skeleton->raise(Reason::DownloadRefused, "it is broken");
    rig.clock.advance(1s);
    rig.skeleton->raise(Reason::NoNextHop);
    const QStringList wanted{QStringLiteral("no_next_hop"), QStringLiteral("download_refused")};
    QCOMPARE(codesIn(resultOf(rig.platform->ask(method::kHealthGet))), wanted);
    QVERIFY(rig.pushes([&](const QJsonObject& push) { return codesIn(push) == wanted; }));
    QTRY_COMPARE(codesIn(rig.platform->last(QStringLiteral("instruments.beacon.health"))), wanted);
    QCOMPARE(rig.platform->bad, QStringList{});
}

void TstSkeleton::pollUnansweredWhileAWorkerBlocks()
{
    Door door;
    Handlers handlers;
    handlers.retain = [&door](const auto&, std::stop_token) -> Result<platform::RetentionResult> {
        door.pass();
        return platform::RetentionResult{7, std::nullopt, true};
    };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    const auto pending = rig.platform->askLater(method::kRetentionApply, retention(0.3));
    QTRY_COMPARE(door.inside.load(), 1);
    QCOMPARE(statusIn(resultOf(rig.platform->ask(method::kHealthGet))), QStringLiteral("PENDING"));
    QVERIFY(!pending->has_value());
    QTRY_VERIFY(pending->has_value());
    QCOMPARE(codeOf(pending->value()), number(rpc::Code::Timeout));
    QTRY_VERIFY(rig.reasons().contains(QStringLiteral("handler_hangs")));
    QVERIFY(codesIn(resultOf(rig.platform->ask(method::kHealthGet))).contains(QStringLiteral("handler_hangs")));
    door.unlock();
    QTRY_VERIFY(!rig.reasons().contains(QStringLiteral("handler_hangs")));
    QCOMPARE(resultOf(rig.platform->ask(method::kRetentionApply, retention(5))).value(QStringLiteral("deleted")),
        QJsonValue{7});
    QCOMPARE(rig.reasons(), QStringList{}); // the one that worked clears retention_failed as well
}

void TstSkeleton::secondRetentionWhileOneRunsIsBusy()
{
    Door door;
    Handlers handlers;
    handlers.retain = [&door](const auto&, std::stop_token) -> Result<platform::RetentionResult> {
        door.pass();
        return platform::RetentionResult{};
    };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    const auto first = rig.platform->askLater(method::kRetentionApply, retention(5));
    QTRY_COMPARE(door.inside.load(), 1);
    QCOMPARE(codeOf(rig.platform->ask(method::kRetentionApply, retention(5))), number(rpc::Code::Busy));
    QCOMPARE(rig.reasons(), QStringList{}); // to be asked too early is no failure
    door.unlock();
    QTRY_VERIFY(first->has_value());
    QCOMPARE(codeOf(first->value()), 0);
}

void TstSkeleton::twoHangingTasksAreTwo()
{
    Door retaining, taking;
    Handlers handlers;
    handlers.retain = [&](const auto&, std::stop_token) -> Result<platform::RetentionResult> {
        retaining.pass();
        return platform::RetentionResult{};
    };
    handlers.takeDownload = [&](const auto&, std::stop_token) -> Result<> {
        taking.pass();
        return {};
    };
    Skeleton::Options options;
    options.downloadWithin = 50ms;
    Rig rig{std::move(handlers), plainSchema(), options};
    QVERIFY(rig.up());
    QCOMPARE(codeOf(rig.platform->ask(method::kRetentionApply, retention(0.1))), number(rpc::Code::Timeout));
    QCOMPARE(codeOf(rig.platform->ask(method::kDownloadAvailable, download())), number(rpc::Code::Timeout));
    QTRY_VERIFY(rig.textOf("handler_hangs").contains(QStringLiteral("download")));
    taking.unlock();
    QTRY_VERIFY(rig.textOf("handler_hangs").contains(QStringLiteral("deleting")));
    retaining.unlock();
    QTRY_VERIFY(!rig.reasons().contains(QStringLiteral("handler_hangs")));
}

void TstSkeleton::flappingThatSpams()
{
    Rig rig;
    QVERIFY(rig.up());
    rig.skeleton->noteWorking();
    for (int i = 0; i < 1'000; ++i) {
        rig.skeleton->raise(Reason::NoNextHop);
        QCoreApplication::processEvents();
        rig.clock.advance(20ms);
        rig.skeleton->clear(Reason::NoNextHop);
        QCoreApplication::processEvents();
        rig.clock.advance(20ms);
    }
    const auto told = static_cast<qsizetype>(rig.platform->pushes.size());
    QVERIFY2(told <= 20, qPrintable(QString::number(told)));
    rig.clock.advance(70s); // calm, and the flaps are old
    rig.skeleton->raise(Reason::NoNextHop);
    rig.skeleton->clear(Reason::NoNextHop);
    QTRY_COMPARE(statusIn(rig.platform->pushes.back()), QStringLiteral("OK"));
    QVERIFY(rig.platform->count(QStringLiteral("instruments.beacon.health")) <= 22);
    QCOMPARE(rig.platform->bad, QStringList{});
}

void TstSkeleton::retentionTimesOut()
{
    Handlers handlers; // one that heeds the stop token still tells how far it got
    handlers.retain = [](const auto&, const std::stop_token& stop) -> Result<platform::RetentionResult> {
        std::mutex mutex;
        std::unique_lock lock{mutex};
        std::condition_variable_any{}.wait(lock, stop, [] { return false; });
        return platform::RetentionResult{3, std::nullopt, false};
    };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    const QJsonObject result = resultOf(rig.platform->ask(method::kRetentionApply, retention(1)));
    QCOMPARE(result.value(QStringLiteral("deleted")), QJsonValue{3});
    QCOMPARE(result.value(QStringLiteral("complete")), QJsonValue{false});
    QCOMPARE(rig.reasons(), QStringList{});
}

void TstSkeleton::emptyStoreIsNoError()
{
    Rig rig;
    QVERIFY(rig.up());
    const auto read =
        platform::retentionResultFromJson(resultOf(rig.platform->ask(method::kRetentionApply, retention(5))));
    QVERIFY(read);
    QCOMPARE((*read).deleted, 0);
    QVERIFY((*read).complete && !(*read).oldest);
    QCOMPARE(rig.reasons(), QStringList{});
}

void TstSkeleton::retentionErrorRecovers()
{
    std::atomic<bool> broken{true};
    std::atomic<qint64> olderThan{0};
    Handlers handlers;
    handlers.retain = [&](const platform::RetentionRequest& request,
                          std::stop_token) -> Result<platform::RetentionResult> {
        olderThan = request.olderThan.time_since_epoch().count();
        if (broken)
            return Error{Errc::Corrupt, 0, "the store is damaged"};
        return platform::RetentionResult{};
    };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    QJsonObject params = retention(5);
    params.insert(QStringLiteral("older_than"), QStringLiteral("1970-01-01T00:00:01.000001Z"));
    QCOMPARE(codeOf(rig.platform->ask(method::kRetentionApply, params)), number(rpc::Code::Internal));
    QCOMPARE(olderThan.load(), 1'000'001); // the exact boundary arrives
    QCOMPARE(rig.reasons(), QStringList{QStringLiteral("retention_failed")});
    QVERIFY(rig.textOf("retention_failed").contains(QStringLiteral("the store is damaged")));
    broken = false;
    QCOMPARE(codeOf(rig.platform->ask(method::kRetentionApply, params)), 0);
    QCOMPARE(rig.reasons(), QStringList{});
}

void TstSkeleton::retentionWithBadParameters()
{
    Rig rig;
    QVERIFY(rig.up());
    for (const QJsonObject& params : {QJsonObject{}, QJsonObject{{QStringLiteral("older_than"), 5}}, retention(-1)})
        QCOMPARE(codeOf(rig.platform->ask(method::kRetentionApply, params)), number(rpc::Code::InvalidParams));
    QCOMPARE(rig.reasons(), QStringList{});
}

void TstSkeleton::helloRefusedIsTriedAgain()
{
    Rig rig;
    rig.platform->refuseHello = true;
    rig.skeleton->start();
    QTRY_VERIFY(rig.platform->hellos >= 2);
    QCOMPARE(rig.reasons(), QStringList{QStringLiteral("platform_away")});
    QVERIFY(rig.textOf("platform_away").contains(QStringLiteral("not today")));
    QVERIFY(!rig.skeleton->welcome());
    rig.platform->refuseHello = false;
    QTRY_VERIFY(rig.skeleton->welcome().has_value());
    QCOMPARE(rig.reasons(), QStringList{});
}

void TstSkeleton::anotherAddressIsRefused()
{
    Rig rig;
    QVERIFY(rig.up());
    rig.platform->welcome.address = QStringLiteral("beacon_1@plant8");
    rig.platform->link->cut();
    QTRY_COMPARE(rig.reasons(), QStringList{QStringLiteral("platform_away")});
    rig.platform->link->restore();
    QTRY_VERIFY(rig.textOf("platform_away").contains(QStringLiteral("another address, beacon_1@plant8")));
    QCOMPARE(rig.skeleton->welcome()->address, kAddress);
    QCOMPARE(rig.skeleton->events().identity().instrument, kAddress);
    rig.platform->welcome.address = kAddress;
    QTRY_COMPARE(rig.reasons(), QStringList{});
}

/// A hello that the end of the connection left unanswered was not refused.
void TstSkeleton::cutIsNotARefusal()
{
    Rig rig;
    QVERIFY(rig.up());
    bool asked = false;
    rig.platform->link->setHandler([&](const QString& name, const QJsonObject&, Responder responder) {
        if (name == method::kHello) {
            asked = true;
            rig.platform->held.push_back(std::move(responder));
        }
    });
    rig.platform->link->cut();
    rig.platform->link->restore();
    QTRY_VERIFY(asked);
    rig.platform->link->cut();
    QTRY_VERIFY(!rig.near->isUp());
    QCoreApplication::processEvents();
    QVERIFY2(rig.textOf("platform_away").contains(QStringLiteral("cut")), qPrintable(rig.textOf("platform_away")));
}

/// Where one that was refused waits for its turn and the link comes back, hello is said once.
void TstSkeleton::oneHelloAMeeting()
{
    Rig rig;
    rig.platform->refuseHello = true;
    rig.skeleton->start();
    QTRY_COMPARE(rig.platform->hellos, 1);
    rig.platform->link->cut();
    QTRY_VERIFY(!rig.near->isUp());
    rig.platform->refuseHello = false;
    rig.platform->link->restore();
    QTRY_VERIFY(rig.skeleton->welcome().has_value());
    QVERIFY(!QTest::qWaitFor([&] { return rig.platform->hellos > 2; }, 700));
}

void TstSkeleton::unknownMethodAndEmptyHandlers()
{
    Rig rig;
    QVERIFY(rig.up());
    const auto codeFor = [&](const QString& name, const QJsonObject& params) {
        return codeOf(rig.platform->ask(name, params));
    };
    QCOMPARE(codeFor(QStringLiteral("no.such"), {}), number(rpc::Code::MethodNotFound));
    QCOMPARE(codeFor({}, {}), number(rpc::Code::MethodNotFound));
    QCOMPARE(codeFor(method::kFindingsApply, {}), number(rpc::Code::MethodNotFound));
    QCOMPARE(codeFor(method::kDownloadAvailable, {}), number(rpc::Code::InvalidParams));
    const QJsonObject taken = resultOf(rig.platform->ask(method::kDownloadAvailable, download()));
    QCOMPARE(taken.value(QStringLiteral("accepted")), QJsonValue{false});
    QCOMPARE(rig.reasons(), QStringList{}); // never asked for: no reason to worry
    const QJsonObject facts = resultOf(rig.platform->ask(method::kHealthGet)).value(QStringLiteral("facts")).toObject();
    QCOMPARE(facts.value(QStringLiteral("address")), QJsonValue{kAddress});
    QCOMPARE(facts.value(QStringLiteral("version")), QJsonValue{QStringLiteral("1.2.3")});
    QCOMPARE(facts.value(QStringLiteral("platform")), QJsonValue{QStringLiteral("connected")});
}

void TstSkeleton::messagesReachTheInstrument()
{
    Handlers handlers;
    handlers.onMessage = [](const QString& name, const QJsonObject&, Responder responder) {
        if (name == QStringLiteral("own.echo"))
            responder.answer(QJsonObject{{QStringLiteral("it"), name}});
    }; // drops the rest
    handlers.applyFindings = [](const QJsonObject& params) -> Result<> {
        if (params.isEmpty())
            return Error{Errc::BadInput, 0, "no findings"};
        return {};
    };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    QCOMPARE(resultOf(rig.platform->ask(QStringLiteral("own.echo"))).value(QStringLiteral("it")),
        QJsonValue{QStringLiteral("own.echo")});
    QCOMPARE(codeOf(rig.platform->ask(QStringLiteral("own.other"))), number(rpc::Code::Internal));
    QCOMPARE(codeOf(rig.platform->ask(method::kFindingsApply)), number(rpc::Code::InvalidParams));
    QCOMPARE(codeOf(rig.platform->ask(method::kFindingsApply, {{QStringLiteral("findings"), QJsonArray{}}})), 0);
}

void TstSkeleton::stopWaitsForTheHandler()
{
    std::function<void()> done;
    Handlers handlers;
    handlers.stop = [&](std::function<void()> whenDone) { done = std::move(whenDone); };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    QCOMPARE(resultOf(rig.platform->ask(method::kStop)).value(QStringLiteral("accepted")), QJsonValue{true});
    QVERIFY(done);
    QCOMPARE(codeOf(rig.platform->ask(method::kHealthGet)), 0); // it still answers
    QCOMPARE(rig.stops, 0);
    done();
    done(); // once too often
    QTRY_COMPARE(rig.stops, 1);
    QVERIFY(!rig.restart);
}

void TstSkeleton::stopDeadlinePasses()
{
    Handlers handlers;
    handlers.stop = [](const auto&) {};
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    QCOMPARE(codeOf(rig.platform->ask(method::kStop, {{QStringLiteral("deadline_s"), -1}})),
        number(rpc::Code::InvalidParams));
    QCOMPARE(codeOf(rig.platform->ask(method::kStop, {{QStringLiteral("deadline_s"), 0.05}})), 0);
    QTRY_COMPARE(rig.stops, 1);
}

void TstSkeleton::stopAskedTwice()
{
    Handlers handlers;
    handlers.stop = [](const auto&) {};
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    (void)rig.platform->ask(method::kStop, {{QStringLiteral("deadline_s"), 300}});
    QCOMPARE(rig.stops, 0);
    QCOMPARE(codeOf(rig.platform->ask(method::kStop, {{QStringLiteral("deadline_s"), 300}})), 0);
    QCOMPARE(rig.stops, 1);
    (void)rig.platform->ask(method::kStop);
    QCOMPARE(rig.stops, 1);
}

void TstSkeleton::restartIsTold()
{
    Rig rig;
    QVERIFY(rig.up());
    QCOMPARE(codeOf(rig.platform->ask(method::kRestart)), 0);
    QTRY_COMPARE(rig.stops, 1);
    QVERIFY(rig.restart);
}

void TstSkeleton::stopFlushesEvents()
{
    Handlers handlers;
    Rig* at = nullptr;
    handlers.stop = [&](const std::function<void()>& done) {
        at->leak(1); // the last word
        done();
    };
    Rig rig{std::move(handlers)};
    at = &rig;
    QVERIFY(rig.up());
    rig.skeleton->stop();
    QTRY_COMPARE(rig.stops, 1);
    QCOMPARE(rig.platform->count(QStringLiteral("instruments.beacon.escape.succeeded")), 1);
}

void TstSkeleton::anotherPlaceAtALaterHelloIsTold()
{
    Rig rig;
    rig.platform->welcome.interfaces = {
        {QStringLiteral("eth0"), QStringLiteral("bridge"), {QStringLiteral("rx"), QStringLiteral("tx")}}};
    int moves = 0, partings = 0;
    QString interface;
    connect(rig.skeleton.get(), &Skeleton::placeChanged, this, [&] {
        ++moves;
        interface = rig.skeleton->welcome()->interfaces.front().name;
    });
    connect(rig.skeleton.get(), &Skeleton::platformWent, this, [&partings] { ++partings; });
    QVERIFY(rig.up());
    const auto sayHelloAgain = [&rig] {
        const int before = rig.platform->hellos;
        rig.near->cut();
        QTest::qWait(10);
        rig.near->restore();
        return QTest::qWaitFor([&] { return rig.platform->hellos > before && rig.near->isUp(); }, 5'000);
    };
    QVERIFY(sayHelloAgain());
    QTest::qWait(50);
    QCOMPARE(moves, 0); // the same place
    QCOMPARE(partings, 1);
    rig.platform->welcome.interfaces.front().name = QStringLiteral("eth1");
    QVERIFY(sayHelloAgain());
    QTRY_COMPARE_WITH_TIMEOUT(moves, 1, 5'000);
    QCOMPARE(interface, QStringLiteral("eth1"));
    rig.platform->welcome.persistentStorage = QStringLiteral("/elsewhere");
    QVERIFY(sayHelloAgain());
    QTRY_COMPARE_WITH_TIMEOUT(moves, 2, 5'000);
}

QTEST_GUILESS_MAIN(TstSkeleton)
#include "tst_skeleton.moc"
