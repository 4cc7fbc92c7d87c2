#include "service/sensorctl/plain.h"
#include "service/sensorctl/show.h"

#include <QJsonDocument>
#include <QRandomGenerator>
#include <QTest>

using namespace beacon::sensorctl;

namespace {

QJsonObject json(const char* text)
{
    return QJsonDocument::fromJson(text).object();
}

} // namespace

class TestCtlShow : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { qputenv("TZ", "UTC-5:30"); }
    void harmlessText_data();
    void harmlessText();
    void noBytesAreHarmful();
    void columns_data();
    void columns();
    void times_data();
    void times();
    void durations_data();
    void durations();
    void jsonKeepsWhatItSays();
    void tablesAlign();
    void tablesFitTheTerminal_data();
    void tablesFitTheTerminal();
    void coloursOnlyWhereTheyAreWanted();
    void theWorstComesFirst();
    void differencesOfAnInstrumentAreShown();
    void anEmptySensorSaysWhatToDo();
    void failedTestsComeFirst();
    void whatWasApplied_data();
    void whatWasApplied();
    void severitiesAreWords();
};

void TestCtlShow::harmlessText_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("shown");
    QTest::newRow("words stay") << "Gerät 7 läuft"
                                << "Gerät 7 läuft";
    QTest::newRow("an escape sequence") << "\x1b[31mred"
                                        << "\\x1b[31mred";
    QTest::newRow("ends of lines") << "a\nb\r\tc"
                                   << "a\\nb\\x0d\\tc";
    QTest::newRow("a C1 control") << QString{QChar{0x9b}} + "2J"
                                  << "\\x9b2J";
    QTest::newRow("a delete") << "a\x7f"
                              << "a\\x7f";
    QTest::newRow("a NUL") << QString{QChar{0}} << "\\x00";
    QTest::newRow("marks of direction") << QString{QChar{0x202e}} + "txt"
                                        << "\\u202etxt";
    QTest::newRow("line and paragraph separators") << QString{QChar{0x2028}} + QChar{0x2029} << "\\u2028\\u2029";
    QTest::newRow("half a pair") << QString{QChar{0xd800}} + "x"
                                 << "\\ud800x";
    QTest::newRow("invisible tags beyond the first plane") << QString::fromUcs4(U"\U000e0041") << "\\ue0041";
    QTest::newRow("a smile stays") << QString::fromUcs4(U"\U0001f600") << QString::fromUcs4(U"\U0001f600");
    QTest::newRow("long text is cut") << QString(500, 'x') << QString(300, 'x') + QChar{0x2026};
}

void TestCtlShow::harmlessText()
{
    QFETCH(QString, text);
    QTEST(harmless(text), "shown");
}

void TestCtlShow::noBytesAreHarmful()
{
    QRandomGenerator random{7};
    for (int i = 0; i < 2'000; ++i) {
        QByteArray bytes(20, Qt::Uninitialized);
        random.fillRange(reinterpret_cast<quint32*>(bytes.data()), 5);
        const QString shown = harmless(QString::fromUtf8(bytes)) + harmless(QString::fromLatin1(bytes));
        const QString written =
            QString::fromUtf8(jsonText(QJsonObject{{QString::fromLatin1(bytes), QString::fromUtf8(bytes)}}, false));
        for (const QChar c : shown + written)
            QVERIFY2(c.category() != QChar::Other_Control && c.category() != QChar::Other_Format, bytes.toHex());
    }
}

void TestCtlShow::columns_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<int>("columns");
    QTest::addColumn<QString>("inFour");
    QTest::newRow("letters") << "abcdef" << 6 << QString{"abc"} + QChar{0x2026};
    QTest::newRow("what fits stays") << "abcd" << 4 << "abcd";
    QTest::newRow("wide characters") << QString::fromUcs4(U"測定器") << 6 << QString::fromUcs4(U"測…");
    QTest::newRow("combining marks take none")
        << QString{"a"} + QChar{0x301} + "bcd" << 4 << QString{"a"} + QChar{0x301} + "bcd";
}

void TestCtlShow::columns()
{
    QFETCH(QString, text);
    QFETCH(int, columns);
    QCOMPARE(columnsOf(text), columns);
    QTEST(fitted(text, 4), "inFour");
}

