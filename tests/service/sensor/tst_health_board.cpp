#include "service/sensor/health_board.h"

#include "core/platform/control.h"
#include "tests/core/supervision/fakes.h"
#include "tests/support/event_schema.h"

#include "core/event/event_source.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QSignalSpy>
#include <QTest>

#include <memory>
#include <set>

using namespace beacon;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

const QString kBeacon = QStringLiteral("beacon_0@plant7"); // NOLINT(cert-err58-cpp)
const QString kListener = QStringLiteral("listener_0@plant7"); // NOLINT(cert-err58-cpp)

QJsonObject reason(
    const char* code, int severity, const char* text = "Something is not well.", double since = 1'763'999'000)
{
    return {{QStringLiteral("code"), QString::fromUtf8(code)}, {QStringLiteral("severity"), severity},
        {QStringLiteral("text"), QString::fromUtf8(text)}, {QStringLiteral("since"), since}};
}

QJsonObject health(const char* status, const QJsonArray& reasons = {})
{
    return {{QStringLiteral("status"), QString::fromUtf8(status)}, {QStringLiteral("reasons"), reasons},
        {QStringLiteral("facts"), QJsonObject{{QStringLiteral("pid"), 7}}}};
}

QStringList codesOf(const QJsonObject& told)
{
    QStringList codes;
    const QJsonArray reasons = told.value(QStringLiteral("reasons")).toArray();
    for (const auto& each : reasons)
        codes.append(each[QStringLiteral("code")].toString());
    return codes;
}

QString statusOf(const QJsonObject& told)
{
    return told.value(QStringLiteral("status")).toString();
}

} // namespace

