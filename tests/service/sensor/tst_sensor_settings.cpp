#include "service/sensor/settings.h"

#include <QTest>

using namespace beacon;

class TestSensorSettings : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void names_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<bool>("good");
        QTest::newRow("letters and digits are a name") << QByteArray{"plant7"} << true;
        QTest::newRow("an inner hyphen is allowed") << QByteArray{"plant-7"} << true;
        QTest::newRow("an at sign would break addresses") << QByteArray{"plant@7"} << false;
        QTest::newRow("a slash would break paths") << QByteArray{"../7"} << false;
        QTest::newRow("64 bytes are too long") << QByteArray(64, 'a') << false;
    }
    void names()
    {
        QFETCH(QByteArray, name);
        QByteArray option{"--name"};
        std::array<char*, 2> arguments{option.data(), name.data()};
        const auto values = parseCommandLine(sensorProgram(), arguments);
        QVERIFY(values);
        const auto settings = sensorSettingsFrom(*values);
        QTEST(static_cast<bool>(settings), "good");
    }
    void everythingElseHasADefault()
    {
        const auto values = parseCommandLine(sensorProgram(), {});
        QVERIFY(values);
        const auto settings = sensorSettingsFrom(*values);
        QVERIFY(settings);
        QCOMPARE(settings->controlSocket(), QStringLiteral("/run/sensor/control.sock"));
        QVERIFY(settings->room.endsWith(QStringLiteral("/sensor-room")));
        QCOMPARE(settings->idBase, 1'200'000'000U);
    }
};

QTEST_GUILESS_MAIN(TestSensorSettings)
#include "tst_sensor_settings.moc"
