#include "faulty_beacon.h"

#include "tests/support/net_fixture.h"

#include <csignal>

namespace beacon::test {

FaultyBeacon::FaultyBeacon(const QByteArray& fault, const QStringList& more, const QString& beacon)
    : RunningInstrument(QString::fromLatin1(fault), beacon, more)
    , m_fault(QString::fromLatin1(fault))
    , m_path(beacon)
{
    static int number = 0;
    m_peer = QStringLiteral("peer%1").arg(++number);
}

FaultyBeacon::~FaultyBeacon()
{
    end(SIGKILL, 5'000); // before its interface goes
    ip(QStringLiteral("link del %1 2>/dev/null || true").arg(m_peer));
}

bool FaultyBeacon::makeInterface()
{
    return ip(QStringLiteral("link add %1 type veth peer name %2").arg(m_fault, m_peer))
        && ip(QStringLiteral("link set %1 up").arg(m_peer)) && ip(QStringLiteral("link set %1 up").arg(m_fault));
}

void FaultyBeacon::mend()
{
    writeFile(runtimeFile("mended"), "");
    m_mendedAt = lastSeq();
}

bool FaultyBeacon::worksAgain() const
{
    return !last("beacon.escape.succeeded", m_mendedAt).isEmpty() && healthStatus() != QStringLiteral("ERROR");
}

QJsonValue FaultyBeacon::ofLastDeath(const char* key) const
{
    return dataOf(last("beacon.process.exited"), key);
}

QJsonValue dataOf(const QJsonObject& event, const char* key)
{
    return event.value(QStringLiteral("data")).toObject().value(QLatin1StringView(key));
}

bool Convalescents::measureAGoodOne()
{
    FaultyBeacon good{"good"};
    const auto isWell = [&] { return good.healthStatus() == QStringLiteral("OK") && good.attempts.size() > 50; };
    if (!good.begin() || !QTest::qWaitFor(isWell, kPatienceMs))
        return false;
    m_descriptors = good.descriptors();
    m_residentKb = residentKbOf(good.pid());
    return good.beacons() == 1;
}

void Convalescents::add(const char* name, std::unique_ptr<FaultyBeacon> instrument)
{
    m_patients.push_back({QString::fromLatin1(name), std::move(instrument)});
}

QString Convalescents::complaintOf(const Patient& patient) const
{
    FaultyBeacon& instrument = *patient.instrument;
    const auto isWell = [&] { return instrument.healthStatus() == QStringLiteral("OK"); };
    if (!QTest::qWaitFor(isWell, kPatienceMs) || !instrument.healthCodes().isEmpty())
        return instrument.healthStatus() + QLatin1Char(' ') + instrument.healthCodes().join(QLatin1Char(' '));
    if (!QTest::qWaitFor([&] { return instrument.descriptors() <= m_descriptors; }, kPatienceMs))
        return QStringLiteral("%1 descriptors, not %2").arg(instrument.descriptors()).arg(m_descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    constexpr qint64 kBuffersKb = 32'768; // its rings, the lines that it keeps and the journal's queue are in use now
    if (const qint64 resident = residentKbOf(instrument.pid()); resident > m_residentKb + kBuffersKb)
        return QStringLiteral("%1 kB resident, not %2").arg(resident).arg(m_residentKb);
#endif
    if (instrument.beacons() != 1)
        return QStringLiteral("%1 Beacons, not one").arg(instrument.beacons());
    if (!instrument.complaints().isEmpty())
        return instrument.complaints();
    if (!instrument.end(SIGTERM, 10'000) || instrument.exitCode() != 0)
        return QStringLiteral("ended with %1").arg(instrument.exitCode());
    if (!QTest::qWaitFor([&] { return instrument.beacons() == 0; }, kPatienceMs))
        return QStringLiteral("left %1 processes").arg(instrument.beacons());
    return {};
}

QStringList Convalescents::complaints()
{
    QStringList all;
    for (const Patient& patient : m_patients)
        if (const QString complaint = complaintOf(patient); !complaint.isEmpty())
            all << patient.name + QStringLiteral(": ") + complaint;
    m_patients.clear();
    return all;
}

} // namespace beacon::test
