#include "core/base/log.h"

#include "core/base/unique_fd.h"

#include <QTest>

#include <array>
#include <fcntl.h>
#include <unistd.h>

using namespace beacon;

class TestLog : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void formats_data();
    void formats();
    void longValuesAreCut();
    void writesOneLineWithItsLevel();
};

void TestLog::formats_data()
{
    QTest::addColumn<QByteArray>("message");
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<QByteArray>("line");
    QTest::newRow("a plain value stands bare")
        << QByteArray{"up"} << QByteArray{"eth0"} << QByteArray{"msg=up key=eth0"};
    QTest::newRow("a space is quoted") << QByteArray{"link is up"} << QByteArray{"a b"}
                                       << QByteArray{R"(msg="link is up" key="a b")"};
    QTest::newRow("an empty value is quoted") << QByteArray{"up"} << QByteArray{} << QByteArray{R"(msg=up key="")"};
    QTest::newRow("a newline cannot forge a line")
        << QByteArray{"up"} << QByteArray{"a\n<3>msg=forged"} << QByteArray{R"(msg=up key="a\x0a<3>msg=forged")"};
    QTest::newRow("an escape sequence cannot paint the terminal")
        << QByteArray{"up"} << QByteArray{"\x1b[2J"} << QByteArray{R"(msg=up key=\x1b[2J)"};
    QTest::newRow("quotes and backslashes are escaped")
        << QByteArray{"up"} << QByteArray{R"(a"\b)"} << QByteArray{R"(msg=up key="a\"\\b")"};
    QTest::newRow("an equals sign is quoted")
        << QByteArray{"up"} << QByteArray{"a=b"} << QByteArray{R"(msg=up key="a=b")"};
}

void TestLog::formats()
{
    QFETCH(QByteArray, message);
    QFETCH(QByteArray, value);
    QFETCH(QByteArray, line);
    QCOMPARE(QByteArray::fromStdString(log::format(message.toStdString(), {{"key", value.toStdString()}})), line);
}

void TestLog::longValuesAreCut()
{
    const std::string line = log::format("up", {{"key", std::string(1'000'000, 'x')}});
    QVERIFY(line.size() < 1'100);
    QVERIFY(line.ends_with("x..."));
}

void TestLog::writesOneLineWithItsLevel()
{
    std::array<int, 2> pipe{};
    QCOMPARE(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const UniqueFd reader{pipe[0]};
    const UniqueFd saved{::dup(STDERR_FILENO)};
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[1]);
    log::error("a");
    log::warning("b");
    log::notice("c");
    log::info("d", {{"e", "f"}});
    ::dup2(saved.get(), STDERR_FILENO);

    std::array<char, 256> buffer{};
    const ssize_t size = ::read(reader.get(), buffer.data(), buffer.size());
    QCOMPARE(QByteArray(buffer.data(), static_cast<qsizetype>(size)),
        QByteArray{"<3>msg=a\n<4>msg=b\n<5>msg=c\n<6>msg=d e=f\n"});
}

QTEST_GUILESS_MAIN(TestLog)
#include "tst_log.moc"
