#include "core/instrument/configuration.h"
#include "core/platform/messages.h"
#include "core/rpc/message.h"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace beacon;
using namespace beacon::platform;

void demand(bool isSo, const char* what)
{
    if (isSo)
        return;
    std::fprintf(stderr, "fuzz_platform: %s\n", what);
    std::abort();
}

/// A refusal says why; what is accepted can be written, and read again as the same.
template <class T, class Read> void check(const Result<T>& read, Read again)
{
    if (!read) {
        demand(read.error().code == Errc::BadInput && !read.error().context.empty(), "a refusal without a reason");
        demand(read.error().context.size() < 2'000, "a refusal that repeats what it refuses");
        return;
    }
    const QJsonObject written = toJson(*read);
    const Result<T> second = again(written);
    demand(static_cast<bool>(second), "what was written is refused");
    demand(toJson(*second) == written, "what was written reads as something else");
}

void checkBounds(const QJsonObject& object)
{
    if (const auto welcome = welcomeFromJson(object)) {
        demand(welcome->address.size() <= 256, "a long address");
        for (const QString& path : {welcome->transientStorage, welcome->persistentStorage, welcome->incoming})
            demand(
                path.size() <= 4'096 && (path.isEmpty() || path.startsWith(QLatin1Char('/'))), "a path that is none");
        for (const GivenInterface& interface : welcome->interfaces)
            demand(!interface.name.isEmpty() && interface.name.size() <= 256, "an interface without a name");
    }
    if (const auto download = downloadAvailableFromJson(object)) {
        demand(download->sha512.size() == 64 && download->size >= 0, "a download without its hash or size");
        demand(download->path.startsWith(QLatin1Char('/')), "a download that is nowhere");
    }
    if (const auto retention = retentionRequestFromJson(object))
        demand(retention->deadline.count() > 0, "a deadline that has passed");
    if (const auto deadline = stopDeadlineFromJson(object))
        demand(deadline->count() >= 0 && *deadline <= std::chrono::seconds{300}, "a stop that never comes");
    if (const auto events = eventsFromJson(object))
        for (const Event& event : *events)
            demand(static_cast<bool>(eventFromJson(toJson(event))), "an event that cannot be read again");
}

void checkStrings(const QJsonObject& object)
{
    for (const QJsonValue& value : object) {
        const QString text = value.toString();
        if (const auto time = timeFromRfc3339(text))
            demand(timeFromRfc3339(toRfc3339(*time)) == time, "a time that is written as another");
        if (isPattern(text))
            demand(text.size() <= 129 && matches(text, text.chopped(text.endsWith(QLatin1Char('*')) ? 1 : 0)),
                "a pattern that does not match its own beginning");
    }
}

void checkEnvelope(const QJsonObject& object)
{
    const auto read = documentFromJson(object);
    if (const auto* faults = std::get_if<std::vector<Fault>>(&read)) {
        demand(!faults->empty(), "a refusal without a fault");
        for (const Fault& fault : *faults)
            demand(!fault.text.isEmpty(), "a fault without words");
        return;
    }
    const auto& document = std::get<ConfigDocument>(read);
    demand(document.version >= 1 && !document.uuid.isNull(), "a document without version or uuid");
    const QJsonObject written = toJson(document);
    const auto second = documentFromJson(written);
    demand(std::holds_alternative<ConfigDocument>(second), "a document that was written is refused");
    demand(toJson(std::get<ConfigDocument>(second)) == written, "a document reads as something else");
}

void checkAll(const QJsonObject& object)
{
    checkEnvelope(object);
    checkEnvelope(object.value(QLatin1StringView("configuration")).toObject());
    check(welcomeFromJson(object), welcomeFromJson);
    check(retentionRequestFromJson(object), retentionRequestFromJson);
    check(retentionResultFromJson(object), retentionResultFromJson);
    check(downloadAvailableFromJson(object), downloadAvailableFromJson);
    check(downloadRequestFromJson(object), downloadRequestFromJson);
    check(subscriptionFromJson(object), subscriptionFromJson);
    checkBounds(object);
    checkStrings(object);
}

} // namespace

/// One frame of the platform: whatever it carries goes through every typed reader.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const QByteArray bytes(reinterpret_cast<const char*>(data), static_cast<qsizetype>(size));
    const auto decoded = rpc::decode(bytes);
    const auto* message = std::get_if<rpc::Message>(&decoded);
    if (message == nullptr)
        return 0;
    if (const auto* request = std::get_if<rpc::Request>(message))
        checkAll(request->params);
    else if (const auto* notification = std::get_if<rpc::Notification>(message))
        checkAll(notification->params);
    else if (const auto* result = std::get_if<QJsonValue>(&std::get<rpc::Response>(*message).answer))
        checkAll(result->toObject());
    return 0;
}
