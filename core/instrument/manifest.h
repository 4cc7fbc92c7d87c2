#pragma once

#include "core/base/result.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>
#include <QStringList>

#include <chrono>
#include <vector>

namespace beacon {

/// What an Instrument is and needs: its `metadata.json`, resources/schema/metadata.json.
struct Manifest {
    struct Interface {
        QString purpose; ///< "segment"
        QString type; ///< "phy", "bridge", "mirror" or "any"
        QStringList capabilities; ///< of "rx" and "tx", all needed
    };
    struct Relation {
        QString type; ///< of the other Instrument
        bool find = false;
        bool directMessage = false;
    };
    QString name; ///< "beacon-instrument"
    QString type; ///< "beacon": [a-z][a-z0-9_]*
    QString title, developer, description;
    QStringList categories;
    QString networkAccess; ///< "active", "passive" or "none"
    std::vector<Interface> interfaces;
    std::vector<Relation> relations;
    QStringList events; ///< produced: types, exact or with a last '*'
    QString retention; ///< what ages here, in a sentence
    QJsonObject configuration; ///< JSON Schema of its documents, draft-07; empty: it takes none
    std::chrono::seconds healthPeriod{30};
    qint64 memoryBytes = 0; ///< 0: the platform's default
    int processes = 0; ///< 0: the platform's default
    QString user; ///< that it runs as
    QJsonObject document; ///< all of it, as hello sends it

    [[nodiscard]] bool produces(const QString& eventType) const;
};

/// BadInput: every fault with its pointer, in one text.
[[nodiscard]] Result<Manifest> manifestFromJson(const QByteArray& text);

/// As --manifest prints it: the document that hello sends, with a final newline.
[[nodiscard]] std::string manifestText(const Manifest& manifest);

/// The manifest that a program has built in, with the schema of its options table. Ends the process where they are
/// broken: a test reads them.
[[nodiscard]] Manifest builtInManifest(const char* metadata, const std::string& configurationSchema);

} // namespace beacon
