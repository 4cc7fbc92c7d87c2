#pragma once

#include "core/instrument/schema.h"

#include <QJsonObject>
#include <QString>
#include <QStringList>

#include <cstdint>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace beacon {

/// A network interface of the Sensor, which Instruments are attached to.
struct SensorInterface {
    enum class Type : std::uint8_t { Phy, Bridge, Mirror };
    QString name; ///< "plant-a"
    Type type = Type::Bridge;
    QString device; ///< of the host: "eth1"
    bool operator==(const SensorInterface&) const = default;
};

/// One network interface of an Instrument.
struct AttachmentSpec {
    enum class How : std::uint8_t { None, Static, Dhcp, Slaac };
    QString name; ///< inside: "eth0"
    QString interface; ///< of the Sensor
    QStringList capabilities; ///< of "rx" and "tx", in this order; default: "rx" on a mirror, both elsewhere
    How addressing = How::None;
    QStringList addresses; ///< with prefix length; for Static only
    QStringList gateways; ///< for Static only
    QStringList resolvers; ///< in place of those of a lease
    [[nodiscard]] bool canSend() const { return capabilities.contains(QLatin1StringView("tx")); }
    bool operator==(const AttachmentSpec&) const = default;
};

/// An Instrument as it is to be.
struct InstrumentSpec {
    QString name; ///< "beacon_0"
    QString type; ///< "beacon"
    int number = 0;
    QString program; ///< absolute
    bool running = true;
    int slot = 0; ///< whose range of ids it has
    std::vector<AttachmentSpec> interfaces;
    qint64 memoryBytes = 0; ///< 0: the platform's default
    int processes = 0; ///< 0: the platform's default
    bool operator==(const InstrumentSpec&) const = default;
};

/// All that the Sensor is to be: the document of control::kSensorTarget.
struct SensorDocument {
    static constexpr int kMaxSlot = 999;
    std::vector<SensorInterface> interfaces;
    std::vector<InstrumentSpec> instruments;
    bool operator==(const SensorDocument&) const = default;

    [[nodiscard]] const SensorInterface* interface(const QString& name) const; ///< nullptr: none
    [[nodiscard]] const InstrumentSpec* instrument(const QString& name) const;
    [[nodiscard]] InstrumentSpec* instrument(const QString& name);
    /// In the place of the one of that name, or at the end.
    void put(InstrumentSpec spec);
    void put(SensorInterface interface);
    bool removeInstrument(const QString& name); ///< false: there is none
    bool removeInterface(const QString& name);
    [[nodiscard]] QStringList usersOf(const QString& interface) const; ///< names of Instruments

    [[nodiscard]] int nextNumber(const QString& type) const; ///< the least that is free
    /// The least that is free; `taken` are not (what a removed Instrument left on the disk is of its ids). nullopt: all
    /// are taken.
    [[nodiscard]] std::optional<int> nextSlot(const std::set<int>& taken = {}) const;
};

/// The least free "eth<n>".
[[nodiscard]] QString nextInsideName(const InstrumentSpec& spec);

/// Reads a document, or says all that is wrong with it at once: at most Schema::kMaxFaults, in the order of the
/// pointers. An empty object is the document of a Sensor that has nothing yet.
[[nodiscard]] std::variant<SensorDocument, std::vector<Fault>> sensorDocumentFrom(const QJsonObject& object);
[[nodiscard]] QJsonObject toJson(const SensorDocument& document);
[[nodiscard]] QJsonObject toJson(const AttachmentSpec& attachment);

/// resources/schema/sensor.json, built in.
[[nodiscard]] const QJsonObject& sensorSchema();

[[nodiscard]] QString typeName(SensorInterface::Type type); ///< "phy", "bridge", "mirror"
[[nodiscard]] QString howName(AttachmentSpec::How how); ///< "none", "static", "dhcp", "slaac"

/// "beacon" and 0 of "beacon_0"; nullopt: it is no name of an Instrument.
struct InstrumentName {
    QString type;
    int number = 0;
};
[[nodiscard]] std::optional<InstrumentName> instrumentName(const QString& name);
[[nodiscard]] bool isInstrumentType(const QString& type);

} // namespace beacon
