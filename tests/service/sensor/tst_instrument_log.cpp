#include "service/sensor/instrument_log.h"

#include <QFileInfo>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;

class TestInstrumentLog : public QObject {
    Q_OBJECT
    QTemporaryDir m_dir;
    ManualClock m_clock;
    QString path() const { return m_dir.filePath(QString::fromLatin1(QTest::currentTestFunction())); }

private Q_SLOTS:
    void linesAreKeptInTheirOrderWithTheirStream()
    {
        InstrumentLog log{path(), m_clock};
        QSignalSpy written{&log, &InstrumentLog::written};
        log.take(Stream::Err, "first\nsec");
        log.take(Stream::Out, "{\"t\":1}\n");
        log.take(Stream::Err, "ond with spaces\n");
        const QJsonArray lines = log.last(10);
        QCOMPARE(lines.size(), 3);
        QCOMPARE(lines[0][QStringLiteral("text")].toString(), QStringLiteral("first"));
        QCOMPARE(lines[1][QStringLiteral("stream")].toString(), QStringLiteral("stdout"));
        QCOMPARE(lines[2][QStringLiteral("text")].toString(), QStringLiteral("second with spaces"));
        QCOMPARE(lines[2][QStringLiteral("at")].toDouble(), 1'764'000'000.0);
        QCOMPARE(written.size(), 3);
        QCOMPARE(log.lastLine(), QStringLiteral("second with spaces"));
        QCOMPARE(log.last(1).size(), 1);
    }

    void hostileBytesForgeNoLine()
    {
        InstrumentLog log{path(), m_clock};
        log.take(Stream::Err, QByteArray{"a\x1b[31mred\rb\0c\xff\n", 15});
        const QString text = log.last(1)[0][QStringLiteral("text")].toString();
        for (const QChar unit : text)
            QVERIFY2(unit.isPrint() || unit == QChar::ReplacementCharacter, qPrintable(text));
    }

    void whatEndsWithoutANewlineIsALineWhenTheProcessIsGone()
    {
        InstrumentLog log{path(), m_clock};
        log.take(Stream::Err, "last words");
        QCOMPARE(log.last(10).size(), 0);
        log.finish();
        QCOMPARE(log.last(10).size(), 1);
    }

    void theFilesAreBounded()
    {
        InstrumentLog log{path(), m_clock};
        const QByteArray line = QByteArray(3'000, 'x') + '\n';
        for (int i = 0; i < 2'000; ++i) {
            log.take(Stream::Out, line);
            m_clock.advance(std::chrono::milliseconds{2});
        }
        QVERIFY(QFileInfo{path()}.size() <= InstrumentLog::kMostBytes);
        QVERIFY(QFileInfo{path() + QStringLiteral(".1")}.size() <= InstrumentLog::kMostBytes);
        QVERIFY(log.last(10'000).size() > 300);
    }

    void aFloodIsCountedAndPushesNothingOut()
    {
        InstrumentLog log{path(), m_clock};
        log.take(Stream::Err, "evidence\n");
        for (int i = 0; i < 100; ++i)
            log.take(Stream::Out, QByteArray{"x\n"}.repeated(1'000));
        m_clock.advance(std::chrono::seconds{1});
        log.take(Stream::Err, "after\n");
        const QJsonArray lines = log.last(10'000);
        QCOMPARE(lines.size(), InstrumentLog::kMostASecond + 2);
        QCOMPARE(lines[0][QStringLiteral("text")].toString(), QStringLiteral("evidence"));
        const QJsonValue counted = lines[lines.size() - 2];
        QCOMPARE(counted[QStringLiteral("stream")].toString(), QStringLiteral("sensor"));
        QVERIFY(counted[QStringLiteral("text")].toString().startsWith(QStringLiteral("99001 lines")));
    }

    void anotherLifeGoesOnInTheSameFile()
    {
        InstrumentLog{path(), m_clock}.take(Stream::Err, "before\n");
        InstrumentLog log{path(), m_clock};
        log.take(Stream::Err, "after\n");
        QCOMPARE(log.last(10).size(), 2);
    }
};

QTEST_GUILESS_MAIN(TestInstrumentLog)
#include "tst_instrument_log.moc"
