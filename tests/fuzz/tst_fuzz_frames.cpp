#include "mutate.h"

#include <QTest>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

const QByteArrayList kSeeds{
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"admin.hello\",\"params\":{\"protocol\":1}}\n",
    "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"last_seq\":5}}\n{\"jsonrpc\":\"2.0\",\"method\":\"admin.events\","
    "\"params\":{\"events\":[],\"attempts\":[{\"t\":\"attempt\",\"n\":1}],\"missed\":0}}\r\n",
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"\\u0000\\ud800\",\"data\":[[[1e308,-0,"
    "true]]]}}\n",
    "[{\"jsonrpc\":\"2.0\"}]\n\n\n[[[[[[[[\n",
};

} // namespace

class TestFuzzFrames : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void seedsAndTheirMutationsDoNoHarm();
};

void TestFuzzFrames::seedsAndTheirMutationsDoNoHarm()
{
    QRandomGenerator random(20'261'124); // the same every time
    for (const QByteArray& seed : kSeeds) {
        for (int i = 0; i < 20'000; ++i) {
            const QByteArray bytes = i == 0 ? seed : beacon::test::mutated(seed, random);
            QCOMPARE(LLVMFuzzerTestOneInput(
                         reinterpret_cast<const unsigned char*>(bytes.constData()), std::size_t(bytes.size())),
                0);
        }
    }
}

QTEST_GUILESS_MAIN(TestFuzzFrames)
#include "tst_fuzz_frames.moc"