class TestHealthBoard : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_asked.clear();
        m_held.clear();
        m_answers = {{kBeacon, QJsonValue{health("OK")}}, {kListener, QJsonValue{health("OK")}}};
        m_clock = ManualClock{};
        auto alarm = std::make_unique<test::FakeAlarm>();
        m_alarm = alarm.get();
        m_board = std::make_unique<HealthBoard>(
            m_clock,
            [this](const QString& address, milliseconds deadline, const platform::Reply& reply) {
                QCOMPARE(deadline, milliseconds{1'000});
                m_asked.push_back({address, m_clock.now()});
                if (const auto at = m_answers.find(address); at != m_answers.end())
                    reply(at->second);
                else
                    m_held.push_back(reply);
            },
            std::move(alarm));
    }

    void theFirstQuestionIsASecondAfterTheConnection()
    {
        begin(kBeacon);
        pass(900ms);
        QVERIFY(m_asked.empty());
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("PENDING"));
        pass(200ms);
        QCOMPARE(m_asked.size(), std::size_t{1});
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("OK"));
        QCOMPARE(m_board->healthOf(kBeacon).value(QStringLiteral("facts")),
            QJsonValue(QJsonObject{{QStringLiteral("pid"), 7}}));
        QCOMPARE(m_board->whole(),
            (QJsonObject{{QStringLiteral("status"), QStringLiteral("OK")}, {QStringLiteral("reasons"), QJsonArray{}}}));
    }

    void eachIsAskedInItsOwnPeriod()
    {
        begin(kBeacon, 10s);
        begin(kListener, 60s);
        pass(121s);
        QCOMPARE(timesAsked(kBeacon), 13);
        QCOMPARE(timesAsked(kListener), 3);
    }

    void whoHangsDelaysNobodyAndIsNotAskedTwiceAtOnce()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon, 1s);
        begin(kListener, 1s);
        pass(1s);
        QCOMPARE(m_held.size(), std::size_t{1});
        pass(900ms);
        QCOMPARE(m_held.size(), std::size_t{1});
        pass(4s);
        QVERIFY(timesAsked(kListener) >= 5);
        QCOMPARE(statusOf(m_board->healthOf(kListener)), QStringLiteral("OK"));
    }

    void threeQuestionsWithoutAnAnswerAreSilence()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        const QSignalSpy silent{m_board.get(), &HealthBoard::silent};
        pass(13900ms); // 1 s, and then a second each for an answer, five between them
        QCOMPARE(silent.count(), 0);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("PENDING"));
        pass(200ms);
        QCOMPARE(silent.count(), 1);
        QCOMPARE(silent.at(0).at(0).toString(), kBeacon);
        const QJsonObject told = m_board->healthOf(kBeacon);
        QCOMPARE(statusOf(told), QStringLiteral("ERROR"));
        QCOMPARE(codesOf(told), QStringList{QStringLiteral("silent")});
        const QString text = told.value(QStringLiteral("reasons"))[0][QStringLiteral("text")].toString();
        QVERIFY2(text.contains(QStringLiteral("since 2025-11-24 16:00:00 UTC")), qPrintable(text));
        QVERIFY2(text.contains(QStringLiteral("sensorctl logs beacon_0")), qPrintable(text));
        pass(60s);
        QCOMPARE(silent.count(), 1);
        m_answers[kBeacon] = QJsonValue{health("OK")};
        pass(7s);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("OK"));
        m_answers.erase(kBeacon);
        pass(60s);
        QCOMPARE(silent.count(), 2);
    }

    void silenceLastsOverARestartUntilAnAnswer()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        const QSignalSpy silent{m_board.get(), &HealthBoard::silent};
        pass(20s);
        m_board->connected(kBeacon, false);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("ERROR"));
        m_board->connected(kBeacon, true);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("ERROR"));
        pass(20s);
        QCOMPARE(silent.count(), 2); // once for each connection
        m_board->connected(kBeacon, true);
        m_answers[kBeacon] = QJsonValue{health("WARNING", {reason("x", 3)})};
        pass(2s);
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)), QStringList{QStringLiteral("x")});
    }

    void whoPushesButAnswersNothingIsSilent()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        const QSignalSpy silent{m_board.get(), &HealthBoard::silent};
        for (int i = 0; i < 20; ++i) {
            m_board->pushed(kBeacon, health("OK"));
            pass(1s);
        }
        QCOMPARE(silent.count(), 1);
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)), QStringList{QStringLiteral("silent")});
    }

    void nothingHeardForThreePeriodsIsSilenceToo()
    {
        m_answers[kBeacon] = rpc::RpcError{rpc::Code::Closed, QStringLiteral("gone"), QJsonValue::Undefined};
        begin(kBeacon, 15s);
        const QSignalSpy silent{m_board.get(), &HealthBoard::silent};
        pass(44s);
        QCOMPARE(silent.count(), 0);
        pass(2s);
        QCOMPARE(silent.count(), 1);
    }

    void aTimeoutOrABusyLineIsNoAnswer_data()
    {
        QTest::addColumn<int>("code");
        QTest::newRow("the hub's deadline passed") << int(rpc::Code::Timeout);
        QTest::newRow("it has too much under way") << int(rpc::Code::Busy);
    }
    void aTimeoutOrABusyLineIsNoAnswer()
    {
        QFETCH(int, code);
        m_answers[kBeacon] = rpc::RpcError{rpc::Code(code), QStringLiteral("x"), QJsonValue::Undefined};
        begin(kBeacon);
        const QSignalSpy silent{m_board.get(), &HealthBoard::silent};
        pass(15s);
        QCOMPARE(silent.count(), 1);
        QVERIFY(timesAsked(kBeacon) < 6);
    }

    void timeInWhichOurOwnLoopWasLateCountsAgainstNobody()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        begin(kListener);
        m_board->connected(kListener, false);
        const QSignalSpy silent{m_board.get(), &HealthBoard::silent};
        pass(1s);
        for (int i = 0; i < 5; ++i) {
            m_clock.advance(1h); // this process was stopped meanwhile
            m_alarm->fire();
        }
        QCOMPARE(silent.count(), 0);
        QCOMPARE(statusOf(m_board->healthOf(kListener)), QStringLiteral("PENDING"));
        m_held.back()(QJsonValue{health("OK")});
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("OK"));
    }

    void aTimeoutThatCameOfOurLatenessIsForgiven()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        const QSignalSpy silent{m_board.get(), &HealthBoard::silent};
        for (std::size_t i = 0; i < 6; ++i) {
            pass(1s);
            QCOMPARE(m_held.size(), i + 1);
            m_clock.advance(10s); // and the hub's timer comes before ours
            m_held.back()(rpc::RpcError{rpc::Code::Timeout, QStringLiteral("x"), QJsonValue::Undefined});
        }
        QCOMPARE(silent.count(), 0);
    }

    void aLateAnswerIsPassedOver()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        pass(1s);
        const auto late = m_held.back();
        pass(2s);
        late(QJsonValue{health("OK")});
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)), QStringList{QStringLiteral("first_answer")});
        m_board->forget(kBeacon);
        m_held.back()(QJsonValue{health("OK")});
        QVERIFY(m_board->healthOf(kBeacon).isEmpty());
        auto last = m_held.back();
        m_board.reset();
        last(QJsonValue{health("OK")}); // nobody there any more
    }

    void anAnswerOfAnEarlierConnectionIsPassedOver()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        pass(1s);
        m_board->connected(kBeacon, false);
        m_board->connected(kBeacon, true);
        m_held.back()(QJsonValue{health("OK")});
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)), QStringList{QStringLiteral("first_answer")});
    }

    void notConnectedIsPendingAndThenAnError()
    {
        m_board->expect(kBeacon);
        const QSignalSpy changed{m_board.get(), &HealthBoard::changed};
        pass(29s);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("PENDING"));
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)), QStringList{QStringLiteral("not_connected")});
        QCOMPARE(changed.count(), 0);
        pass(2s);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("ERROR"));
        QCOMPARE(changed.count(), 1);
        m_board->connected(kBeacon, true);
        pass(2s);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("OK"));
        m_board->connected(kBeacon, false);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("PENDING"));
        pass(31s);
        QCOMPARE(statusOf(m_board->whole()), QStringLiteral("ERROR"));
        QVERIFY(!m_alarm->armed); // nothing more can happen by itself
    }

    void whatIsToBeStoppedCountsForNothing()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        begin(kListener);
        pass(20s);
        QCOMPARE(statusOf(m_board->whole()), QStringLiteral("ERROR"));
        m_board->raise(kBeacon, QStringLiteral("held"), HealthStatus::Error, QStringLiteral("It cannot be started."));
        m_board->expect(kBeacon, 30s, false);
        QCOMPARE(m_board->healthOf(kBeacon),
            (QJsonObject{{QStringLiteral("status"), QStringLiteral("STOPPED")},
                {QStringLiteral("reasons"), QJsonArray{}}, {QStringLiteral("facts"), QJsonObject{}}}));
        QCOMPARE(statusOf(m_board->whole()), QStringLiteral("OK"));
        m_board->connected(kBeacon, false);
        const int before = timesAsked(kBeacon);
        pass(100s);
        QCOMPARE(timesAsked(kBeacon), before);
        m_board->expect(kBeacon, 30s, true);
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)),
            (QStringList{QStringLiteral("held"), QStringLiteral("not_connected")}));
    }

    void pushesAreTaken()
    {
        begin(kBeacon);
        pass(2s);
        const QSignalSpy changed{m_board.get(), &HealthBoard::changed};
        m_board->pushed(kBeacon, health("WARNING", {reason("beacon_died", 3)}));
        QCOMPARE(changed.count(), 1);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("WARNING"));
        m_board->pushed(QStringLiteral("nobody_0@plant7"), health("OK"));
        m_board->connected(kBeacon, false);
        m_board->pushed(kBeacon, health("OK")); // too late
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)), QStringList{QStringLiteral("not_connected")});
    }

    void anAnswerThatIsNoneIsAnError_data()
    {
        QTest::addColumn<QJsonValue>("answer");
        QTest::newRow("a number") << QJsonValue{1};
        QTest::newRow("null") << QJsonValue{};
        QTest::newRow("an empty object") << QJsonValue{QJsonObject{}};
        QTest::newRow("a status that is none") << QJsonValue{health("FINE")};
        QTest::newRow("a status in small letters") << QJsonValue{health("ok")};
        QTest::newRow("STOPPED, which only the Sensor says") << QJsonValue{health("STOPPED")};
        QJsonObject odd = health("OK");
        odd[QStringLiteral("reasons")] = 1;
        QTest::newRow("reasons that are no list") << QJsonValue{odd};
        odd = health("OK");
        odd[QStringLiteral("facts")] = QStringLiteral("x");
        QTest::newRow("facts that are no object") << QJsonValue{odd};
        QTest::newRow("a reason that is none") << QJsonValue{health("ERROR", {1})};
        QTest::newRow("a reason without a code") << QJsonValue{health("ERROR", {reason("", 4)})};
        QTest::newRow("a reason without a text") << QJsonValue{health("ERROR", {reason("x", 4, " ")})};
        QTest::newRow("a severity of 0") << QJsonValue{health("ERROR", {reason("x", 0)})};
        QTest::newRow("a severity of 6") << QJsonValue{health("ERROR", {reason("x", 6)})};
        odd = health("OK");
        odd[QStringLiteral("facts")] = QJsonObject{{QStringLiteral("x"), QString(70'000, QLatin1Char('x'))}};
        QTest::newRow("one that is too long") << QJsonValue{odd};
    }
    void anAnswerThatIsNoneIsAnError()
    {
        QFETCH(QJsonValue, answer);
        m_answers[kBeacon] = answer;
        begin(kBeacon);
        pass(1100ms);
        const QJsonObject told = m_board->healthOf(kBeacon);
        QCOMPARE(statusOf(told), QStringLiteral("ERROR"));
        QCOMPARE(codesOf(told), QStringList{QStringLiteral("health_unreadable")});
        pass(100s);
        const auto since = [&] {
            return m_board->healthOf(kBeacon).value(QStringLiteral("reasons"))[0][QStringLiteral("since")];
        };
        QCOMPARE(since(), told.value(QStringLiteral("reasons"))[0][QStringLiteral("since")]); // alive, and no silence
        m_board->pushed(kBeacon, health("OK"));
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("OK"));
        if (answer.isObject()) {
            m_board->pushed(kBeacon, answer.toObject());
            QCOMPARE(codesOf(m_board->healthOf(kBeacon)), QStringList{QStringLiteral("health_unreadable")});
        }
    }

    void anErrorAsAnswerIsAnError()
    {
        m_answers[kBeacon] =
            rpc::RpcError{rpc::Code::MethodNotFound, QStringLiteral("no\nsuch method"), QJsonValue::Undefined};
        begin(kBeacon);
        pass(60s);
        const QJsonObject told = m_board->healthOf(kBeacon);
        QCOMPARE(codesOf(told), QStringList{QStringLiteral("health_unreadable")});
        QVERIFY(told.value(QStringLiteral("reasons"))[0][QStringLiteral("text")].toString().contains(
            QStringLiteral("no such method")));
    }

    void whatItSaysIsPutInOrderAndBounded()
    {
        QJsonArray many{reason("pending", 1, "p", 1'763'999'001), reason("warning", 3, "w", 1'763'999'003),
            reason("error", 4, "e", 1'763'999'004), reason("error", 4, "e again", 1'763'999'005),
            reason("older", 5, "o", 1'763'999'002), reason("low", 2, "l\n\x1b[31m", 9e12)};
        m_answers[kBeacon] = QJsonValue{health("ERROR", many)};
        begin(kBeacon);
        pass(2s);
        const QJsonObject told = m_board->healthOf(kBeacon);
        QCOMPARE(codesOf(told),
            (QStringList{QStringLiteral("older"), QStringLiteral("error"), QStringLiteral("warning"),
                QStringLiteral("low"), QStringLiteral("pending")}));
        const QJsonValue low = told.value(QStringLiteral("reasons"))[3];
        QCOMPARE(low[QStringLiteral("text")].toString(), QStringLiteral("l  [31m"));
        QVERIFY(low[QStringLiteral("since")].toDouble() < 2e9); // no time that is yet to come
        many = {};
        for (int i = 0; i < 100; ++i)
            many.append(reason(QByteArray::number(i).prepend('r').constData(), 1 + 3 * (i == 99)));
        m_board->pushed(kBeacon, health("ERROR", many));
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)).size(), 32);
        QCOMPARE(codesOf(m_board->healthOf(kBeacon)).front(), QStringLiteral("r99"));
    }

    void badHealthWithoutAReasonHasOne()
    {
        m_answers[kBeacon] = QJsonValue{health("ERROR")};
        begin(kBeacon);
        pass(2s);
        QCOMPARE(codesOf(m_board->whole()), QStringList{QStringLiteral("unexplained")});
    }

    void theWholeIsTheWorstOfAll()
    {
        begin(kBeacon);
        begin(kListener);
        m_answers[kBeacon] = QJsonValue{health("WARNING", {reason("odd", 3)})};
        m_answers[kListener] = QJsonValue{health("PENDING", {reason("soon", 1)})};
        pass(2s);
        QCOMPARE(statusOf(m_board->whole()), QStringLiteral("WARNING"));
        m_board->raise(
            control::kSensorTarget, QStringLiteral("disk"), HealthStatus::Error, QStringLiteral("The disk is full."));
        const QJsonObject whole = m_board->whole();
        QCOMPARE(statusOf(whole), QStringLiteral("ERROR"));
        QCOMPARE(codesOf(whole), (QStringList{QStringLiteral("disk"), QStringLiteral("odd"), QStringLiteral("soon")}));
        const QJsonArray reasons = whole.value(QStringLiteral("reasons")).toArray();
        QCOMPARE(reasons.at(0)[QStringLiteral("source")].toString(), QStringLiteral("sensor"));
        QCOMPARE(reasons.at(0)[QStringLiteral("severity")].toInt(), 4);
        QCOMPARE(reasons.at(1)[QStringLiteral("source")].toString(), kBeacon);
        m_board->clear(control::kSensorTarget, QStringLiteral("disk"));
        m_board->forget(kBeacon);
        QCOMPARE(statusOf(m_board->whole()), QStringLiteral("PENDING"));
    }

    void theWholeIsBounded()
    {
        QJsonArray many;
        for (int i = 0; i < 32; ++i)
            many.append(reason(QByteArray::number(i).prepend('r').constData(), 3));
        for (int i = 0; i < 10; ++i) {
            const QString address = QStringLiteral("x_%1@plant7").arg(i);
            m_answers[address] = QJsonValue{health("WARNING", many)};
            begin(address);
        }
        pass(2s);
        m_board->raise(control::kSensorTarget, QStringLiteral("disk"), HealthStatus::Error, QStringLiteral("Full."));
        const QJsonObject whole = m_board->whole();
        QCOMPARE(codesOf(whole).size(), qsizetype(HealthBoard::kMaxWhole));
        QCOMPARE(codesOf(whole).front(), QStringLiteral("disk"));
        QCOMPARE(whole.value(QStringLiteral("left_out")).toInt(), 321 - int(HealthBoard::kMaxWhole));
    }

    void theSensorsReasonsForAnInstrumentAreItsOwn()
    {
        begin(kBeacon);
        pass(2s);
        const QSignalSpy changed{m_board.get(), &HealthBoard::changed};
        const auto raise = [this](HealthStatus status, const char* text) {
            m_board->raise(kBeacon, QStringLiteral("crash_loop"), status, QString::fromUtf8(text));
            pass(100ms);
        };
        raise(HealthStatus::Warning, "It died.");
        raise(HealthStatus::Warning, "It died.");
        QCOMPARE(changed.count(), 1);
        raise(HealthStatus::Error, "It keeps dying.");
        QCOMPARE(changed.count(), 2);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("ERROR"));
        m_board->clear(kBeacon, QStringLiteral("crash_loop"));
        m_board->clear(kBeacon, QStringLiteral("crash_loop"));
        pass(100ms);
        QCOMPARE(changed.count(), 3);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("OK"));
        m_board->raise(
            QStringLiteral("nobody_0@plant7"), QStringLiteral("x"), HealthStatus::Error, QStringLiteral("x"));
        QCOMPARE(statusOf(m_board->whole()), QStringLiteral("OK"));
    }

    void onlyWhatAPersonWouldSeeIsSignalled()
    {
        begin(kBeacon, 5s);
        pass(2s);
        const QSignalSpy changed{m_board.get(), &HealthBoard::changed};
        const QSignalSpy whole{m_board.get(), &HealthBoard::wholeChanged};
        const auto say = [this](const QJsonObject& now) {
            m_answers[kBeacon] = QJsonValue{now};
            m_board->pushed(kBeacon, now);
        };
        pass(60s); // asked again and again
        QJsonObject other = health("OK");
        other[QStringLiteral("facts")] = QJsonObject{{QStringLiteral("pid"), 8}};
        say(other);
        pass(1s);
        QCOMPARE(changed.count(), 0);
        say(health("WARNING", {reason("x", 3, "One.", 1'763'999'000)}));
        pass(1s);
        QCOMPARE(changed.count(), 1);
        QCOMPARE(whole.count(), 1);
        say(health("WARNING", {reason("x", 3, "One.", 1'763'999'900)})); // only since
        pass(1s);
        QCOMPARE(changed.count(), 1);
        say(health("WARNING", {reason("x", 3, "Two.")})); // other words
        pass(1s);
        QCOMPARE(changed.count(), 2);
        QCOMPARE(whole.count(), 1);
        m_board->forget(kBeacon);
        pass(1s);
        QCOMPARE(whole.count(), 2);
    }

    void theEventIsTheDataOfItsSchema()
    {
        const QSignalSpy whole{m_board.get(), &HealthBoard::wholeChanged};
        begin(kBeacon);
        pass(2s);
        m_answers[kBeacon] = QJsonValue{health("ERROR", {reason("held", 4)})};
        pass(31s);
        QVERIFY(whole.count() >= 2);
        EventSource source{
            {QStringLiteral("sensor@plant7"), QStringLiteral("plant7"), QStringLiteral("sensor")}, m_clock};
        for (const QList<QVariant>& each : whole) {
            const Event event = source.make(EventId::Health, QStringLiteral("x"), each.at(1).toJsonObject());
            QCOMPARE(QByteArray::fromStdString(test::schemaComplaint(toLine(event).toStdString())), QByteArray{});
        }
        const QJsonObject last = whole.last().at(1).toJsonObject();
        QCOMPARE(whole.last().at(0).value<HealthStatus>(), HealthStatus::Error);
        QCOMPARE(last.value(QStringLiteral("from")).toString(), QStringLiteral("OK"));
        QCOMPARE(last.value(QStringLiteral("to")).toString(), QStringLiteral("ERROR"));
        QCOMPARE(last.value(QStringLiteral("reasons"))[0][QStringLiteral("source")].toString(), kBeacon);
        QCOMPARE(m_board->eventData(HealthStatus::Ok), last);
    }

    void whoFlapsDoesNotSpam()
    {
        begin(kBeacon);
        pass(2s);
        const QSignalSpy changed{m_board.get(), &HealthBoard::changed};
        const QSignalSpy whole{m_board.get(), &HealthBoard::wholeChanged};
        for (int i = 0; i < 5'000; ++i) {
            m_board->pushed(kBeacon, i % 2 == 0 ? health("ERROR", {reason("x", 4)}) : health("OK"));
            pass(2ms);
        }
        QVERIFY2(changed.count() <= 10'000 / 50 + 1, qPrintable(QString::number(changed.count())));
        QVERIFY2(whole.count() <= 30, qPrintable(QString::number(whole.count())));
        pass(30s);
        QCOMPARE(statusOf(m_board->healthOf(kBeacon)), QStringLiteral("OK"));
        QCOMPARE(whole.last().at(0).value<HealthStatus>(), HealthStatus::Ok); // the end of it is told
    }

    void slotsMayCallTheBoard()
    {
        m_answers.erase(kBeacon);
        begin(kBeacon);
        begin(kListener);
        connect(m_board.get(), &HealthBoard::silent, m_board.get(), [this](const QString& address) {
            m_board->connected(address, false);
            m_board->forget(address);
        });
        connect(m_board.get(), &HealthBoard::changed, m_board.get(), [this](const QString& address) {
            if (m_board->healthOf(address).value(QStringLiteral("status")) == QStringLiteral("WARNING"))
                m_board->forget(address);
        });
        m_answers[kListener] = QJsonValue{health("WARNING", {reason("x", 3)})};
        pass(60s);
        QVERIFY(m_board->healthOf(kBeacon).isEmpty());
        QVERIFY(m_board->healthOf(kListener).isEmpty());
        QVERIFY(!m_alarm->armed);
    }

private:
    struct Asked {
        QString address;
        MonotonicTime at;
    };

    void begin(const QString& address, std::chrono::seconds period = 30s)
    {
        m_board->expect(address, period);
        m_board->connected(address, true);
    }
    /// Lets time pass, and the alarm ring when it is due.
    void pass(milliseconds time)
    {
        const MonotonicTime until = m_clock.now() + time;
        while (m_alarm->armed && m_clock.now() + *m_alarm->armed <= until) {
            m_clock.advance(*m_alarm->armed);
            m_alarm->fire();
        }
        if (const auto left = until - m_clock.now(); left > 0ns) {
            m_clock.advance(left);
            if (m_alarm->armed)
                *m_alarm->armed -= std::chrono::duration_cast<milliseconds>(left);
        }
    }
    int timesAsked(const QString& address) const
    {
        return static_cast<int>(
            std::count_if(m_asked.begin(), m_asked.end(), [&](const Asked& each) { return each.address == address; }));
    }

    ManualClock m_clock;
    test::FakeAlarm* m_alarm = nullptr;
    std::unique_ptr<HealthBoard> m_board;
    std::vector<Asked> m_asked;
    std::vector<platform::Reply> m_held;
    std::map<QString, platform::Answer> m_answers;
};

QTEST_GUILESS_MAIN(TestHealthBoard)
#include "tst_health_board.moc"
