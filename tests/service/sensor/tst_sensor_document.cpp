#include "service/sensor/sensor_document.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

#include <map>

using namespace beacon;
using How = AttachmentSpec::How;

namespace {

/// Single quotes stand for double ones: moc loses its way in raw strings.
QJsonObject json(QByteArray text)
{
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(text.replace('\'', '"'), &problem);
    if (!document.isObject())
        qFatal("%s in %s", qPrintable(problem.errorString()), text.constData());
    return document.object();
}

/// Three interfaces, and the Instruments that `instruments` lists.
QJsonObject sensor(const QByteArray& instruments)
{
    return json("{'interfaces':[{'name':'plant-a','type':'bridge','device':'eth1'},"
                "{'name':'span','type':'mirror','device':'eth2'},{'name':'ot','type':'phy','device':'eth3'}],"
                "'instruments':["
        + instruments + "]}");
}

/// One Instrument with one attachment: `more` is part of it.
QJsonObject attached(const QByteArray& interface, const QByteArray& more = {})
{
    QByteArray instrument = "{'name':'beacon_0','program':'/usr/bin/"
                            "b','slot':0,'interfaces':[{'name':'eth0','interface':'INTERFACE'MORE}]}";
    return sensor(instrument.replace("INTERFACE", interface).replace("MORE", more.isEmpty() ? more : ',' + more));
}

SensorDocument good(const QJsonObject& object)
{
    auto read = sensorDocumentFrom(object);
    if (const auto* faults = std::get_if<std::vector<Fault>>(&read)) {
        QTest::qFail(qPrintable(faults->front().pointer + QLatin1Char(' ') + faults->front().text), __FILE__, __LINE__);
        return {};
    }
    return std::get<SensorDocument>(read);
}

std::vector<Fault> faultsOf(const QJsonObject& object)
{
    auto read = sensorDocumentFrom(object);
    auto* faults = std::get_if<std::vector<Fault>>(&read);
    return faults != nullptr ? *faults : std::vector<Fault>{};
}

} // namespace