void TestCtlShow::times_data()
{
    QTest::addColumn<QJsonValue>("time");
    QTest::addColumn<QString>("shown");
    QTest::newRow("Unix seconds") << QJsonValue{1'764'000'000.75} << "2025-11-24 21:30:00+05:30";
    QTest::newRow("RFC 3339") << QJsonValue{"2025-11-24T16:00:00.123Z"} << "2025-11-24 21:30:00+05:30";
    QTest::newRow("RFC 3339 with an offset") << QJsonValue{"2025-11-24T18:00:00+02:00"} << "2025-11-24 21:30:00+05:30";
    QTest::newRow("nothing") << QJsonValue{} << "-";
    QTest::newRow("no time at all") << QJsonValue{true} << "-";
    QTest::newRow("beyond all years") << QJsonValue{1e300} << "-";
    QTest::newRow("words stay words") << QJsonValue{"yesterday"} << "yesterday";
}

void TestCtlShow::times()
{
    QFETCH(QJsonValue, time);
    QTEST(localTime(time), "shown");
}

void TestCtlShow::durations_data()
{
    QTest::addColumn<double>("seconds");
    QTest::addColumn<QString>("shown");
    QTest::newRow("seconds") << 59.9 << "59 s";
    QTest::newRow("minutes") << 61.0 << "1 min 1 s";
    QTest::newRow("hours") << 3'661.0 << "1 h 1 min";
    QTest::newRow("days") << 93'784.0 << "1 d 2 h";
    QTest::newRow("less than nothing") << -1.0 << "-";
    QTest::newRow("for ever") << std::numeric_limits<double>::infinity() << "-";
}

void TestCtlShow::durations()
{
    QFETCH(double, seconds);
    QTEST(duration(seconds), "shown");
}

void TestCtlShow::jsonKeepsWhatItSays()
{
    const QString hostile = QString{QChar{0x9b}} + QChar{0x202e} + QString::fromUcs4(U"\U000e0041") + "\x7f\x1b\n\"\\";
    const QJsonObject object{{hostile, QJsonArray{hostile, 1, 0.5, true, QJsonValue{}, QJsonObject{}}}};
    for (const bool indented : {true, false})
        QCOMPARE(QJsonDocument::fromJson(jsonText(object, indented)).object(), object);
    QVERIFY(!jsonText(object, false).contains('\n'));
    QCOMPARE(jsonText(5, true), QByteArray{"5"});
    QCOMPARE(jsonText("a]b", false), QByteArray{"\"a]b\""});
    QCOMPARE(jsonText(QJsonValue{}, false), QByteArray{"null"});
}

void TestCtlShow::tablesAlign()
{
    TextTable table{{{"NAME", 20}, {"STATE", 10}, {"TEXT", 50}}};
    table.add({{"a"}, {"running"}, {"first\nline"}});
    table.add({{"longer_name"}, {}, {QString::fromUcs4(U"測定")}});
    table.add({{"b"}, {"up"}});
    QCOMPARE(table.text({}),
        QString::fromUtf8("NAME         STATE    TEXT\n"
                          "a            running  first\\nline\n"
                          "longer_name           測定\n"
                          "b            up\n"));
}

void TestCtlShow::tablesFitTheTerminal_data()
{
    QTest::addColumn<int>("width");
    for (const int width : {40, 60, 80, 132, 500})
        QTest::addRow("%d columns", width) << width;
}

void TestCtlShow::tablesFitTheTerminal()
{
    QFETCH(int, width);
    TextTable table{{{"ONE", 40}, {"TWO", 40}, {"THREE", 300}}};
    table.add({{QString(60, 'a')}, {QString(30, 'b')}, {QString(400, 'c')}});
    for (const QString& line : table.text({false, width}).split('\n'))
        QVERIFY2(columnsOf(line) <= width, qPrintable(line));
}

void TestCtlShow::coloursOnlyWhereTheyAreWanted()
{
    TextTable table{{{"S", 20}}};
    table.add({{"ERROR", Tone::Bad}});
    QCOMPARE(table.text({}), QString{"S\nERROR\n"});
    QCOMPARE(table.text({true, 80}), QString{"\x1b[1mS\x1b[0m\n\x1b[1;31mERROR\x1b[0m\n"});
    QCOMPARE(painted("x", Tone::Plain, {true, 80}), QString{"x"});
}

void TestCtlShow::theWorstComesFirst()
{
    QJsonArray instruments;
    for (const char* status : {"OK", "STOPPED", "ERROR", "PENDING", "WARNING"})
        instruments.append(QJsonObject{{"name", QString{"i_"} + status}, {"health", QJsonObject{{"status", status}}}});
    const QString text = sensorText({{"sensor", "plant7"}, {"health", QJsonObject{{"status", "ERROR"}}},
                                        {"instruments", instruments}, {"interfaces", QJsonArray{}}},
        {});
    qsizetype last = 0;
    for (const char* status : {"ERROR", "WARNING", "PENDING", "STOPPED", "OK"}) {
        const qsizetype at = text.indexOf(QString{"i_"} + status);
        QVERIFY2(at > last, qPrintable(text));
        last = at;
        QVERIFY(isStatus(status));
    }
    QVERIFY(!isStatus("SPLENDID"));
    QVERIFY(!isStatus(""));
}

void TestCtlShow::differencesOfAnInstrumentAreShown()
{
    const QJsonObject instrument = json(R"({"name":"beacon_0","life":"waiting","desired":"running","connected":false,
        "last_exit":"killed by signal 9","health":{"status":"WARNING","reasons":[{"severity":3,"text":"It died"}]},
        "config":{"desired":8,"reported":7,"drift":true,"why":"it was not there"},"drift":["its veth is gone"],
        "interfaces":[{"name":"eth0","interface":"plant-a","problem":"no address"}]})");
    const QString text = instrumentText(instrument, {});
    for (const char* part : {"beacon_0  WARNING\n", "  WARNING  It died\n", "  life        waiting (to be running)\n",
             "  last exit   killed by signal 9\n", "  config      7, not 8\n", "it was not there\n",
             "  drift       its veth is gone\n", "no address\n", "  connected   no\n"})
        QVERIFY2(text.contains(part), qPrintable(text));
    const QString all = sensorText({{"instruments", QJsonArray{instrument}}}, {});
    QVERIFY2(all.contains("7, not 8"), qPrintable(all));
    QVERIFY2(all.contains("waiting (to be running)"), qPrintable(all));
}

