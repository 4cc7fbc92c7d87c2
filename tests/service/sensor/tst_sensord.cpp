// sensord as a whole: real Instruments in rooms, what it does when they or it are killed, and their configuration.

#include "tests/support/net_fixture.h"
#include "tests/support/running_sensor.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTest>

#include <csignal>
#include <sys/stat.h>

using namespace beacon::test;

namespace {

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

/// A Sensor with one listener on a bridge over nic1, whose other end is plant1.
struct Scene {
    RunningSensor sensor;

    Scene()
    {
        ip(text("link del nic1 2>/dev/null"));
        ip(text("link add nic1 type veth peer name plant1"));
        ip(text("link set plant1 up"));
    }
    ~Scene()
    {
        sensor.end(SIGTERM);
        ip(text("link del plant1 2>/dev/null"));
    }
    bool addListener(const QString& addressing = text("none"))
    {
        return sensor.start()
            && succeeds(text("control.interface.add"),
                {{text("name"), text("plant-a")}, {text("type"), text("bridge")}, {text("device"), text("nic1")}})
            && addListenerTo(addressing);
    }
    bool succeeds(const QString& method, const QJsonObject& params)
    {
        const QJsonObject answer = sensor.call(method, params);
        if (!answer.contains(text("result")))
            qWarning() << answer;
        return answer.contains(text("result"));
    }
    bool addListenerTo(const QString& addressing = text("none"))
    {
        const auto added = sensor.call(text("control.add"),
            {{text("type"), text("listener")},
                {text("interfaces"),
                    QJsonArray{QJsonObject{{text("interface"), text("plant-a")}, {text("addressing"), addressing}}}}});
        if (added.contains(text("error")))
            qWarning() << added;
        return !added.contains(text("error")) && sensor.waitForLife(text("listener_0"), text("running"))
            && sensor.waitForHealth(text("listener_0"), text("OK"));
    }
    qint64 pid() { return sensor.instrument(text("listener_0")).value(text("pid")).toInteger(); }
    QJsonObject apply(const QJsonObject& config, const QJsonObject& more = {})
    {
        QJsonObject params = more;
        params.insert(text("target"), text("listener_0"));
        params.insert(text("config"), config);
        return sensor.call(text("config.apply"), params);
    }
};

} // namespace

