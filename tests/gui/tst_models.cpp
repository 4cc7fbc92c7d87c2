#include "gui/models/attempt_model.h"
#include "gui/models/escape_model.h"

#include <QAbstractItemModelTester>
#include <QHeaderView>
#include <QJsonDocument>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>

using namespace beacon::gui;

namespace {

Attempt attempt(quint64 seq, const char* technique = "TcpConnection", const char* outcome = "sent")
{
    Attempt made;
    made.at = 1'764'000'000 + static_cast<double>(seq);
    made.seq = seq;
    made.technique = QLatin1StringView(technique);
    made.family = QStringLiteral("ipv4");
    made.target = QStringLiteral("192.0.2.10");
    made.port = 443;
    made.via = QStringLiteral("02:00:5e:10:00:01");
    made.outcome = QLatin1StringView(outcome);
    return made;
}

QList<Attempt> attempts(quint64 first, int count)
{
    QList<Attempt> made;
    for (int i = 0; i < count; ++i)
        made.append(
            attempt(first + quint64(i), i % 2 == 0 ? "TcpConnection" : "IcmpEcho", i % 4 == 0 ? "refused" : "sent"));
    return made;
}

QString cell(const QAbstractItemModel& model, int row, int column)
{
    return model.index(row, column).data().toString();
}

} // namespace

class TestModels : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void linesBecomeAttempts_data();
    void linesBecomeAttempts();
    void theOldestGoWhenItIsFull();
    void aFilterShowsOnlyWhatPasses();
    void aFilterSurvivesTheRing();
    void pausedKeepsCollectingWithinItsBound();
    void aMillionRowsTakeTwoHundredMoreInOneBatch();
    void escapesAreOneRowAPath();
    void escapesAreBounded();
};

void TestModels::linesBecomeAttempts_data()
{
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QString>("outcome"); // null: not an attempt
    QTest::newRow("sent") << QByteArray(R"({"t":"attempt","outcome":"sent"})") << "sent";
    QTest::newRow("words for people") << QByteArray(R"({"t":"attempt","outcome":"no_next_hop"})") << "no next hop";
    QTest::newRow("errno is named") << QByteArray(R"({"t":"attempt","outcome":"local_error","errno":"EPERM"})")
                                    << "local error (EPERM)";
    QTest::newRow("why it was skipped") << QByteArray(R"({"t":"attempt","outcome":"skipped","reason":"no resolver"})")
                                        << "skipped (no resolver)";
    QTest::newRow("an escape") << QByteArray(R"({"t":"escape","rtt_us":5})") << "ESCAPED";
    QTest::newRow("idle is none") << QByteArray(R"({"t":"idle","for_s":10})") << QString();
    QTest::newRow("wrong kinds do no harm") << QByteArray(R"({"t":"attempt","outcome":5,"port":"x","dst":[]})") << "";
}

void TestModels::linesBecomeAttempts()
{
    QFETCH(QByteArray, line);
    QFETCH(QString, outcome);
    const auto made = attemptFromJson(QJsonDocument::fromJson(line).object());
    QCOMPARE(made.has_value(), !outcome.isNull());
    if (made)
        QCOMPARE(made->outcome, outcome);
}

