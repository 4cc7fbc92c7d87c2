#pragma once

#include "core/options/options.h"

#include <QByteArrayList>
#include <QJsonObject>

namespace beacon {

/// What whoever helps from afar needs to see, in one object well below the 1 MiB of a message: health with its facts,
/// configuration, the latest events and lines, what this host is. Secrets are blotted out of all of it.
///
/// `recent`: JSON objects, oldest first; what does not fit is left out from the old end.
[[nodiscard]] QJsonObject supportBundle(
    const QJsonObject& health, const QJsonObject& config, const QByteArrayList& recent, double at);

/// A configuration with "[redacted]" for what the options table of `program` calls secret.
[[nodiscard]] QJsonObject withoutSecrets(QJsonObject config, const Program& program);

/// Whatever looks like a secret becomes "[redacted]": the values of keys that are called key, token, secret, password
/// …, tokens (design section 4), keys in base64, and the credentials within a URL.
[[nodiscard]] QJsonValue redacted(const QJsonValue& value);
[[nodiscard]] QString redactedText(const QString& text);

} // namespace beacon
