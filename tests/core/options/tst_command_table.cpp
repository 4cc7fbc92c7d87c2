#include "core/options/options.h"

#include "tests/core/options/command_table.h"

#include <QTest>

using namespace beacon;
using namespace beacon::test;

namespace {

Result<Values> parse(QByteArrayList words)
{
    std::vector<char*> arguments;
    arguments.reserve(static_cast<std::size_t>(words.size()));
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    return parseCommandLine(kTool, arguments);
}

using L = QByteArrayList;

} // namespace

class TestCommandTable : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void understands_data();
    void understands();
    void complains_data();
    void complains();
    void anOptionThatRepeatsAddsItsItems();
    void helpOfACommandHasItsOptionsAndTheGeneralOnes();
    void helpOfAGroupListsWhatIsInIt();
    void hiddenOptionsAreNeverShown();
};

void TestCommandTable::understands_data()
{
    QTest::addColumn<L>("words");
    QTest::addColumn<QByteArray>("command");
    QTest::addColumn<L>("operands");
    QTest::newRow("a command of one word") << L{"list"} << QByteArray{"list"} << L{};
    QTest::newRow("a longer command that begins with a shorter one")
        << L{"list", "more", "a"} << QByteArray{"list more"} << L{"a"};
    QTest::newRow("a general option before the command") << L{"--json", "list"} << QByteArray{"list"} << L{};
    QTest::newRow("a general option between the words of a command")
        << L{"store", "--json", "compare", "left"} << QByteArray{"store compare"} << L{"left"};
    QTest::newRow("a general option behind it") << L{"list", "--json"} << QByteArray{"list"} << L{};
    QTest::newRow("an option's value that is spelled like a command")
        << L{"--socket", "store", "list"} << QByteArray{"list"} << L{};
    QTest::newRow("an operand that is spelled like a command")
        << L{"list", "more", "list", "store"} << QByteArray{"list more"} << L{"list", "store"};
    QTest::newRow("many operands") << L{"store", "fetch", "a", "b", "c"} << QByteArray{"store fetch"}
                                   << L{"a", "b", "c"};
    QTest::newRow("no optional operand") << L{"store", "compare", "left"} << QByteArray{"store compare"} << L{"left"};
    QTest::newRow("all optional operands")
        << L{"store", "compare", "left", "1", "2"} << QByteArray{"store compare"} << L{"left", "1", "2"};
    QTest::newRow("behind two dashes an operand may begin with one")
        << L{"store", "fetch", "--", "--kind"} << QByteArray{"store fetch"} << L{"--kind"};
    QTest::newRow("help for a command that lacks operands")
        << L{"store", "compare", "--help"} << QByteArray{"store compare"} << L{};
    QTest::newRow("help for a group") << L{"store", "--help"} << QByteArray{"store"} << L{};
    QTest::newRow("a hidden option needs no command") << L{"--ask", "x"} << QByteArray{} << L{};
}

void TestCommandTable::understands()
{
    QFETCH(L, words);
    QFETCH(QByteArray, command);
    QFETCH(L, operands);
    const auto values = parse(words);
    QVERIFY2(values, values ? "" : describe(values.error()).c_str());
    QCOMPARE(QByteArray::fromStdString(values->command()), command);
    L found;
    for (const std::string& operand : values->operands())
        found.append(QByteArray::fromStdString(operand));
    QCOMPARE(found, operands);
}

