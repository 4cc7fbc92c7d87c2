#include "service/instrument/drill_figures.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace beacon;

namespace {

Aim someAim()
{
    static constexpr std::uint16_t kPorts[] = {53, 443};
    return {.home = {*IpAddress::parse("198.51.100.1")}, .resolvers = {}, .ports = PortSet{kPorts}, .zone = ""};
}

AttemptTarget target(std::uint64_t n, const std::string& technique)
{
    AttemptTarget made;
    made.n = n;
    made.technique = technique;
    return made;
}

Line hello(std::vector<std::string> techniques)
{
    HelloLine line;
    line.version = "1.2.3";
    line.techniques = std::move(techniques);
    return line;
}

Line attempt(std::uint64_t n, const std::string& technique, Outcome outcome = Outcome::Sent)
{
    return AttemptLine{target(n, technique), outcome, "", ""};
}

Line escape(std::uint64_t n, const std::string& technique)
{
    return EscapeLine{target(n, technique), 800};
}

TokenFields token(std::uint32_t n, const char* technique)
{
    TokenFields fields;
    fields.counter = n;
    fields.technique = findTechnique(technique)->number;
    return fields;
}

QJsonObject jsonOf(const DrillFigures& figures, const std::string& trouble = {})
{
    const std::string text = figures.json(
        {.beacon = "/usr/bin/beacon", .trouble = trouble, .seconds = 1.23456, .firstEscapeMs = std::nullopt});
    return QJsonDocument::fromJson(QByteArray::fromStdString(text)).object();
}

QString reasonOf(const DrillFigures& figures)
{
    return jsonOf(figures).value(QStringLiteral("reason")).toString();
}

} // namespace

class TstDrillFigures : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyTechniqueMustArriveAndOneComeBack();
    void anEscapeThatHomeNeverAnsweredIsNone();
    void whatIsOnlyToldHasNotEscaped();
    void oneTechniqueThatDoesNotArriveIsNamed();
    void whatHasNothingToTryIsNotWaitedFor();
    void whatWasSkippedWasNotTried();
    void aForeignBeaconEscapesByAnyPacket();
    void theTroubleIsTheReasonWhereNothingEscaped();
    void aBeaconGoneWildIsBounded();
};

void TstDrillFigures::everyTechniqueMustArriveAndOneComeBack()
{
    DrillFigures figures{someAim()};
    QVERIFY(!figures.complete() && !figures.escaped());
    figures.onLine(hello({"UdpDatagram", "TcpConnection"}));
    figures.onToken(token(1, "UdpDatagram"));
    figures.onAnswer(token(1, "UdpDatagram"));
    figures.onLine(attempt(1, "UdpDatagram"));
    figures.onLine(escape(1, "UdpDatagram"));
    QVERIFY(figures.escaped() && !figures.complete()); // TCP was not tried yet
    figures.onToken(token(2, "TcpConnection"));
    QVERIFY(!figures.complete()); // and not told of
    figures.onLine(attempt(2, "TcpConnection"));
    QVERIFY(figures.complete());
    const QJsonObject json = jsonOf(figures);
    QVERIFY(json.value(QStringLiteral("escaped")).toBool() && json.value(QStringLiteral("two_way")).toBool());
    QCOMPARE(json.value(QStringLiteral("recognised")).toInt(), 2);
    QCOMPARE(json.value(QStringLiteral("version")).toString(), QStringLiteral("1.2.3"));
    QCOMPARE(json.value(QStringLiteral("seconds")).toDouble(), 1.235);
    QVERIFY(!json.contains(QStringLiteral("reason")));
}

void TstDrillFigures::anEscapeThatHomeNeverAnsweredIsNone()
{
    DrillFigures figures{someAim()};
    figures.onLine(hello({"UdpDatagram"}));
    figures.onToken(token(1, "UdpDatagram"));
    figures.onLine(attempt(1, "UdpDatagram"));
    figures.onLine(escape(1, "UdpDatagram")); // Home has not answered
    figures.onAnswer(token(2, "UdpDatagram"));
    figures.onLine(escape(2, "TcpConnection")); // not what Home has answered
    QVERIFY(figures.escaped() && !figures.complete());
    QVERIFY(!jsonOf(figures).value(QStringLiteral("two_way")).toBool());
    figures.onLine(escape(2, "UdpDatagram"));
    figures.onLine(escape(2, "UdpDatagram")); // told twice, and one escape
    QVERIFY(figures.complete());
    QCOMPARE(jsonOf(figures).value(QStringLiteral("escapes")).toInt(), 1);
}

