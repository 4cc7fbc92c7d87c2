#pragma once

#include "running_instrument.h"

#include <QElapsedTimer>
#include <QTest>

namespace beacon::test {

inline constexpr int kPatienceMs = 20'000;
const QString kBadBeacon = QStringLiteral(TARGETS_DIR "/bad_beacon");
const QStringList kQuick{QStringLiteral("--stall"), QStringLiteral("2"), QStringLiteral("--stop"), QStringLiteral("1")};

/// A real Instrument on a real interface of its own, which is called after the fault of its Beacon (bad_beacon.cpp).
class FaultyBeacon : public RunningInstrument {
public:
    explicit FaultyBeacon(
        const QByteArray& fault, const QStringList& more = kQuick, const QString& beacon = kBadBeacon);
    ~FaultyBeacon();

    bool makeInterface();
    bool begin() { return makeInterface() && start(); }
    void mend(); ///< the Beacon is a good one from its next start on
    /// Since mend() the Instrument has told of an attempt that escaped, and of no ERROR any more.
    [[nodiscard]] bool worksAgain() const;

    [[nodiscard]] qint64 beacons() const { return running({m_path, m_fault}).size(); } ///< and what they left
    [[nodiscard]] int starts() const { return count("beacon.process.started"); }
    [[nodiscard]] int deaths() const { return count("beacon.process.exited"); }
    [[nodiscard]] QJsonValue ofLastDeath(const char* key) const;
    [[nodiscard]] bool holds(const char* code) const { return healthCodes().contains(QLatin1StringView(code)); }
    [[nodiscard]] qsizetype descriptors() const { return descriptorsOf(pid()); }

private:
    QString m_fault, m_path, m_peer;
    qint64 m_mendedAt = 0; ///< seq
};

[[nodiscard]] QJsonValue dataOf(const QJsonObject& event, const char* key);

/// Those whose fault is over. Until a Beacon that died is trusted again, 10 s pass: they pass for all together.
class Convalescents {
public:
    bool measureAGoodOne(); ///< what an Instrument whose Beacon never failed has open, and takes
    void add(const char* name, std::unique_ptr<FaultyBeacon> instrument);
    /// What is not well with one of them after some patience: health, descriptors, memory, events, left-over processes.
    /// Empty: all are well, and have ended as they should.
    [[nodiscard]] QStringList complaints();

private:
    struct Patient {
        QString name;
        std::unique_ptr<FaultyBeacon> instrument;
    };
    [[nodiscard]] QString complaintOf(const Patient& patient) const;

    std::vector<Patient> m_patients;
    qsizetype m_descriptors = 0;
    qint64 m_residentKb = 0;
};

} // namespace beacon::test

#define TRY(condition) QTRY_VERIFY_WITH_TIMEOUT(condition, beacon::test::kPatienceMs)
/// The health reason `code` was told, in words that contain `words`.
#define TRY_SAID(instrument, code, words)                                                                              \
    QTRY_VERIFY2_WITH_TIMEOUT((instrument).said(code).contains(QStringLiteral(words)),                                 \
        qPrintable(                                                                                                    \
            (instrument).said(code) + QStringLiteral(" / ") + (instrument).healthCodes().join(QLatin1Char(' '))),      \
        beacon::test::kPatienceMs)
#define NO_COMPLAINTS(instrument) QVERIFY2((instrument).complaints().isEmpty(), qPrintable((instrument).complaints()))
