#include "core/options/man.h"

#include "tests/core/options/command_table.h"
#include "tests/core/options/table.h"

#include <QProcess>
#include <QRegularExpression>
#include <QTest>

using namespace beacon;
using namespace beacon::test;

namespace {

/// What mandoc(1) makes of a page, without bold and underlines; its complaints come in the second.
std::pair<QString, QString> formatted(const std::string& page, const QStringList& arguments)
{
    QProcess mandoc;
    mandoc.start(QStringLiteral("mandoc"), arguments);
    mandoc.write(page.data(), static_cast<qint64>(page.size()));
    mandoc.closeWriteChannel();
    if (!mandoc.waitForFinished())
        return {{}, QStringLiteral("mandoc does not run")};
    QString text = QString::fromUtf8(mandoc.readAllStandardOutput());
    return {
        text.remove(QRegularExpression{QStringLiteral(".\\x08")}), QString::fromUtf8(mandoc.readAllStandardError())};
}

} // namespace

class TestMan : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void escapes_data();
    void escapes();
    void whatIsEscapedComesOutAsItWas();
    void pagesAreFaultless_data();
    void pagesAreFaultless();
    void aPageHasAllThatTheTableHas();
};

void TestMan::escapes_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("roff");
    QTest::newRow("plain words stay") << QByteArray{"plain words"} << QByteArray{"plain words"};
    QTest::newRow("a minus is no hyphen") << QByteArray{"--json"} << QByteArray{"\\-\\-json"};
    QTest::newRow("a backslash is itself") << QByteArray{"a\\fBb"} << QByteArray{"a\\efBb"};
    QTest::newRow("a dot at the beginning is no request") << QByteArray{".so /etc/x"} << QByteArray{"\\&.so /etc/x"};
    QTest::newRow("a dot in the middle is a dot") << QByteArray{"a.b"} << QByteArray{"a.b"};
    QTest::newRow("a quote at the beginning is no request") << QByteArray{"'x'"} << QByteArray{"\\&\\(aqx\\(aq"};
    QTest::newRow("a line in the middle of the text begins too") << QByteArray{"a\n.b"} << QByteArray{"a\n\\&.b"};
    QTest::newRow("a space at the beginning breaks no paragraph") << QByteArray{"  x"} << QByteArray{"\\&  x"};
    QTest::newRow("typographic quotes, carets and tildes") << QByteArray{"`^~\""} << QByteArray{"\\(ga\\(ha\\(ti\\(dq"};
    QTest::newRow("beyond ASCII by number") << QByteArray{"…é😀"} << QByteArray{"\\[u2026]\\[u00E9]\\[u1F600]"};
}

void TestMan::escapes()
{
    QFETCH(QByteArray, text);
    QTEST(QByteArray::fromStdString(roffText(text.toStdString())), "roff");
}

void TestMan::whatIsEscapedComesOutAsItWas()
{
    const QString hostile = QStringLiteral(".SH x\\fB 'q' `a` ^~ \"--\" …");
    const auto [text, complaints] = formatted(
        ".TH X 1 2026-11-24\n.SH NAME\nx \\- y\n.SH NOTES\n.nf\n" + roffText(hostile.toStdString()) + "\n.fi\n",
        {QStringLiteral("-Tutf8")});
    QVERIFY2(text.contains(hostile), qPrintable(text));
}

void TestMan::pagesAreFaultless_data()
{
    QTest::addColumn<QByteArray>("page");
    QTest::newRow("of a program without commands") << QByteArray::fromStdString(manualPage(kProgram));
    QTest::newRow("of a program with commands") << QByteArray::fromStdString(manualPage(kTool));
}

void TestMan::pagesAreFaultless()
{
    QFETCH(QByteArray, page);
    const auto [lint, complaints] =
        formatted(page.toStdString(), {QStringLiteral("-Tlint"), QStringLiteral("-Wstyle")});
    QCOMPARE(lint + complaints, QString{});
    for (const QByteArray& line : page.split('\n'))
        QVERIFY2(line.size() <= 200, line.constData());
}

void TestMan::aPageHasAllThatTheTableHas()
{
    const QString page = formatted(manualPage(kTool), {QStringLiteral("-Tutf8"), QStringLiteral("-Owidth=200")}).first;
    for (const char* part :
        {"store fetch NAME...", "Fetch into the store.", "--from A,B", "What: red, green.", "A note", "--socket PATH",
            "EXIT STATUS", "Not understood.", "Example: tool list", "store compare WHAT [FROM [TO]]"})
        QVERIFY2(page.contains(QLatin1StringView(part)), part);
    QVERIFY(!page.contains(QStringLiteral("--ask")));
    QVERIFY(!page.contains(QStringLiteral("--manual")));
    const QString file = formatted(manualPage(test::kProgram), {QStringLiteral("-Tutf8")}).first;
    for (const char* part : {"CONFIGURATION FILE", "byte_budget BYTES", "/etc/beacon/config.json", "--rate PPS"})
        QVERIFY2(file.contains(QLatin1StringView(part)), part);
}

QTEST_GUILESS_MAIN(TestMan)
#include "tst_man.moc"
