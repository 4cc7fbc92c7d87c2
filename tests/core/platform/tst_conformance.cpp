#include "tests/core/platform/conformance.h"

#include <QSignalSpy>
#include <QStringList>

using namespace beacon;
using namespace beacon::platform;
using namespace beacon::platform::test;
using namespace std::chrono_literals;

namespace {

std::optional<rpc::Code> codeOf(const Answer& answer)
{
    const auto* error = std::get_if<rpc::RpcError>(&answer);
    return error != nullptr ? std::optional{error->code} : std::nullopt;
}

/// Keeps what the platform was asked until the test answers it.
struct Desk {
    std::vector<std::pair<QString, Responder>> held;
    PlatformLink::Handler handler()
    {
        return [this](const QString& method, const QJsonObject&, Responder responder) {
            held.emplace_back(method, std::move(responder));
        };
    }
    [[nodiscard]] QString methods() const
    {
        QStringList all;
        for (const auto& each : held)
            all += each.first;
        return all.join(QLatin1Char(' '));
    }
    [[nodiscard]] qsizetype count() const { return static_cast<qsizetype>(held.size()); }
};

/// The answers in the order in which they came.
struct Answers {
    std::vector<Answer> all;
    Reply reply()
    {
        return [this](const Answer& answer) { all.push_back(answer); };
    }
    [[nodiscard]] qsizetype count() const { return static_cast<qsizetype>(all.size()); }
    [[nodiscard]] qsizetype count(rpc::Code code) const
    {
        return std::count_if(all.begin(), all.end(), [code](const Answer& answer) { return codeOf(answer) == code; });
    }
};

QString name(const char* stem, int i)
{
    return QLatin1StringView{stem} + QString::number(i);
}

} // namespace

class TstConformance : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase_data()
    {
        QTest::addColumn<bool>("isSocket");
        QTest::newRow("in process") << false;
        QTest::newRow("local socket") << true;
    }
    void init()
    {
        QFETCH_GLOBAL(bool, isSocket);
        m_desk = {};
        m_answers = {};
        if (isSocket)
            m_ends = std::make_unique<LocalSocketEnds>();
        else
            m_ends = std::make_unique<InProcessEnds>();
    }
    void cleanup()
    {
        m_ends.reset();
        m_desk.held.clear();
    }

    void aRequestIsAnswered();
    void anErrorArrivesWhole();
    void withoutAHandlerAMethodIsUnknown();
    void theDeadlineIsATimeoutAndALateAnswerIsPassedOver();
    void aDeadlineMakesRoomForWhatWaits();
    void whatIsAskedWhenItGoesIsClosedOnce();
    void whatIsAskedWhileItIsDownIsClosedButLater();
    void aLaneKeepsItsOrder();
    void priorityOvertakesQueuedBulk();
    void thirtyTwoAreUnderWayOfWhichEightAreBulk();
    void whatIsOverTheQueueIsBusy();
    void aDroppedResponderAnswersInternal();
    void thePlatformIsServed();
    void notificationsCrossBothWays();
    void goneAndBackAgain();
    void closingHereSaysNoDown();

private:
    void openUp(PlatformLink::Handler handler)
    {
        if (handler)
            m_ends->setHandler(std::move(handler));
        m_ends->appear();
        link().open();
        QTRY_VERIFY(link().isUp());
    }
    void ask(const QString& method, Lane lane = Lane::Priority, std::chrono::milliseconds deadline = 60s)
    {
        link().request(method, {}, m_answers.reply(), deadline, lane);
    }
    PlatformLink& link() { return m_ends->link(); }

    Desk m_desk;
    Answers m_answers;
    std::unique_ptr<TwoEnds> m_ends;
};

void TstConformance::aRequestIsAnswered()
{
    QJsonObject seen;
    openUp([&](const QString& method, const QJsonObject& params, Responder responder) {
        seen = params;
        responder.answer(method);
        responder.fail(rpc::Code::Internal, QStringLiteral("a second answer does nothing"));
    });
    const QJsonObject params{{QStringLiteral("a"), 1}, {QStringLiteral("ü"), QStringLiteral("\n\"\u2028")}};
    link().request(QStringLiteral("x.y"), params, m_answers.reply());
    QCOMPARE(m_answers.count(), 0);
    QTRY_COMPARE(m_answers.count(), 1);
    QCOMPARE(std::get<QJsonValue>(m_answers.all.at(0)), QJsonValue{QStringLiteral("x.y")});
    QCOMPARE(seen, params);
}