void TestCommandTable::complains_data()
{
    QTest::addColumn<L>("words");
    QTest::addColumn<QByteArray>("sentence");
    QTest::newRow("no command") << L{} << QByteArray{"tool needs a command, one of list, store, help; see tool --help"};
    QTest::newRow("half a command") << L{"store"}
                                    << QByteArray{"tool store needs a command, one of fetch, compare; see tool --help"};
    QTest::newRow("a misspelled command")
        << L{"lits"} << QByteArray{"lits is not a command of tool; did you mean list?"};
    QTest::newRow("a misspelled second word")
        << L{"store", "compar"} << QByteArray{"compar is not a command of tool store; did you mean compare?"};
    QTest::newRow("a word that no command takes")
        << L{"list", "xyzzy"} << QByteArray{"xyzzy is not a command of tool list; see tool --help"};
    QTest::newRow("a missing operand") << L{
        "store", "fetch"} << QByteArray{"store fetch needs NAME: tool store fetch NAME...; see tool --help"};
    QTest::newRow("an operand too many") << L{"store", "compare", "left", "1", "2", "3"}
                                         << QByteArray{"3 is one argument too many; see tool --help"};
    QTest::newRow("an operand that is no choice") << L{"store", "compare",
        "lef"} << QByteArray{"WHAT must be one of left, right, but is lef; did you mean left?; see tool --help"};
    QTest::newRow("an empty operand") << L{"store", "fetch", ""} << QByteArray{"NAME is empty; see tool --help"};
    QTest::newRow("an operand that is not UTF-8")
        << L{"store", "fetch", "\xff"} << QByteArray{"an argument is not UTF-8: \\xff; see tool --help"};
    QTest::newRow("an option of another command")
        << L{"list", "--kind", "red"}
        << QByteArray{"--kind is not an option here; it stands behind a command that has it, such as store fetch"};
    QTest::newRow("a command's option before it") << L{"--kind", "red", "store", "fetch",
        "a"} << QByteArray{"--kind is not an option here; it stands behind a command that has it, such as store fetch"};
    QTest::newRow("a misspelled option of a command") << L{
        "store", "fetch", "--kid", "red", "a"} << QByteArray{"--kid is not an option of tool; did you mean --kind?"};
    QTest::newRow("a hidden option is not suggested")
        << L{"--asks", "list"} << QByteArray{"--asks is not an option of tool; see tool --help"};
    QTest::newRow("what does not repeat is given twice") << L{"store", "fetch", "a", "--kind", "red", "--kind",
        "red"} << QByteArray{"--kind is given twice; give it once; see tool --help"};
}

void TestCommandTable::complains()
{
    QFETCH(L, words);
    const auto values = parse(words);
    QVERIFY(!values);
    QCOMPARE(values.error().code, Errc::BadInput);
    QTEST(QByteArray::fromStdString(describe(values.error())), "sentence");
}

void TestCommandTable::anOptionThatRepeatsAddsItsItems()
{
    const auto values = parse({"store", "fetch", "--from", "a,b", "x", "--from=c"});
    QVERIFY(values);
    QCOMPARE(values->list("from"), (std::vector<std::string>{"a", "b", "c"}));
    QCOMPARE(values->operands(), (std::vector<std::string>{"x"}));
}

void TestCommandTable::helpOfACommandHasItsOptionsAndTheGeneralOnes()
{
    const QByteArray text = QByteArray::fromStdString(helpText(kTool, "store fetch"));
    QVERIFY(text.startsWith("Usage: tool store fetch NAME... [OPTION]...\nFetch into the store.\n"));
    for (const char* part : {"--from A,B", "--kind KIND", "What: red, green", "--json", "--version", "A note\n"})
        QVERIFY2(text.contains(part), part);
}

void TestCommandTable::helpOfAGroupListsWhatIsInIt()
{
    const QByteArray all = QByteArray::fromStdString(helpText(kTool));
    for (const char* part :
        {"list more NAME...", "store compare WHAT [FROM [TO]]", "Exit codes:\n  0    Done\n", "Example"})
        QVERIFY2(all.contains(part), part);
    const QByteArray group = QByteArray::fromStdString(helpText(kTool, "store"));
    QVERIFY(group.contains("store fetch"));
    QVERIFY(!group.contains("list more"));
    for (const QByteArray& line : all.split('\n'))
        QVERIFY2(line.size() <= 80 && !line.endsWith(' '), line.constData());
}

void TestCommandTable::hiddenOptionsAreNeverShown()
{
    for (const char* path : {"", "list", "store"}) {
        const QByteArray text = QByteArray::fromStdString(helpText(kTool, path));
        QVERIFY(!text.contains("--ask"));
        QVERIFY(!text.contains("--manual"));
    }
}

QTEST_GUILESS_MAIN(TestCommandTable)
#include "tst_command_table.moc"
