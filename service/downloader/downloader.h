#pragma once

#include "core/instrument/skeleton.h"
#include "service/downloader/request_book.h"

#include <QObject>

#include <memory>
#include <optional>

namespace beacon {

/// The Downloader Instrument, before it downloads: it takes what others want fetched, keeps it over restarts, shows it,
/// and says by its health that nothing is fetched yet.
///
/// Thread:  the thread that created it.
/// Errors:  become health; a request that cannot be kept is refused with the reason.
/// Owns:    all parts; borrows the Clock.
class Downloader final : public QObject {
    Q_OBJECT
public:
    /// `stateDir`: where no platform gives storage.
    Downloader(
        std::unique_ptr<platform::PlatformLink> link, QString stateDir, const Clock& clock, QObject* parent = nullptr);

    [[nodiscard]] Skeleton& skeleton() noexcept { return *m_skeleton; }

private:
    [[nodiscard]] Handlers handlers();
    void begin();
    void serve(const QString& method, const QJsonObject& params, platform::Responder responder);
    void take(const QString& from, const QJsonObject& params, platform::Responder responder);
    void withdraw(const QString& from, const QJsonObject& params, platform::Responder responder);
    void refuse(platform::Responder& responder, const Error& error);
    [[nodiscard]] Result<RequestBook*> book();
    [[nodiscard]] QJsonObject facts() const;

    QString m_stateDir;
    std::unique_ptr<Skeleton> m_skeleton;
    std::optional<RequestBook> m_book;
};

} // namespace beacon
