#pragma once

#include <QString>

namespace beacon::test {

/// Puts the calling process into a network namespace of its own; to be called before the first thread exists. Where it
/// is not root it takes a user namespace along. False, with the reason in `why`: the machine does not allow it.
[[nodiscard]] bool enterOwnNetwork(QString& why);

/// `ip ARGUMENTS`, blanks separate; true where it succeeded.
bool ip(const QString& arguments);

} // namespace beacon::test

/// QTEST_GUILESS_MAIN in a place that `enter` puts the process into; says why, and exits 77, where there can be none.
#define BEACON_MAIN_IN(enter, Test)                                                                                    \
    int main(int argc, char** argv)                                                                                    \
    {                                                                                                                  \
        QString why;                                                                                                   \
        if (!(enter)(why)) {                                                                                           \
            std::fprintf(stderr, "skipped: %s\n", qPrintable(why));                                                    \
            return 77;                                                                                                 \
        }                                                                                                              \
        QCoreApplication application(argc, argv);                                                                      \
        Test test;                                                                                                     \
        return QTest::qExec(&test, argc, argv);                                                                        \
    }

#define BEACON_NETNS_MAIN(Test) BEACON_MAIN_IN(beacon::test::enterOwnNetwork, Test)
