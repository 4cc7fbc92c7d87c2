#include "core/base/free_with.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <QTest>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sysexits.h>

using namespace beacon;

Q_DECLARE_METATYPE(beacon::Errc)

namespace {

Result<std::unique_ptr<int>> half(int number)
{
    if (number % 2 != 0)
        return Error{Errc::BadInput, 0, "halve an odd number"};
    return std::make_unique<int>(number / 2);
}

bool isOpen(int fd)
{
    return ::fcntl(fd, F_GETFD) >= 0;
}

} // namespace

class TestResult : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void carriesAValueOrAnError();
    void anErrorSaysWhatErrnoMeans();
    void errnoDecidesTheCode_data();
    void errnoDecidesTheCode();
    void theCodeDecidesTheExit_data();
    void theCodeDecidesTheExit();
    void aDescriptorIsClosedOnce();
};

void TestResult::carriesAValueOrAnError()
{
    auto good = half(8);
    QVERIFY(good);
    QCOMPARE(**good, 4);
    const std::unique_ptr<int> moved = *std::move(good);
    QCOMPARE(*moved, 4);

    const auto bad = half(7);
    QVERIFY(!bad);
    QCOMPARE(bad.error().code, Errc::BadInput);
    QCOMPARE(bad.error().context, std::string{"halve an odd number"});

    QVERIFY(Result<>{});
    QVERIFY((!Result<>{Error{Errc::Busy, 0, "x"}}));
}

void TestResult::anErrorSaysWhatErrnoMeans()
{
    QCOMPARE(describe({Errc::Corrupt, 0, "read the token"}), std::string{"read the token"});
    QCOMPARE(
        describe({Errc::NotFound, ENOENT, "open /nowhere"}), std::string{"open /nowhere: No such file or directory"});
}

void TestResult::errnoDecidesTheCode_data()
{
    QTest::addColumn<int>("number");
    QTest::addColumn<Errc>("code");
    QTest::newRow("EPERM is a missing right") << EPERM << Errc::Denied;
    QTest::newRow("EACCES is a missing right") << EACCES << Errc::Denied;
    QTest::newRow("ENODEV is an absent thing") << ENODEV << Errc::NotFound;
    QTest::newRow("EADDRINUSE is somebody else's") << EADDRINUSE << Errc::Busy;
    QTest::newRow("EAFNOSUPPORT is this host's limit") << EAFNOSUPPORT << Errc::Unsupported;
    QTest::newRow("EIO is the system's") << EIO << Errc::System;
}

void TestResult::errnoDecidesTheCode()
{
    QFETCH(int, number);
    QFETCH(Errc, code);
    errno = number;
    const Error error = systemError("try");
    QCOMPARE(error.code, code);
    QCOMPARE(error.sys, number);
}

void TestResult::theCodeDecidesTheExit_data()
{
    QTest::addColumn<Errc>("code");
    QTest::addColumn<int>("exit");
    QTest::newRow("a missing right is EX_NOPERM") << Errc::Denied << EX_NOPERM;
    QTest::newRow("a lock that another holds is EX_TEMPFAIL, 75") << Errc::Busy << 75;
    QTest::newRow("bad input is EX_DATAERR") << Errc::BadInput << EX_DATAERR;
    QTest::newRow("a failed system call is EX_OSERR") << Errc::System << EX_OSERR;
}

void TestResult::theCodeDecidesTheExit()
{
    QFETCH(Errc, code);
    QFETCH(int, exit);
    QCOMPARE(exitCode({code, 0, "x"}), exit);
}

void TestResult::aDescriptorIsClosedOnce()
{
    const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    QVERIFY(raw >= 0);
    {
        UniqueFd first{raw};
        UniqueFd second{std::move(first)};
        QVERIFY(!first); // NOLINT(bugprone-use-after-move): what a moved-from descriptor is, is the question
        QCOMPARE(second.get(), raw);
        QVERIFY(isOpen(raw));
    }
    QVERIFY(!isOpen(raw));

    UniqueFd kept{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const int released = kept.release();
    QVERIFY(!kept);
    QVERIFY(isOpen(released));
    ::close(released);

    const std::unique_ptr<void, FreeWith<std::free>> memory{std::malloc(8)};
    QVERIFY(memory);
}

QTEST_GUILESS_MAIN(TestResult)
#include "tst_result.moc"