void TestCtlShow::anEmptySensorSaysWhatToDo()
{
    const QString text = sensorText(json(R"({"sensor":"plant7","health":{"status":"OK"}})"), {});
    QVERIFY(text.contains("'sensorctl add'"));
    QVERIFY(text.contains("'sensorctl interfaces add'"));
    QCOMPARE(historyText({}, {}), QString{"Nothing was saved yet\n"});
}

void TestCtlShow::failedTestsComeFirst()
{
    const QString text = selfTestText(QJsonDocument::fromJson(R"([{"name":"a","passed":true,"text":"fine"},
        {"name":"b","passed":false,"result":{"escaped":false}}])")
                                          .array(),
        {});
    QCOMPARE(text, QString{"RESULT  NAME  TEXT\nFAILED  b     {\"escaped\":false}\npassed  a     fine\n"});
}

void TestCtlShow::whatWasApplied_data()
{
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<QString>("sentence");
    QTest::newRow("in force") << QByteArray{R"({"version":8,"state":"applied","changed":["rate","ports"]})"}
                              << "version 8 of beacon_0 is in force; changed: rate, ports\n";
    QTest::newRow("waiting") << QByteArray{R"({"version":8,"state":"waiting","changed":["rate"]})"}
                             << "version 8 of beacon_0 is saved; it is applied when beacon_0 runs; changed: rate\n";
    QTest::newRow("only checked") << QByteArray{R"({"state":"valid","changed":["rate"]})"}
                                  << "beacon_0 would accept it; changed: rate\n";
    QTest::newRow("no change") << QByteArray{R"({"version":7,"state":"applied","changed":[]})"}
                               << "version 7 of beacon_0 is in force; nothing changed\n";
}

void TestCtlShow::whatWasApplied()
{
    QFETCH(QByteArray, answer);
    QTEST(appliedText("beacon_0", json(answer.constData())), "sentence");
}

void TestCtlShow::severitiesAreWords()
{
    const auto health = [](int severity) {
        return healthText("x",
            {{"status", "ERROR"}, {"reasons", QJsonArray{QJsonObject{{"severity", severity}, {"text", "t"}}}}}, {});
    };
    QCOMPARE(health(4), QString{"x  ERROR\n  ERROR  t\n"});
    QCOMPARE(health(3), QString{"x  ERROR\n  WARNING  t\n"});
    QCOMPARE(health(1), QString{"x  ERROR\n  informational  t\n"});
    QCOMPARE(health(9), QString{"x  ERROR\n  t\n"});
}

QTEST_GUILESS_MAIN(TestCtlShow)
#include "tst_ctl_show.moc"