void TstDrillFigures::whatIsOnlyToldHasNotEscaped()
{
    DrillFigures figures{someAim()};
    figures.onLine(hello({"TcpConnection"}));
    for (std::uint64_t n = 1; n <= 100; ++n) {
        figures.onLine(attempt(n, "TcpConnection"));
        figures.onLine(escape(n, "TcpConnection"));
    }
    QVERIFY(!figures.escaped() && !figures.complete());
    QVERIFY(reasonOf(figures).endsWith(QStringLiteral(": TcpConnection")));
}

void TstDrillFigures::oneTechniqueThatDoesNotArriveIsNamed()
{
    DrillFigures figures{someAim()};
    figures.onLine(hello({"UdpDatagram", "IcmpEcho"}));
    figures.onToken(token(1, "UdpDatagram"));
    figures.onLine(attempt(1, "UdpDatagram"));
    figures.onLine(attempt(2, "IcmpEcho"));
    QVERIFY(!figures.escaped());
    QVERIFY(reasonOf(figures).endsWith(QStringLiteral(": IcmpEcho")));
}

void TstDrillFigures::whatHasNothingToTryIsNotWaitedFor()
{
    DrillFigures figures{someAim()}; // without a zone
    figures.onLine(hello({"UdpDatagram", "DnsQuery"}));
    figures.onToken(token(1, "UdpDatagram"));
    figures.onAnswer(token(1, "UdpDatagram"));
    figures.onLine(attempt(1, "UdpDatagram"));
    figures.onLine(escape(1, "UdpDatagram"));
    QVERIFY(figures.complete());
}

void TstDrillFigures::whatWasSkippedWasNotTried()
{
    DrillFigures figures{someAim()};
    figures.onLine(hello({"UdpDatagram"}));
    figures.onToken(token(1, "UdpDatagram"));
    figures.onLine(attempt(1, "UdpDatagram"));
    figures.onLine(attempt(2, "SpoofIp", Outcome::Skipped));
    QVERIFY(figures.escaped());
    QCOMPARE(jsonOf(figures).value(QStringLiteral("attempts")).toInt(), 1);
}

void TstDrillFigures::aForeignBeaconEscapesByAnyPacket()
{
    DrillFigures figures{someAim()};
    figures.onForeignLine();
    QVERIFY(!figures.complete());
    QVERIFY(reasonOf(figures).startsWith(QStringLiteral("no IP packet")));
    figures.onFrame();
    QVERIFY(figures.complete() && figures.escaped());
    const QJsonObject json = jsonOf(figures);
    QVERIFY(json.value(QStringLiteral("foreign")).toBool());
    QVERIFY(json.value(QStringLiteral("version")).isNull());
    QCOMPARE(json.value(QStringLiteral("frames")).toInt(), 1);
    QCOMPARE(json.value(QStringLiteral("attempts")).toInt(), 1);
}

void TstDrillFigures::theTroubleIsTheReasonWhereNothingEscaped()
{
    DrillFigures figures{someAim()};
    QCOMPARE(jsonOf(figures, "it crashed").value(QStringLiteral("reason")).toString(), QStringLiteral("it crashed"));
    figures.onLine(hello({"UdpDatagram"}));
    figures.onToken(token(1, "UdpDatagram"));
    QVERIFY(!jsonOf(figures, "it crashed").contains(QStringLiteral("reason")));
}

void TstDrillFigures::aBeaconGoneWildIsBounded()
{
    DrillFigures figures{someAim()};
    figures.onLine(hello({"UdpDatagram"}));
    for (std::uint64_t n = 0; n < 1'000; ++n)
        figures.onLine(attempt(n, std::string(200, 'x') + std::to_string(n)));
    for (std::uint64_t n = 0; n < 1'000; ++n)
        figures.onLine(attempt(n, "\xff" + std::to_string(n)));
    const QJsonObject json = jsonOf(figures); // and what is no UTF-8 harms nothing
    QCOMPARE(json.value(QStringLiteral("attempts")).toInt(), 2'000);
    const auto techniques = json.value(QStringLiteral("techniques")).toObject();
    QVERIFY(!techniques.isEmpty() && techniques.size() <= static_cast<qsizetype>(DrillFigures::kMaxTechniques));
}

QTEST_GUILESS_MAIN(TstDrillFigures)
#include "tst_drill_figures.moc"