void TstConformance::anErrorArrivesWhole()
{
    openUp([](const QString&, const QJsonObject&, Responder responder) {
        responder.fail(rpc::Code::InvalidParams, QStringLiteral("no"), QJsonObject{{QStringLiteral("k"), 7}});
    });
    ask(QStringLiteral("x"));
    QTRY_COMPARE(m_answers.count(), 1);
    const auto error = std::get<rpc::RpcError>(m_answers.all.at(0));
    QCOMPARE(error.code, rpc::Code::InvalidParams);
    QCOMPARE(error.message, QStringLiteral("no"));
    QCOMPARE(error.data.toObject().value(QStringLiteral("k")).toInt(), 7);
}

void TstConformance::withoutAHandlerAMethodIsUnknown()
{
    openUp({});
    ask(QStringLiteral("x"));
    m_ends->ask(QStringLiteral("y"), {}, m_answers.reply());
    QTRY_COMPARE(m_answers.count(rpc::Code::MethodNotFound), 2);
}

void TstConformance::theDeadlineIsATimeoutAndALateAnswerIsPassedOver()
{
    openUp(m_desk.handler());
    ask(QStringLiteral("slow"), Lane::Priority, 20ms);
    QTRY_COMPARE(m_answers.count(rpc::Code::Timeout), 1);
    QTRY_COMPARE(m_desk.count(), 1);
    m_desk.held.at(0).second.answer(1);
    ask(QStringLiteral("after"));
    QTRY_COMPARE(m_desk.count(), 2);
    m_desk.held.at(1).second.answer(2);
    QTRY_COMPARE(m_answers.count(), 2);
    QCOMPARE(std::get<QJsonValue>(m_answers.all.at(1)).toInt(), 2);
}

void TstConformance::aDeadlineMakesRoomForWhatWaits()
{
    openUp(m_desk.handler());
    for (int i = 0; i < 32; ++i)
        ask(name("silent", i), Lane::Priority, 50ms);
    ask(QStringLiteral("waits"));
    QTRY_COMPARE(m_answers.count(rpc::Code::Timeout), 32);
    // It is under way now, or a platform that still holds the 32 has said that it is busy.
    QVERIFY(m_answers.count() - m_answers.count(rpc::Code::Busy) == 32);
}

void TstConformance::whatIsAskedWhenItGoesIsClosedOnce()
{
    openUp(m_desk.handler());
    QSignalSpy down(&link(), &PlatformLink::down);
    for (int i = 0; i < 40; ++i)
        ask(name("r", i), i % 2 != 0 ? Lane::Bulk : Lane::Priority);
    QTRY_COMPARE(m_desk.count(), 28);
    m_ends->vanish();
    QTRY_COMPARE(down.count(), 1);
    QCOMPARE(m_answers.count(rpc::Code::Closed), 40);
    m_desk.held.clear(); // each answers Internal to nobody
    QCoreApplication::processEvents();
    QCOMPARE(m_answers.count(), 40);
}

void TstConformance::whatIsAskedWhileItIsDownIsClosedButLater()
{
    link().open();
    ask(QStringLiteral("x"));
    ask(QStringLiteral("y"), Lane::Bulk);
    QCOMPARE(m_answers.count(), 0);
    QTRY_COMPARE(m_answers.count(rpc::Code::Closed), 2);
    QVERIFY(!link().notify(QStringLiteral("z"), {}));
}

void TstConformance::aLaneKeepsItsOrder()
{
    QStringList seen, expected;
    openUp([&](const QString& method, const QJsonObject&, Responder responder) {
        seen += method;
        responder.answer(true);
    });
    for (int i = 0; i < 200; ++i) {
        ask(name("p", i));
        ask(name("b", i), Lane::Bulk);
    }
    QTRY_COMPARE(m_answers.count(), 400);
    for (const char* lane : {"p", "b"}) {
        expected.clear();
        for (int i = 0; i < 200; ++i)
            expected += name(lane, i);
        QCOMPARE(seen.filter(QLatin1StringView{lane}), expected);
    }
}

