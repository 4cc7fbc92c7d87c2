#include "service/downloader/downloader.h"

#include "service/downloader/options.h"

#include <QJsonArray>

#include <algorithm>

namespace beacon {

using rpc::Code;

namespace {

constexpr qsizetype kMostShown = 50; ///< requests among the facts
constexpr qsizetype kMostName = 256;
constexpr qsizetype kMostUrl = 200;

/// The platform's word, not the asker's: it names who sent a message, and lets nobody ask for another's target.
QString askerOf(const QJsonObject& params)
{
    const QString sender = params.value(QStringLiteral("source_instrument")).toString();
    return (sender.isEmpty() ? params.value(QStringLiteral("target")).toString() : sender).left(kMostName);
}

} // namespace

Downloader::Downloader(
    std::unique_ptr<platform::PlatformLink> link, QString stateDir, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_stateDir(std::move(stateDir))
{
    Skeleton::Options options;
    options.version = QStringLiteral(BEACON_VERSION);
    const bool onPlatform = link != nullptr;
    m_skeleton =
        std::make_unique<Skeleton>(downloaderManifest(onPlatform), handlers(), std::move(link), clock, options);
    m_skeleton->raise(Reason::DownloadsNotFetched);
}

Handlers Downloader::handlers()
{
    Handlers handlers;
    handlers.configure = [this](const QJsonObject&, const QStringList&) { begin(); };
    handlers.facts = [this] { return facts(); };
    handlers.onMessage = [this](const QString& method, const QJsonObject& params, platform::Responder responder) {
        serve(method, params, std::move(responder));
    };
    return handlers;
}

/// What it is for is to take requests: it works once it can keep them, and has a way out to fetch them by.
void Downloader::begin()
{
    const auto& welcome = m_skeleton->welcome();
    const auto canSend = [](const platform::GivenInterface& each) { return each.canSend(); };
    if (welcome && std::ranges::none_of(welcome->interfaces, canSend))
        m_skeleton->raise(Reason::InterfaceNotGiven, "the platform gives none that may send");
    else
        m_skeleton->clear(Reason::InterfaceNotGiven);
    (void)book(); // what is wrong with it is health's
}

Result<RequestBook*> Downloader::book()
{
    if (!m_book) {
        const auto& welcome = m_skeleton->welcome();
        const bool given = welcome && !welcome->persistentStorage.isEmpty();
        auto opened =
            RequestBook::open((given ? welcome->persistentStorage : m_stateDir) + QStringLiteral("/requests.db"));
        if (!opened) {
            m_skeleton->raise(Reason::StorageFailed, describe(opened.error()));
            return opened.error();
        }
        m_book.emplace(*std::move(opened));
    }
    m_skeleton->clear(Reason::StorageFailed);
    m_skeleton->noteWorking();
    return &*m_book;
}

void Downloader::refuse(platform::Responder& responder, const Error& error)
{
    Code code = error.code == Errc::BadInput ? Code::InvalidParams : Code::TooLarge;
    if (error.code != Errc::BadInput && error.code != Errc::TooLarge) {
        code = Code::Internal;
        m_book.reset(); // the next request opens it anew
        m_skeleton->raise(Reason::StorageFailed, describe(error));
    }
    responder.fail(code, QString::fromStdString(describe(error)));
}

void Downloader::serve(const QString& method, const QJsonObject& params, platform::Responder responder)
{
    if (method == platform::method::kDownloadRequest)
        take(askerOf(params), params, std::move(responder));
    else if (method == platform::method::kDownloadWithdraw)
        withdraw(askerOf(params), params, std::move(responder));
    else
        responder.fail(
            Code::MethodNotFound, QStringLiteral("%1 is not a method of a Downloader").arg(method.left(128)));
}

void Downloader::take(const QString& from, const QJsonObject& params, platform::Responder responder)
{
    const auto request = platform::downloadRequestFromJson(params);
    if (!request) {
        refuse(responder, request.error());
        return;
    }
    const auto open = book();
    const auto kept = open ? (*open)->keep(from, *request) : Result<>{open.error()};
    if (!kept) {
        refuse(responder, kept.error());
        return;
    }
    responder.answer(QJsonObject{{QStringLiteral("accepted"), true}});
}

void Downloader::withdraw(const QString& from, const QJsonObject& params, platform::Responder responder)
{
    const QString resource = params.value(QStringLiteral("resource")).toString();
    if (resource.isEmpty() || resource.size() > kMostName) {
        refuse(responder, {Errc::BadInput, 0, "resource must be the name of what was asked for"});
        return;
    }
    const auto open = book();
    const auto done = open ? (*open)->withdraw(from, resource) : Result<bool>{open.error()};
    if (!done) {
        refuse(responder, done.error());
        return;
    }
    responder.answer(QJsonObject{{QStringLiteral("accepted"), true}}); // asked twice, it is still withdrawn
}

QJsonObject Downloader::facts() const
{
    QJsonArray shown;
    const std::size_t count = m_book ? m_book->requests().size() : 0;
    if (m_book)
        for (const auto& [key, request] : m_book->requests()) {
            if (shown.size() >= kMostShown)
                break;
            shown.append(QStringLiteral("%1: %2 from %3, every %4 s")
                             .arg(key.first.isEmpty() ? QStringLiteral("unknown") : key.first, key.second,
                                 shownUrl(request.url).left(kMostUrl))
                             .arg(request.interval.count()));
        }
    return {{QStringLiteral("requests"), static_cast<qint64>(count)}, {QStringLiteral("wanted"), shown},
        {QStringLiteral("wanted_left_out"), static_cast<qint64>(count) - shown.size()}};
}

} // namespace beacon
