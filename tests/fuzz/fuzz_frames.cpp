#include "core/rpc/message.h"

#include <cstdlib>

/// The bytes of a peer, in two pieces: framing, decoding, and what we accept can be written and read again.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace beacon::rpc;
    FrameReader reader;
    const QByteArray bytes(reinterpret_cast<const char*>(data), static_cast<qsizetype>(size));
    const qsizetype half = size == 0 ? 0 : static_cast<qsizetype>(data[0]) % static_cast<qsizetype>(size);
    for (const QByteArray& piece : {bytes.left(half), bytes.mid(half)}) {
        reader.feed(piece);
        while (const auto frame = reader.next()) {
            const auto* text = std::get_if<QByteArray>(&*frame);
            if (text == nullptr)
                return 0; // too long: the connection ends here
            const auto message = decode(*text);
            if (const auto* accepted = std::get_if<Message>(&message)) {
                QByteArray again = std::visit([](const auto& each) { return encode(each); }, *accepted);
                again.chop(1);
                if (again.contains('\n'))
                    std::abort();
                if (again.size() <= kMaxFrameBytes && !std::holds_alternative<Message>(decode(again)))
                    std::abort();
            }
        }
    }
    return 0;
}
