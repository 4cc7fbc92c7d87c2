#include "core/supervision/line_splitter.h"

#include <QTest>

#include <vector>

using namespace beacon;

namespace {

struct Taken {
    std::string text;
    bool truncated, unterminated;
};

std::vector<Taken> split(LineSplitter& splitter, const std::vector<std::string>& chunks)
{
    std::vector<Taken> lines;
    const auto sink = [&](const RawLine& line) {
        lines.push_back({std::string{line.text}, line.truncated, line.unterminated});
    };
    for (const std::string& chunk : chunks)
        splitter.feed(chunk, sink);
    splitter.finish(sink);
    return lines;
}

} // namespace

class TstLineSplitter : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyWayToCutTheSameBytesGivesTheSameLines();
    void carriageReturnsAndNulsAndEmptyLines();
    void anUnterminatedLastLineIsALine();
    void aLineOfTheCapIsWholeAndOneMoreByteIsNot();
    void aHundredMegabytesWithoutANewlineStayWithinTheCap();
    void printableMakesTextOfAnything_data();
    void printableMakesTextOfAnything();
};

void TstLineSplitter::everyWayToCutTheSameBytesGivesTheSameLines()
{
    const std::string bytes = "one\r\n\ntwo three\nfour";
    for (std::size_t a = 0; a <= bytes.size(); ++a)
        for (std::size_t b = a; b <= bytes.size(); ++b) {
            LineSplitter splitter;
            const auto lines = split(splitter, {bytes.substr(0, a), bytes.substr(a, b - a), bytes.substr(b)});
            QCOMPARE(lines.size(), 4U);
            QCOMPARE(lines[0].text, std::string{"one"});
            QCOMPARE(lines[1].text, std::string{});
            QCOMPARE(lines[2].text, std::string{"two three"});
            QCOMPARE(lines[3].text, std::string{"four"});
        }
}

void TstLineSplitter::carriageReturnsAndNulsAndEmptyLines()
{
    LineSplitter splitter;
    const auto lines = split(splitter, {std::string{"a\0b\r\r\n\n", 7}});
    QCOMPARE(lines.size(), 2U);
    QCOMPARE(lines[0].text, (std::string{"a\0b\r", 4})); // one carriage return belongs to the newline
    QCOMPARE(splitter.lines(), 2U);
}

void TstLineSplitter::anUnterminatedLastLineIsALine()
{
    LineSplitter splitter;
    auto lines = split(splitter, {"whole\nha", "lf"});
    QVERIFY(!lines[0].unterminated);
    QVERIFY(lines[1].unterminated);
    QCOMPARE(lines[1].text, std::string{"half"});
    lines = split(splitter, {"next\n"}); // of the next process: not glued to the last one's
    QCOMPARE(lines[0].text, std::string{"next"});
}

void TstLineSplitter::aLineOfTheCapIsWholeAndOneMoreByteIsNot()
{
    for (const bool cut : {false, true}) {
        LineSplitter splitter;
        const std::string whole(LineSplitter::kMaxBytes, 'x');
        const std::string input = whole + '\n' + whole + "yz\nnext\n";
        const auto lines =
            cut ? split(splitter, {input.substr(0, 5'000), input.substr(5'000)}) : split(splitter, {input});
        QCOMPARE(lines.size(), 3U);
        QVERIFY(!lines[0].truncated && lines[1].truncated && !lines[2].truncated);
        QCOMPARE(lines[1].text, whole);
        QCOMPARE(lines[2].text, std::string{"next"});
        QCOMPARE(splitter.truncatedLines(), 1U);
        QCOMPARE(splitter.droppedBytes(), 2U);
    }
}

void TstLineSplitter::aHundredMegabytesWithoutANewlineStayWithinTheCap()
{
    LineSplitter splitter;
    const std::string block(65'536, 'x');
    constexpr std::uint64_t kBlocks = 1'600;
    int lines = 0;
    const auto sink = [&](const RawLine& line) {
        ++lines;
        QCOMPARE(line.text.size(), LineSplitter::kMaxBytes);
    };
    for (std::uint64_t i = 0; i < kBlocks; ++i)
        splitter.feed(block, sink);
    splitter.finish(sink);
    QCOMPARE(lines, 1);
    QCOMPARE(splitter.droppedBytes(), kBlocks * block.size() - LineSplitter::kMaxBytes);
}

void TstLineSplitter::printableMakesTextOfAnything_data()
{
    QTest::addColumn<QByteArray>("raw");
    QTest::addColumn<QString>("clean");
    const QString bad{QChar::ReplacementCharacter};
    const auto word = [](const char* text) { return QString::fromUtf8(text); };
    QTest::newRow("plain text stays") << QByteArray{"tick 1\tä €"} << word("tick 1\tä €");
    QTest::newRow("colours go") << QByteArray{"\x1b[1;31mred\x1b[0m"} << word("red");
    QTest::newRow("a window title goes") << QByteArray{"\x1b]0;title\x07x"} << word("x");
    QTest::newRow("an escape at the end goes") << QByteArray{"x\x1b["} << word("x");
    QTest::newRow("NUL is shown") << QByteArray{"a\0b", 3} << word("a") + bad + word("b");
    QTest::newRow("a lone lead byte is shown") << QByteArray{"a\xC3"} << word("a") + bad;
    QTest::newRow("an overlong slash is shown") << QByteArray{"\xC0\xAF"} << bad + bad;
    QTest::newRow("a surrogate is shown") << QByteArray{"\xED\xA0\x80"} << bad + bad + bad;
    QTest::newRow("a C1 control is shown") << QByteArray{"\xC2\x9B"
                                                         "x"}
                                           << bad + word("x");
}

void TstLineSplitter::printableMakesTextOfAnything()
{
    QFETCH(QByteArray, raw);
    QFETCH(QString, clean);
    QCOMPARE(QString::fromStdString(printable({raw.constData(), static_cast<std::size_t>(raw.size())})), clean);
}

QTEST_GUILESS_MAIN(TstLineSplitter)
#include "tst_line_splitter.moc"