class TestSensorDocument : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theSchemaIsBuiltIn()
    {
        const auto schema = Schema::parse(QJsonDocument{sensorSchema()}.toJson());
        QVERIFY2(schema, schema ? "" : schema.error().context.c_str());
        QVERIFY(good({}) == SensorDocument{});
    }

    void everythingIsRead()
    {
        const SensorDocument document =
            good(sensor("{'name':'beacon_12','program':'/usr/bin/beacon-instrument',"
                        "'running':false,'slot':7,'memory_bytes':268435456,'processes':64,'interfaces':["
                        "{'name':'eth0','interface':'plant-a','capabilities':['tx','rx'],'addressing':'static',"
                        "'addresses':['198.51.100.2/24','2001:db8::2/"
                        "64'],'gateways':['198.51.100.1','fe80::1'],'resolvers':['198.51.100.1']},"
                        "{'name':'mon0','interface':'span'},{'name':'ot0','interface':'ot','addressing':'dhcp'}]}"));
        QCOMPARE(document.interfaces.size(), std::size_t{3});
        QCOMPARE(document.interface(QStringLiteral("span"))->type, SensorInterface::Type::Mirror);
        QCOMPARE(document.interface(QStringLiteral("ot"))->device, QStringLiteral("eth3"));
        const InstrumentSpec& beacon = *document.instrument(QStringLiteral("beacon_12"));
        QCOMPARE(beacon.type, QStringLiteral("beacon"));
        QCOMPARE(beacon.number, 12);
        QCOMPARE(beacon.slot, 7);
        QVERIFY(!beacon.running);
        QCOMPARE(beacon.memoryBytes, qint64{268'435'456});
        QCOMPARE(beacon.processes, 64);
        const AttachmentSpec& first = beacon.interfaces.at(0);
        QCOMPARE(first.addressing, How::Static);
        QCOMPARE(first.capabilities, (QStringList{QStringLiteral("rx"), QStringLiteral("tx")}));
        QCOMPARE(first.addresses.size(), 2);
        QCOMPARE(first.gateways.size(), 2);
        QCOMPARE(first.resolvers, QStringList{QStringLiteral("198.51.100.1")});
        QCOMPARE(beacon.interfaces.at(1).capabilities, QStringList{QStringLiteral("rx")});
        QVERIFY(!beacon.interfaces.at(1).canSend());
        QCOMPARE(beacon.interfaces.at(1).addressing, How::None);
        QVERIFY(beacon.interfaces.at(2).canSend());
        QCOMPARE(beacon.interfaces.at(2).addressing, How::Dhcp);
        QVERIFY(good(toJson(document)) == document);
        QCOMPARE(document.usersOf(QStringLiteral("span")), QStringList{QStringLiteral("beacon_12")});
        QVERIFY(document.usersOf(QStringLiteral("plant-b")).isEmpty());
    }

    void defaultsAreFilledIn()
    {
        const SensorDocument document = good(attached("plant-a"));
        const InstrumentSpec& spec = document.instruments.front();
        QVERIFY(spec.running);
        QCOMPARE(spec.memoryBytes, 0);
        QVERIFY(spec.interfaces.front().canSend());
        QCOMPARE(spec.interfaces.front().addressing, How::None);
        QVERIFY(good(toJson(document)) == document);
    }

    void whatIsWrongIsToldWhereItIs_data()
    {
        QTest::addColumn<QJsonObject>("document");
        QTest::addColumn<QString>("pointer");
        QTest::addColumn<QString>("text"); // part of it
        const auto row = [](const QByteArray& name, const QJsonObject& document, const QByteArray& pointer,
                             const char* text) {
            QTest::newRow(name.constData()) << document << QString::fromUtf8(pointer) << QString::fromUtf8(text);
        };
        const auto interfaces = [](const char* list) { return json(QByteArray{"{'interfaces':["} + list + "]}"); };
        const auto instrument = [](const char* name, const char* more = "") {
            return sensor(
                QByteArray{"{'name':'NAME','program':'/b','slot':0MORE}"}.replace("NAME", name).replace("MORE", more));
        };
        row("an interface's name in capitals", interfaces("{'name':'Plant','type':'phy','device':'eth1'}"),
            "/interfaces/0/name", "must be a small letter");
        row("a name with a newline", interfaces("{'name':'plant\\n','type':'phy','device':'eth1'}"),
            "/interfaces/0/name", "\"plant\\u000a\"");
        row("a name of 33 letters",
            interfaces("{'name':'aaaaaaaaaabbbbbbbbbbccccccccccddd','type':'phy','device':'eth1'}"),
            "/interfaces/0/name", "at most 32");
        row("an empty name", interfaces("{'name':'','type':'phy','device':'eth1'}"), "/interfaces/0/name", "must");
        row("a name twice",
            interfaces("{'name':'a','type':'phy','device':'eth1'},{'name':'a','type':'phy','device':'eth2'}"),
            "/interfaces/1/name", "is taken already");
        row("a device used twice",
            interfaces("{'name':'a','type':'phy','device':'eth1'},{'name':'b','type':'mirror','device':'eth1'}"),
            "/interfaces/1/device", "is taken already, by the interface \"a\"; a device can be used only once");
        row("the loopback", interfaces("{'name':'a','type':'phy','device':'lo'}"), "/interfaces/0/device", "loopback");
        row("a device with a slash", interfaces("{'name':'a','type':'phy','device':'../x'}"), "/interfaces/0/device",
            "at most 15");
        row("a device that ends a quotation", interfaces("{'name':'a','type':'phy','device':'e\\\";drop'}"),
            "/interfaces/0/device", "must be");
        row("a device of 16 letters", interfaces("{'name':'a','type':'phy','device':'abcdefghijklmnop'}"),
            "/interfaces/0/device", "at most 15");
        row("a type that is none", interfaces("{'name':'a','type':'vlan','device':'eth1'}"), "/interfaces/0/type",
            "must be one of phy, bridge, mirror");
        row("no device", interfaces("{'name':'a','type':'phy'}"), "/interfaces/0/device", "is missing; add it");
        row("an unknown key", interfaces("{'name':'a','type':'phy','device':'eth1','mtu':9000}"), "/interfaces/0/mtu",
            "is not a key here");
        row("no list", json("{'interfaces':{}}"), "/interfaces", "must be an array");
        row("a number in a list", interfaces("7"), "/interfaces/0", "must be an object");

        row("an Instrument without a number", instrument("beacon"), "/instruments/0/name", "like beacon_0");
        row("an Instrument with a dash", instrument("my-beacon_0"), "/instruments/0/name", "like beacon_0");
        row("a number with a zero before it", instrument("beacon_00"), "/instruments/0/name", "like beacon_0");
        row("a number that is no int", instrument("beacon_99999999999"), "/instruments/0/name", "like beacon_0");
        row("a way out of a directory", instrument("../beacon_0"), "/instruments/0/name", "like beacon_0");
        row("an Instrument that would speak as the Sensor", instrument("sensor_0"), "/instruments/0/name",
            "other than sensor");
        row("a program by a relative path", sensor("{'name':'b_0','program':'bin/b','slot':0}"),
            "/instruments/0/program", "absolute path");
        row("a folder as program", sensor("{'name':'b_0','program':'/usr/bin/','slot':0}"), "/instruments/0/program",
            "absolute path");
        row("a slot too high", sensor("{'name':'b_0','program':'/b','slot':1000}"), "/instruments/0/slot",
            "from 0 to 999");
        row("a slot below zero", sensor("{'name':'b_0','program':'/b','slot':-1}"), "/instruments/0/slot",
            "from 0 to 999");
        row("half a slot", sensor("{'name':'b_0','program':'/b','slot':1.5}"), "/instruments/0/slot", "whole number");
        row("no slot", sensor("{'name':'b_0','program':'/b'}"), "/instruments/0/slot",
            "is missing; add a number from 0 to 999");
        row("a slot used twice",
            sensor("{'name':'b_0','program':'/b','slot':3},{'name':'b_1','program':'/b','slot':3}"),
            "/instruments/1/slot", "is taken already, by b_0");
        row("a name used twice",
            sensor("{'name':'b_0','program':'/b','slot':3},{'name':'b_0','program':'/b','slot':4}"),
            "/instruments/1/name", "is taken already");
        row("memory in which nothing starts", instrument("b_0", ",'memory_bytes':1000"), "/instruments/0/memory_bytes",
            "at least 4194304");
        row("more memory than there is", instrument("b_0", ",'memory_bytes':1e15"), "/instruments/0/memory_bytes",
            "from 0 to");
        row("too many processes", instrument("b_0", ",'processes':40000"), "/instruments/0/processes",
            "from 0 to 32768");
        row("running as a text", instrument("b_0", ",'running':'yes'"), "/instruments/0/running",
            "must be true or false");

        const char* const here = "/instruments/0/interfaces/0/";
        const auto in = [here](const char* key) { return QByteArray{here} + key; };
        row("an unknown interface", attached("plant-b"), in("interface"),
            "is \"plant-b\", which is no interface of this Sensor; use one of plant-a, span, ot, or add it");
        row("tx on a mirror", attached("span", "'capabilities':['rx','tx']"), in("capabilities"),
            "span is a mirror, which only receives; leave tx out");
        for (const char* how : {"dhcp", "slaac", "static"})
            row(QByteArray{how} + " on a mirror",
                attached("span", QByteArray{"'addressing':'HOW'"}.replace("HOW", how)), in("addressing"),
                "span is a mirror, where nothing can be sent; use none");
        row("tx alone", attached("plant-a", "'capabilities':['tx']"), in("capabilities"), "lacks rx");
        row("rx alone on what is given whole", attached("ot", "'capabilities':['rx']"), in("capabilities"),
            "ot is given whole");
        row("dhcp where nothing may be sent", attached("plant-a", "'capabilities':['rx'],'addressing':'dhcp'"),
            in("addressing"), "has to send");
        row("no capability", attached("ot", "'capabilities':[]"), in("capabilities"), "empty");
        row("a capability that is none", attached("ot", "'capabilities':['raw']"), in("capabilities/0"),
            "must be one of rx, tx");
        row("static without addresses", attached("plant-a", "'addressing':'static'"), in("addresses"),
            "is missing; static addressing needs at least one");
        row("addresses with dhcp", attached("plant-a", "'addressing':'dhcp','addresses':['198.51.100.2/24']"),
            in("addresses"), "is for static addressing only");
        row("addresses with none", attached("plant-a", "'addresses':['198.51.100.2/24']"), in("addresses"),
            "set addressing to static");
        row("gateways with slaac", attached("plant-a", "'addressing':'slaac','gateways':['fe80::1']"), in("gateways"),
            "is for static addressing only");
        row("an address without prefix", fixed("198.51.100.2"), in("addresses/0"), "with its prefix length");
        row("a prefix too long", fixed("198.51.100.2/33"), in("addresses/0"), "198.51.100.2/33");
        row("a prefix of nothing", fixed("198.51.100.2/0"), in("addresses/0"), "with its prefix length");
        row("a prefix with a sign", fixed("198.51.100.2/+24"), in("addresses/0"), "with its prefix length");
        row("an IPv6 prefix too long", fixed("2001:db8::1/129"), in("addresses/0"), "with its prefix length");
        row("no address", fixed("plant/24"), in("addresses/0"), "must be the address of a host");
        row("an octet too large", fixed("198.51.100.256/24"), in("addresses/0"), "must be the address of a host");
        row("the network itself", fixed("198.51.100.0/24"), in("addresses/0"), "must be the address of a host");
        row("the broadcast address", fixed("198.51.100.255/24"), in("addresses/0"), "must be the address of a host");
        row("a group", fixed("224.0.0.5/24"), in("addresses/0"), "must be the address of a host");
        row("the loopback's address", fixed("127.0.0.1/8"), in("addresses/0"), "must be the address of a host");
        row("the IPv6 loopback", fixed("::1/128"), in("addresses/0"), "must be the address of a host");
        row("an address twice", fixed("198.51.100.2/24','198.51.100.2/25"), in("addresses/1"), "is taken already");
        row("a gateway elsewhere", fixed("198.51.100.2/24", "203.0.113.1"), in("gateways/0"),
            "in the network of none of the addresses");
        row("a gateway just outside", fixed("198.51.100.2/25", "198.51.100.129"), in("gateways/0"),
            "in the network of none of the addresses");
        row("a gateway of another family", fixed("198.51.100.2/24", "fe80::1"), in("gateways/0"),
            "in the network of none of the addresses");
        row("itself as gateway", fixed("198.51.100.2/24", "198.51.100.2"), in("gateways/0"), "its own address");
        row("a gateway that is the network itself", fixed("198.51.100.2/24", "198.51.100.0"), in("gateways/0"),
            "must be the address of a gateway");
        row("a gateway with a prefix", fixed("198.51.100.2/24", "198.51.100.1/24"), in("gateways/0"),
            "must be the address of a gateway");
        row("a resolver by name", attached("plant-a", "'resolvers':['dns']"), in("resolvers/0"),
            "must be the address of a name server");
        row("an inside name of 16 letters", inside("abcdefghijklmnop"), in("name"), "at most 15");
        row("an inside name with a slash", inside("a/b"), in("name"), "at most 15");
        row("an inside name that is an option", inside("-i"), in("name"), "must be");
        row("the inside loopback", inside("lo"), in("name"), "which every Instrument has already");
        row("an inside name of the kernel", inside("all"), in("name"), "which every Instrument has already");
        row("no inside name", sensor("{'name':'b_0','program':'/b','slot':0,'interfaces':[{'interface':'ot'}]}"),
            in("name"), "is missing; add it");
        row("an inside name twice", twice("eth0", "plant-a", "eth0", "span"), "/instruments/0/interfaces/1/name",
            "is taken already");
        row("a phy twice in one Instrument", twice("eth0", "ot", "eth1", "ot"), "/instruments/0/interfaces/1/interface",
            "given to one Instrument only");
        row("a phy given to two",
            sensor("{'name':'a_0','program':'/b','slot':0,'interfaces':[{'name':'e','interface':'ot'}]},"
                   "{'name':'a_1','program':'/b','slot':1,'interfaces':[{'name':'e','interface':'ot'}]}"),
            "/instruments/1/interfaces/0/interface", "is taken already, by a_0");
        row("an address given to two",
            sensor("{'name':'a_0','program':'/b','slot':0,'interfaces':[{'name':'e','interface':'plant-a',"
                   "'addressing':'static','addresses':['198.51.100.2/24']}]},"
                   "{'name':'a_1','program':'/b','slot':1,'interfaces':[{'name':'e','interface':'plant-a',"
                   "'addressing':'static','addresses':['198.51.100.2/24']}]}"),
            "/instruments/1/interfaces/0/addresses/0", "is taken already");
    }
    void whatIsWrongIsToldWhereItIs()
    {
        QFETCH(QJsonObject, document);
        QFETCH(QString, pointer);
        QFETCH(QString, text);
        const auto faults = faultsOf(document);
        QCOMPARE(faults.size(), std::size_t{1});
        QCOMPARE(faults.front().pointer, pointer);
        QVERIFY2(faults.front().text.contains(text), qPrintable(faults.front().text));
    }

    void whatIsUnusualButRightIsTaken_data()
    {
        QTest::addColumn<QJsonObject>("document");
        QTest::newRow("two Instruments on one bridge")
            << sensor("{'name':'a_0','program':'/b','slot':0,'interfaces':[{'name':'e','interface':'plant-a'}]},"
                      "{'name':'a_1','program':'/b','slot':1,'interfaces':[{'name':'e','interface':'plant-a'}]}");
        QTest::newRow("a type with digits and underscores") << sensor("{'name':'my_type_2_7','program':'/b','slot':0}");
        QTest::newRow("the same address on two interfaces")
            << sensor("{'name':'a_0','program':'/b','slot':0,'interfaces':[{'name':'e','interface':'plant-a',"
                      "'addressing':'static','addresses':['198.51.100.2/24']},{'name':'f','interface':'ot',"
                      "'addressing':'static','addresses':['198.51.100.2/24']}]}");
        QTest::newRow("resolvers without addresses") << attached("span", "'resolvers':['2001:db8::53']");
        QTest::newRow("a link-local gateway for IPv6") << fixed("2001:db8::2/64", "fe80::1");
        QTest::newRow("both ends of a /31") << fixed("198.51.100.0/31", "198.51.100.1");
        QTest::newRow("an empty list of addresses with dhcp")
            << attached("plant-a", "'addressing':'dhcp','addresses':[],'gateways':[]");
        QTest::newRow("no address at all on a phy") << attached("ot", "'addressing':'none'");
        QTest::newRow("a VLAN's device") << json("{'interfaces':[{'name':'a','type':'phy','device':'eth1.100'}]}");
    }
    void whatIsUnusualButRightIsTaken()
    {
        QFETCH(QJsonObject, document);
        const auto faults = faultsOf(document);
        QVERIFY2(faults.empty(),
            faults.empty() ? "" : qPrintable(faults.front().pointer + QLatin1Char(' ') + faults.front().text));
    }

    void allIsToldAtOnceButNotMore()
    {
        const auto three = faultsOf(
            sensor("{'name':'beacon','program':'b','slot':0,'interfaces':[{'name':'lo','interface':'x'},{'name':1}]}"));
        QStringList pointers;
        for (const Fault& fault : three)
            pointers.append(fault.pointer);
        QCOMPARE(pointers,
            (QStringList{QStringLiteral("/instruments/0/interfaces/0/interface"),
                QStringLiteral("/instruments/0/interfaces/0/name"),
                QStringLiteral("/instruments/0/interfaces/1/interface"),
                QStringLiteral("/instruments/0/interfaces/1/name"), QStringLiteral("/instruments/0/name"),
                QStringLiteral("/instruments/0/program")}));
        QByteArray many;
        for (int i = 0; i < 900; ++i)
            many += (i > 0 ? "," : "") + QByteArray{"{'name':'b_0','program':'/b','slot':0}"};
        QCOMPARE(faultsOf(sensor(many)).size(), Schema::kMaxFaults);
    }

    void freePlacesAreTheLeast()
    {
        SensorDocument document;
        QCOMPARE(document.nextNumber(QStringLiteral("beacon")), 0);
        QCOMPARE(document.nextSlot(), 0);
        const std::map<QString, int> taken{
            {QStringLiteral("beacon_0"), 0}, {QStringLiteral("beacon_2"), 1}, {QStringLiteral("listener_1"), 3}};
        for (const auto& [name, slot] : taken) {
            InstrumentSpec spec;
            spec.name = name;
            spec.type = instrumentName(name)->type;
            spec.number = instrumentName(name)->number;
            spec.slot = slot;
            document.put(spec);
        }
        QCOMPARE(document.nextNumber(QStringLiteral("beacon")), 1);
        QCOMPARE(document.nextNumber(QStringLiteral("listener")), 0);
        QCOMPARE(document.nextSlot(), 2);
        QCOMPARE(document.nextSlot({2, 4}), 5);
        for (int slot = 0; slot <= SensorDocument::kMaxSlot; ++slot) {
            InstrumentSpec spec;
            spec.name = QStringLiteral("many_%1").arg(slot);
            spec.slot = slot;
            document.put(spec);
        }
        QVERIFY(!document.nextSlot());
    }

    void oneIsReplacedInItsPlace()
    {
        SensorDocument document =
            good(sensor("{'name':'b_0','program':'/b','slot':0},{'name':'b_1','program':'/b','slot':1}"));
        InstrumentSpec changed = *document.instrument(QStringLiteral("b_0"));
        changed.running = false;
        document.put(changed);
        QCOMPARE(document.instruments.size(), std::size_t{2});
        QVERIFY(!document.instruments.front().running);
        QVERIFY(document.removeInstrument(QStringLiteral("b_0")));
        QVERIFY(!document.removeInstrument(QStringLiteral("b_0")));
        QCOMPARE(document.instruments.size(), std::size_t{1});
        document.put(SensorInterface{QStringLiteral("new"), SensorInterface::Type::Phy, QStringLiteral("eth9")});
        QCOMPARE(document.interfaces.size(), std::size_t{4});
        QVERIFY(document.removeInterface(QStringLiteral("new")));
        QVERIFY(!document.removeInterface(QStringLiteral("new")));
    }

    void theNextInsideNameIsFree()
    {
        InstrumentSpec spec;
        QCOMPARE(nextInsideName(spec), QStringLiteral("eth0"));
        for (const char* name : {"eth0", "eth2"})
            spec.interfaces.emplace_back().name = QString::fromUtf8(name);
        QCOMPARE(nextInsideName(spec), QStringLiteral("eth1"));
    }

private:
    static QJsonObject fixed(const QByteArray& addresses, const QByteArray& gateway = {})
    {
        QByteArray more = "'addressing':'static','addresses':['ADDRESS']";
        more.replace("ADDRESS", addresses);
        if (!gateway.isEmpty())
            more += QByteArray{",'gateways':['GATEWAY']"}.replace("GATEWAY", gateway);
        return attached("plant-a", more);
    }
    static QJsonObject inside(const QByteArray& name)
    {
        QByteArray instrument =
            "{'name':'b_0','program':'/b','slot':0,'interfaces':[{'name':'NAME','interface':'ot'}]}";
        return sensor(instrument.replace("NAME", name));
    }
    static QJsonObject twice(
        const QByteArray& name, const QByteArray& interface, const QByteArray& other, const QByteArray& otherInterface)
    {
        QByteArray instrument =
            "{'name':'b_0','program':'/"
            "b','slot':0,'interfaces':[{'name':'N1','interface':'I1'},{'name':'N2','interface':'I2'}]}";
        return sensor(
            instrument.replace("N1", name).replace("I1", interface).replace("N2", other).replace("I2", otherInterface));
    }
};

QTEST_GUILESS_MAIN(TestSensorDocument)
#include "tst_sensor_document.moc"
