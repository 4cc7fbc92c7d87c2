#include "service/sensor/work_queue.h"

#include <QTest>

#include <atomic>

using namespace beacon;

class TestWorkQueue : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void jobsRunInTheirOrderElsewhereAndAreAnsweredHere()
    {
        WorkQueue queue;
        std::vector<int> order;
        QThread* const here = QThread::currentThread();
        bool elsewhere = true, answeredHere = true;
        for (int i = 0; i < 100; ++i)
            queue.ask<int>(
                this,
                [i, here, &elsewhere] {
                    elsewhere = elsewhere && QThread::currentThread() != here;
                    return i;
                },
                [&, here](int value) {
                    answeredHere = answeredHere && QThread::currentThread() == here;
                    order.push_back(value);
                });
        QVERIFY(QTest::qWaitFor([&] { return order.size() == 100; }));
        for (int i = 0; i < 100; ++i)
            QCOMPARE(order[static_cast<std::size_t>(i)], i);
        QVERIFY(elsewhere);
        QVERIFY(answeredHere);
    }

    void whoAskedAndIsGoneIsNotAnswered()
    {
        WorkQueue queue;
        bool answered = false, last = false;
        auto asker = std::make_unique<QObject>();
        queue.run(
            asker.get(), [] {}, [&] { answered = true; });
        asker.reset();
        queue.run(
            this, [] {}, [&] { last = true; });
        QVERIFY(QTest::qWaitFor([&] { return last; }));
        QVERIFY(!answered);
    }

    void destructionFinishesTheJobThatRunsAndDropsTheRest()
    {
        std::atomic<int> done = 0;
        std::atomic<bool> running = false, go = false;
        {
            WorkQueue queue;
            queue.run(
                this,
                [&] {
                    running = true;
                    while (!go)
                        std::this_thread::yield();
                    ++done;
                },
                [] {});
            QVERIFY(QTest::qWaitFor([&] { return running.load(); }));
            std::thread opener{[&] { go = true; }};
            opener.join();
        }
        QCOMPARE(done.load(), 1);
    }
};

QTEST_GUILESS_MAIN(TestWorkQueue)
#include "tst_work_queue.moc"