void TstConformance::priorityOvertakesQueuedBulk()
{
    openUp(m_desk.handler());
    for (int i = 0; i < 32; ++i)
        ask(QStringLiteral("first"), i < 8 ? Lane::Bulk : Lane::Priority);
    QTRY_COMPARE(m_desk.count(), 32);
    ask(QStringLiteral("bulk"), Lane::Bulk);
    ask(QStringLiteral("priority"));
    for (auto& each : m_desk.held)
        if (m_answers.count() == 0)
            each.second.answer(true);
    QTRY_COMPARE(m_desk.count(), 34);
    QVERIFY2(m_desk.methods().endsWith(QStringLiteral("priority bulk")), qPrintable(m_desk.methods()));
}

void TstConformance::thirtyTwoAreUnderWayOfWhichEightAreBulk()
{
    openUp(m_desk.handler());
    for (int i = 0; i < 20; ++i)
        ask(QStringLiteral("bulk"), Lane::Bulk);
    for (int i = 0; i < 60; ++i)
        ask(QStringLiteral("priority"));
    QTRY_COMPARE(m_desk.count(), 32);
    QCoreApplication::processEvents();
    QCOMPARE(m_desk.count(), 32);
    QCOMPARE(m_desk.methods().count(QStringLiteral("bulk")), 8);
    m_desk.held.at(31).second.answer(true);
    QTRY_COMPARE(m_desk.count(), 33);
}

void TstConformance::whatIsOverTheQueueIsBusy()
{
    openUp(m_desk.handler());
    const int fit = static_cast<int>(kMaxQueued) + 32;
    for (int i = 0; i <= fit; ++i)
        ask(QStringLiteral("x"));
    QCOMPARE(m_answers.count(), 0);
    QTRY_COMPARE(m_answers.count(rpc::Code::Busy), 1);
    QCOMPARE(m_answers.count(), 1);
}

void TstConformance::aDroppedResponderAnswersInternal()
{
    openUp([](const QString&, const QJsonObject&, const Responder&) {});
    ask(QStringLiteral("x"));
    QTRY_COMPARE(m_answers.count(rpc::Code::Internal), 1);
}

void TstConformance::thePlatformIsServed()
{
    Desk ours;
    link().setHandler(ours.handler());
    openUp({});
    m_ends->ask(QStringLiteral("good"), {}, m_answers.reply());
    m_ends->ask(QStringLiteral("bad"), {}, m_answers.reply());
    QTRY_COMPARE(ours.methods(), QStringLiteral("good bad"));
    ours.held.at(1).second.fail(rpc::Code::Denied, QStringLiteral("no"));
    ours.held.at(0).second.answer(5); // answers need no order
    QTRY_COMPARE(m_answers.count(), 2);
    QCOMPARE(m_answers.count(rpc::Code::Denied), 1);
    QCOMPARE(std::get<QJsonValue>(m_answers.all.at(1)).toInt(), 5);
}

void TstConformance::notificationsCrossBothWays()
{
    Desk ours;
    link().setHandler(ours.handler());
    openUp(m_desk.handler());
    QVERIFY(link().notify(QStringLiteral("out"), {}));
    QTRY_COMPARE(m_desk.methods(), QStringLiteral("out"));
    QVERIFY(m_ends->tell(QStringLiteral("in"), {}));
    QTRY_COMPARE(ours.methods(), QStringLiteral("in"));
}

void TstConformance::goneAndBackAgain()
{
    QSignalSpy up(&link(), &PlatformLink::up);
    QSignalSpy down(&link(), &PlatformLink::down);
    openUp(m_desk.handler());
    for (int i = 1; i <= 2; ++i) {
        QCOMPARE(up.count(), i);
        m_ends->vanish();
        QTRY_COMPARE(down.count(), i);
        QVERIFY(!link().isUp());
        QVERIFY(!down.last().at(0).toString().isEmpty());
        m_ends->appear();
        QTRY_COMPARE(up.count(), i + 1);
        ask(QStringLiteral("again"));
        QTRY_COMPARE(m_desk.count(), i);
    }
}

void TstConformance::closingHereSaysNoDown()
{
    openUp(m_desk.handler());
    QSignalSpy down(&link(), &PlatformLink::down);
    ask(QStringLiteral("x"));
    link().close();
    QTRY_COMPARE(m_answers.count(rpc::Code::Closed), 1);
    QCoreApplication::processEvents();
    QCOMPARE(down.count(), 0);
    QVERIFY(!link().isUp());
    link().open();
    QTRY_VERIFY(link().isUp());
}

QTEST_GUILESS_MAIN(TstConformance)
#include "tst_conformance.moc"