class TestSensord : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void anInstrumentThatIsAddedRunsAndIsWell()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        const QJsonObject listener = scene.sensor.instrument(text("listener_0"));
        QCOMPARE(listener.value(text("address")).toString(), text("listener_0@plant7"));
        QCOMPARE(listener[text("health")][text("facts")][text("interface")].toString(), text("eth0"));
        QVERIFY(listener.value(text("drift")).toArray().isEmpty());
        QCOMPARE(listener[text("interfaces")][0][text("capabilities")].toArray(), QJsonArray{text("rx")}); // passive
        const QJsonArray started = scene.sensor.events(text("instruments.sensor.instrument.started"));
        QCOMPARE(started.size(), 1);
        QCOMPARE(started[0][text("data")][text("address")].toString(), text("listener_0@plant7"));

        struct stat status { };
        QCOMPARE(
            ::stat((scene.sensor.runtimeDir() + text("/instruments/listener_0")).toUtf8().constData(), &status), 0);
        QCOMPARE(status.st_mode & 0777, 0700U);
        QCOMPARE(status.st_uid, 1'200'000'000U);
    }

    void oneThatIsKilledIsStartedAgainAndBothAreTold()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        const qint64 before = scene.pid();
        ::kill(static_cast<pid_t>(before), SIGKILL);
        QVERIFY(QTest::qWaitFor([&] { return scene.pid() > 0 && scene.pid() != before; }, 20'000));
        QVERIFY(scene.sensor.waitForLife(text("listener_0"), text("running")));
        QCOMPARE(scene.sensor.instrument(text("listener_0")).value(text("restarts")).toInt(), 1);
        const QJsonArray stopped = scene.sensor.events(text("instruments.sensor.instrument.stopped"));
        QCOMPARE(stopped.size(), 1);
        QCOMPARE(stopped[0][text("data")][text("signal")].toInt(), SIGKILL);
    }

    void aSensorThatIsKilledTakesItsInstrumentsAlongAndHasThemAgain()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.apply({{text("report_hosts"), 7}}).contains(text("result")));
        const qint64 before = scene.pid();
        const qsizetype events = scene.sensor.events(text("*")).size();
        QVERIFY(events > 0);
        scene.sensor.end(SIGKILL);
        QVERIFY(QTest::qWaitFor([&] { return !isAlive(before); }, 10'000));

        QVERIFY(scene.sensor.start());
        QVERIFY(scene.sensor.waitForHealth(text("listener_0"), text("OK")));
        QVERIFY(scene.sensor.events(text("*")).size() >= events);
        const QJsonObject config = scene.sensor.result(text("config.get"), {{text("target"), text("listener_0")}});
        QCOMPARE(config.value(text("version")).toInt(), 1);
        QCOMPARE(config[text("config")][text("report_hosts")].toInt(), 7);
        QVERIFY(QTest::qWaitFor([&] {
            return scene.sensor.instrument(text("listener_0"))[text("config")][text("reported")].toInt() == 1;
        }));
    }

    void onSigtermAllEndsAndTheDeviceIsGivenBack()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        const qint64 pid = scene.pid();
        QVERIFY(!ip(text("link show nic1 >/dev/null 2>&1"))); // it is in the segment's namespace
        QVERIFY(scene.sensor.end(SIGTERM));
        QCOMPARE(scene.sensor.program().exitCode(), 0);
        QVERIFY(!isAlive(pid));
        QVERIFY(ip(text("link show nic1 >/dev/null")));
        QVERIFY(QDir{scene.sensor.runtimeDir() + text("/net")}.entryList(QDir::Files).filter(text(".net")).isEmpty());
    }

    void aWrongConfigurationIsRefusedWithItsPlaceAndChangesNothing()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.apply({{text("report_hosts"), 7}}).contains(text("result")));
        const QJsonObject refused = scene.apply({{text("report_hosts"), text("many")}});
        QCOMPARE(
            refused[text("error")][text("data")][text("faults")][0][text("pointer")].toString(), text("/report_hosts"));
        const QJsonObject config = scene.sensor.result(text("config.get"), {{text("target"), text("listener_0")}});
        QCOMPARE(config[text("config")][text("report_hosts")].toInt(), 7);
        QCOMPARE(config.value(text("state")).toString(), text("current"));
        const QJsonArray history = scene.sensor.result(text("config.history"), {{text("target"), text("listener_0")}})
                                       .value(text("versions"))
                                       .toArray();
        QCOMPARE(history.size(), 2);
        QCOMPARE(history[0][text("state")].toString(), text("rejected"));
        QCOMPARE(history[1][text("who")].toString(), text("root"));
    }

    void aStaleVersionIsRefusedAndSaysWhoWasFaster()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.apply({{text("report_hosts"), 7}}, {{text("base"), 0}}).contains(text("result")));
        const QJsonObject stale = scene.apply({{text("report_hosts"), 8}}, {{text("base"), 0}});
        QCOMPARE(stale[text("error")][text("code")].toInt(), -32000);
        QCOMPARE(stale[text("error")][text("data")][text("current")].toInt(), 1);
        QVERIFY(stale[text("error")][text("message")].toString().contains(text("root")));
    }

    void rollingBackIsOneCommandAndANewVersion()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.apply({{text("report_hosts"), 7}}).contains(text("result")));
        QVERIFY(scene.apply({{text("report_hosts"), 8}}).contains(text("result")));
        const QJsonObject back = scene.sensor.result(text("config.rollback"), {{text("target"), text("listener_0")}});
        QCOMPARE(back.value(text("version")).toInt(), 3);
        QCOMPARE(back.value(text("state")).toString(), text("applied"));
        const QJsonObject config = scene.sensor.result(text("config.get"), {{text("target"), text("listener_0")}});
        QCOMPARE(config[text("config")][text("report_hosts")].toInt(), 7);
    }

    void whatIsChangedWhileItIsStoppedIsDriftUntilItTakesIt()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.apply({{text("report_hosts"), 7}}).contains(text("result")));
        QVERIFY(scene.sensor.call(text("control.stop"), {{text("name"), text("listener_0")}}).contains(text("result")));
        const QJsonObject later = scene.apply({{text("report_hosts"), 9}});
        QCOMPARE(later[text("result")][text("state")].toString(), text("waiting"));
        QJsonObject listener = scene.sensor.instrument(text("listener_0"));
        QCOMPARE(listener[text("config")][text("drift")].toBool(), true);
        QVERIFY(!listener.value(text("drift")).toArray().isEmpty());

        QVERIFY(
            scene.sensor.call(text("control.start"), {{text("name"), text("listener_0")}}).contains(text("result")));
        QVERIFY(QTest::qWaitFor(
            [&] {
                listener = scene.sensor.instrument(text("listener_0"));
                return listener[text("config")][text("reported")].toInt() == 2;
            },
            20'000));
        QCOMPARE(listener[text("config")][text("drift")].toBool(), false);
    }

    void whatIsRemovedIsGoneButForItsPersistentData()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        const qint64 pid = scene.pid();
        const QJsonObject removed = scene.sensor.result(text("control.remove"), {{text("name"), text("listener_0")}});
        QVERIFY(QFileInfo{removed.value(text("kept")).toString()}.isDir());
        QVERIFY(!isAlive(pid));
        QVERIFY(scene.sensor.instrument(text("listener_0")).isEmpty());
        QVERIFY(!QFileInfo::exists(scene.sensor.runtimeDir() + text("/instruments/listener_0")));
        QVERIFY(scene.addListenerTo()); // and it comes back under its name
    }

    void whatIsRestartedIsAnotherProcess()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        const qint64 before = scene.pid();
        const QJsonObject restarted =
            scene.sensor.result(text("control.restart"), {{text("name"), text("listener_0@plant7")}});
        QCOMPARE(restarted.value(text("life")).toString(), text("running"));
        QVERIFY(scene.pid() != before);
        QVERIFY(!isAlive(before));
    }

    void theDocumentOfTheSensorIsVersionedToo()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QJsonObject document = scene.sensor.result(text("config.get"), {{text("target"), text("sensor")}})
                                   .value(text("config"))
                                   .toObject();
        QJsonArray interfaces = document.value(text("interfaces")).toArray();
        interfaces.append(
            QJsonObject{{text("name"), text("again")}, {text("type"), text("phy")}, {text("device"), text("nic1")}});
        document.insert(text("interfaces"), interfaces);
        const QJsonObject refused =
            scene.sensor.call(text("config.apply"), {{text("target"), text("sensor")}, {text("config"), document}});
        QVERIFY2(refused[text("error")][text("message")].toString().contains(text("taken already")),
            qPrintable(refused[text("error")][text("message")].toString()));
        QCOMPARE(scene.sensor.instrument(text("listener_0")).value(text("life")).toString(), text("running"));

        // Back to before the listener was added: it goes, and comes again.
        QVERIFY(scene.succeeds(text("config.rollback"), {{text("target"), text("sensor")}, {text("version"), 1}}));
        QVERIFY(QTest::qWaitFor([&] { return scene.sensor.instrument(text("listener_0")).isEmpty(); }, 20'000));
        QVERIFY(scene.succeeds(text("config.rollback"), {{text("target"), text("sensor")}, {text("version"), 2}}));
        QVERIFY(scene.sensor.waitForHealth(text("listener_0"), text("OK")));
    }

    void whoMustSendGetsNoMirror()
    {
        Scene scene;
        QVERIFY(scene.sensor.start());
        QVERIFY(scene.succeeds(text("control.interface.add"),
            {{text("name"), text("span")}, {text("type"), text("mirror")}, {text("device"), text("nic1")}}));
        const QJsonObject refused = scene.sensor.call(text("control.add"),
            {{text("type"), text("beacon")},
                {text("interfaces"), QJsonArray{QJsonObject{{text("interface"), text("span")}}}}});
        QVERIFY2(refused[text("error")][text("message")].toString().contains(text("may only receive")),
            qPrintable(refused[text("error")][text("message")].toString()));
        QVERIFY(scene.succeeds(text("control.add"),
            {{text("type"), text("listener")},
                {text("interfaces"), QJsonArray{QJsonObject{{text("interface"), text("span")}}}}}));
        QVERIFY(scene.sensor.waitForHealth(text("listener_0"), text("OK")));
        QVERIFY(ip(text("link set plant1 down")) && ip(text("link set plant1 up"))); // its ND and MLD are heard
        QVERIFY(QTest::qWaitFor(
            [&] {
                const QJsonObject health =
                    scene.sensor.result(text("health.get"), {{text("name"), text("listener_0")}});
                return health[text("facts")][text("frames")].toInt() > 0;
            },
            10'000));
    }

    void thatNoDhcpServerAnswersIsTold()
    {
        Scene scene;
        QVERIFY(scene.sensor.start());
        QVERIFY(scene.succeeds(text("control.interface.add"),
            {{text("name"), text("plant-a")}, {text("type"), text("bridge")}, {text("device"), text("nic1")}}));
        QVERIFY(scene.succeeds(text("control.add"),
            {{text("type"), text("listener")},
                {text("interfaces"),
                    QJsonArray{QJsonObject{{text("interface"), text("plant-a")}, {text("addressing"), text("dhcp")},
                        {text("capabilities"), QJsonArray{text("rx"), text("tx")}}}}}}));
        const auto problem = [&] {
            return scene.sensor.instrument(text("listener_0"))[text("interfaces")][0][text("problem")].toString();
        };
        QVERIFY(QTest::qWaitFor([&] { return problem().contains(text("No DHCP server answers on eth0")); }, 20'000));
        QVERIFY(scene.sensor.waitForHealth(text("listener_0"), text("WARNING")));
    }

    void anInterfaceInUseIsNotRemoved()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        const QJsonObject refused =
            scene.sensor.call(text("control.interface.remove"), {{text("name"), text("plant-a")}});
        QVERIFY(refused[text("error")][text("message")].toString().contains(text("in use by listener_0")));
        QVERIFY(scene.succeeds(
            text("control.interface.take"), {{text("instrument"), text("listener_0")}, {text("name"), text("eth0")}}));
        QVERIFY(scene.succeeds(text("control.interface.remove"), {{text("name"), text("plant-a")}}));
        QVERIFY(QTest::qWaitFor([&] { return ip(text("link show nic1 >/dev/null 2>&1")); }, 10'000));
        QVERIFY(scene.sensor.waitForHealth(text("listener_0"), text("ERROR"))); // it has nothing to listen to
    }

    void aProgramThatIsNoInstrumentIsNotAdded()
    {
        Scene scene;
        QVERIFY(scene.sensor.start());
        const QJsonObject refused = scene.sensor.call(
            text("control.add"), {{text("type"), text("listener")}, {text("program"), text("/bin/true")}});
        QVERIFY(refused[text("error")][text("message")].toString().contains(text("/bin/true")));
        const QJsonObject other = scene.sensor.call(
            text("control.add"), {{text("type"), text("beacon")}, {text("program"), text("beacon-listener")}});
        QVERIFY2(other[text("error")][text("message")].toString().contains(text("of type listener")),
            qPrintable(other[text("error")][text("message")].toString()));
    }

    void purgingTakesAllOfItAlsoWhereItIsStopped()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.apply({{text("report_hosts"), 7}}).contains(text("result")));
        QVERIFY(scene.succeeds(text("control.stop"), {{text("name"), text("listener_0")}}));
        const QJsonObject removed =
            scene.sensor.result(text("control.remove"), {{text("name"), text("listener_0")}, {text("purge"), true}});
        QVERIFY(removed.value(text("kept")).isNull());
        const QString state = scene.sensor.stateDir();
        QVERIFY(QTest::qWaitFor([&] { return !QFileInfo::exists(state + text("/instruments/listener_0")); }));
        QVERIFY(!QFileInfo::exists(state + text("/logs/listener_0.log")));
        QVERIFY(scene.addListenerTo());
        const QJsonArray history = scene.sensor.result(text("config.history"), {{text("target"), text("listener_0")}})
                                       .value(text("versions"))
                                       .toArray();
        QVERIFY(history.isEmpty());
        // The purge was of that one, and not of the next of its name.
        QVERIFY(scene.succeeds(text("control.remove"), {{text("name"), text("listener_0")}}));
        QVERIFY(QFileInfo::exists(state + text("/instruments/listener_0/persistent")));
    }

    void oneThatCouldNotBeAddedLeavesNoConfigurationToTheNext()
    {
        Scene scene;
        QVERIFY(scene.sensor.start());
        const QJsonObject refused = scene.sensor.call(text("control.add"),
            {{text("type"), text("listener")}, {text("config"), QJsonObject{{text("report_hosts"), 7}}},
                {text("interfaces"), QJsonArray{QJsonObject{{text("interface"), text("nowhere")}}}}});
        QVERIFY(refused.contains(text("error")));
        QVERIFY(scene.succeeds(text("control.add"), {{text("type"), text("listener")}}));
        const QJsonObject config = scene.sensor.result(text("config.get"), {{text("target"), text("listener_0")}});
        QVERIFY(config.value(text("config")).toObject().isEmpty());
    }

    void twoThatAreAddedAtOnceDoNotCollide()
    {
        Scene scene;
        QVERIFY(scene.sensor.start());
        RunningSensor& sensor = scene.sensor;
        int answered = 0;
        QStringList names;
        const auto add = [&](const char* type) {
            return sensor.ask(text("control.add"), {{text("type"), text(type)}}, [&](const QJsonObject& answer) {
                ++answered;
                names.append(answer[text("result")][text("name")].toString());
            });
        };
        const auto first = add("listener"), second = add("listener"), third = add("downloader");
        QVERIFY(QTest::qWaitFor([&] { return answered == 3; }, 20'000));
        names.sort();
        QCOMPARE(names, (QStringList{text("downloader_0"), text("listener_0"), text("listener_1")}));
    }

    void whatIsGivenAndTakenAtOnceIsNotKept()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.succeeds(text("control.interface.give"),
            {{text("instrument"), text("listener_0")}, {text("interface"), text("plant-a")},
                {text("name"), text("eth7")}}));
        QVERIFY(scene.succeeds(
            text("control.interface.take"), {{text("instrument"), text("listener_0")}, {text("name"), text("eth7")}}));
        QVERIFY(scene.sensor.waitForLife(text("listener_0"), text("running")));
        QVERIFY(QTest::qWaitFor( // seen from its own process, as sensord's pins are in sensord's mounts
            [&] {
                QFile interfaces{text("/proc/%1/net/dev").arg(scene.pid())};
                return interfaces.open(QIODevice::ReadOnly) && !interfaces.readAll().contains("eth7:");
            },
            20'000));
    }

    void aHungInstrumentDelaysNobodyAndIsReplaced()
    {
        Scene scene;
        QVERIFY(scene.addListener());
        QVERIFY(scene.sensor.call(text("control.add"), {{text("type"), text("downloader")}}).contains(text("result")));
        QVERIFY(scene.sensor.waitForLife(text("downloader_0"), text("running")));
        ::kill(static_cast<pid_t>(scene.pid()), SIGSTOP);
        QElapsedTimer since;
        since.start();
        const QJsonObject health = scene.sensor.result(text("health.get"), {{text("name"), text("downloader_0")}});
        QVERIFY(!health.isEmpty());
        QVERIFY(since.elapsed() < 1'000);
        ::kill(static_cast<pid_t>(scene.pid()), SIGCONT);
    }
};

BEACON_HOST_MAIN(TestSensord)
#include "tst_sensord.moc"