void TestModels::theOldestGoWhenItIsFull()
{
    AttemptModel model(100);
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.append(attempts(1, 90));
    model.append(attempts(91, 30));
    QCOMPARE(model.rowCount(), 100);
    QCOMPARE(cell(model, 0, AttemptModel::Time), clockText(1'764'000'021));
    QCOMPARE(cell(model, 99, AttemptModel::Time), clockText(1'764'000'120));
    model.append(attempts(121, 1'000)); // more than it holds, at once
    QCOMPARE(model.rowCount(), 100);
    QCOMPARE(cell(model, 99, AttemptModel::Time), clockText(1'764'001'120));
    model.clear();
    QCOMPARE(model.rowCount(), 0);
    model.append(attempts(1, 1));
    QCOMPARE(model.rowCount(), 1);
}

void TestModels::aFilterShowsOnlyWhatPasses()
{
    AttemptModel model(1'000);
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.append(attempts(0, 100));
    model.setFilter(QStringLiteral("icmp"), {});
    QCOMPARE(model.rowCount(), 50);
    QCOMPARE(cell(model, 0, AttemptModel::Technique), QStringLiteral("IcmpEcho"));
    model.append(attempts(100, 4));
    QCOMPARE(model.rowCount(), 52);
    model.setFilter({}, QStringLiteral("refused"));
    QCOMPARE(model.rowCount(), 26);
    model.setFilter(QStringLiteral("icmp"), QStringLiteral("refused"));
    QCOMPARE(model.rowCount(), 0);
    QCOMPARE(model.stored(), std::size_t{104});
    model.setFilter(QStringLiteral("443"), {});
    QCOMPARE(model.rowCount(), 104);
    model.setFilter({}, {});
    QCOMPARE(model.rowCount(), 104);
}

void TestModels::aFilterSurvivesTheRing()
{
    AttemptModel model(100);
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setFilter(QStringLiteral("icmp"), {});
    for (quint64 first = 0; first < 1'000; first += 30) {
        model.append(attempts(first, 30));
        for (int row = 0; row < model.rowCount(); ++row)
            QCOMPARE(cell(model, row, AttemptModel::Technique), QStringLiteral("IcmpEcho"));
    }
    QCOMPARE(model.rowCount(), 50);
}

void TestModels::pausedKeepsCollectingWithinItsBound()
{
    AttemptModel model(100);
    model.append(attempts(0, 10));
    model.setPaused(true);
    model.append(attempts(10, 20));
    QCOMPARE(model.rowCount(), 10);
    QCOMPARE(model.held(), std::size_t{20});
    model.append(attempts(30, 500));
    QCOMPARE(model.held(), std::size_t{100});
    model.setPaused(false);
    QCOMPARE(model.held(), std::size_t{0});
    QCOMPARE(model.rowCount(), 100);
    QCOMPARE(cell(model, 99, AttemptModel::Time), clockText(1'764'000'529));
}

void TestModels::aMillionRowsTakeTwoHundredMoreInOneBatch()
{
    AttemptModel model(1'000'000);
    QTableView view;
    view.setModel(&model);
    view.verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    view.show();
    for (quint64 first = 0; first < 1'000'000; first += 100'000)
        model.append(attempts(first, 100'000));
    QCOMPARE(model.rowCount(), 1'000'000);
    const QSignalSpy resets(&model, &QAbstractItemModel::modelReset);
    const QSignalSpy inserts(&model, &QAbstractItemModel::rowsInserted);
    for (int i = 0; i < 10; ++i) {
        model.append(attempts(1'000'000 + quint64(i) * 200, 200));
        view.scrollToBottom();
        QCoreApplication::processEvents();
    }
    QCOMPARE(model.rowCount(), 1'000'000);
    QCOMPARE(resets.count(), 0); // a reset would lay out a million rows anew
    QCOMPARE(inserts.count(), 10); // one a batch, not one a row
    QCOMPARE(cell(model, 999'999, AttemptModel::Time), clockText(1'764'000'000 + 1'001'999));
}

void TestModels::escapesAreOneRowAPath()
{
    EscapeModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    QVERIFY(model.add(attempt(1)));
    QVERIFY(!model.add(attempt(2)));
    QVERIFY(model.add(attempt(3, "IcmpEcho")));
    QVERIFY(!model.add(attempt(4)));
    Attempt other = attempt(5);
    other.via = QStringLiteral("02:00:5e:10:00:02");
    QVERIFY(model.add(other));
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(cell(model, 2, EscapeModel::Count), QStringLiteral("3")); // the oldest path is the last row
    QCOMPARE(cell(model, 2, EscapeModel::FirstSeen), momentText(1'764'000'001));
    QCOMPARE(cell(model, 2, EscapeModel::LastSeen), momentText(1'764'000'004));
    QCOMPARE(cell(model, 0, EscapeModel::Via), QStringLiteral("02:00:5e:10:00:02"));
}

void TestModels::escapesAreBounded()
{
    EscapeModel model;
    for (int i = 0; i < int(EscapeModel::kMaxPaths) + 5; ++i) {
        Attempt made = attempt(quint64(i));
        made.target = QString::number(i);
        (void)model.add(made);
    }
    QCOMPARE(model.rowCount(), int(EscapeModel::kMaxPaths));
    QCOMPARE(model.dropped(), quint64{5});
}

QTEST_MAIN(TestModels)
#include "tst_models.moc"
