#include "service/downloader/request_book.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;

namespace {

const QString kBeacon = QStringLiteral("beacon_0@plant7");

platform::DownloadRequest wanted(const QString& resource, const QString& url)
{
    platform::DownloadRequest request;
    request.resource = resource;
    request.url = url;
    request.interval = std::chrono::seconds{600};
    return request;
}

platform::DownloadRequest numbered(int number)
{
    return wanted(QStringLiteral("file%1").arg(number), QStringLiteral("https://updates.example/%1").arg(number));
}

} // namespace

class TstRequestBook : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_dir = std::make_unique<QTemporaryDir>(); }
    void aRestartKeepsWhatWasAskedFor();
    void theSameResourceIsReplaced();
    void twoAskersDoNotMeet();
    void whatCouldNotBeFetchedIsRefused_data();
    void whatCouldNotBeFetchedIsRefused();
    void boundsHold();
    void secretsOfAUrlAreNotShown();
    void aDamagedFileIsSetAside();
    void theFileIsOursAlone();

private:
    [[nodiscard]] QString path() const { return m_dir->filePath(QStringLiteral("requests.db")); }
    [[nodiscard]] RequestBook book() const
    {
        auto opened = RequestBook::open(path());
        if (!opened)
            qFatal("%s", describe(opened.error()).c_str());
        return *std::move(opened);
    }
    std::unique_ptr<QTemporaryDir> m_dir;
};

void TstRequestBook::aRestartKeepsWhatWasAskedFor()
{
    platform::DownloadRequest request = wanted(QStringLiteral("beacon"), QStringLiteral("https://updates.example/b"));
    request.headers = {{QStringLiteral("Authorization"), QStringLiteral("Bearer x")}};
    request.metadata = {{QStringLiteral("channel"), QStringLiteral("stable")}};
    request.sizeLimit = 1'000'000;
    {
        RequestBook first = book();
        QVERIFY(first.keep(kBeacon, request));
        QVERIFY(first.keep(kBeacon, numbered(1)));
        const auto gone = first.withdraw(kBeacon, QStringLiteral("file1"));
        QVERIFY(gone && *gone);
    }
    const RequestBook second = book();
    QCOMPARE(second.requests().size(), std::size_t{1});
    const auto& [key, kept] = *second.requests().begin();
    QCOMPARE(key.first, kBeacon);
    QCOMPARE(toJson(kept), toJson(request));
}

void TstRequestBook::theSameResourceIsReplaced()
{
    RequestBook one = book();
    QVERIFY(one.keep(kBeacon, wanted(QStringLiteral("beacon"), QStringLiteral("https://a.example/1"))));
    QVERIFY(one.keep(kBeacon, wanted(QStringLiteral("beacon"), QStringLiteral("https://a.example/2"))));
    const RequestBook again = book();
    QCOMPARE(again.requests().size(), std::size_t{1});
    QCOMPARE(again.requests().begin()->second.url, QStringLiteral("https://a.example/2"));
}

void TstRequestBook::twoAskersDoNotMeet()
{
    RequestBook one = book();
    QVERIFY(one.keep(kBeacon, numbered(1)));
    const auto stranger = one.withdraw(QStringLiteral("beacon_1@plant7"), QStringLiteral("file1"));
    QVERIFY(stranger && !*stranger);
    QVERIFY(one.keep(QStringLiteral("beacon_1@plant7"), numbered(1)));
    QCOMPARE(one.requests().size(), std::size_t{2});
    const auto own = one.withdraw(kBeacon, QStringLiteral("file1"));
    QVERIFY(own && *own);
    QCOMPARE(one.requests().begin()->first.first, QStringLiteral("beacon_1@plant7"));
}

void TstRequestBook::whatCouldNotBeFetchedIsRefused_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("header");
    QTest::addColumn<QJsonValue>("value");
    QTest::addColumn<bool>("taken");
    const QString good = QStringLiteral("https://updates.example/b");
    const QString name = QStringLiteral("X-Key");
    QTest::newRow("https with a header is taken") << good << name << QJsonValue{QStringLiteral("a b")} << true;
    QTest::newRow("http is taken") << QStringLiteral("http://[2001:db8::1]:8080/b") << QString{} << QJsonValue{}
                                   << true;
    QTest::newRow("a file is not on the network")
        << QStringLiteral("file:///etc/shadow") << QString{} << QJsonValue{} << false;
    QTest::newRow("ftp is not spoken") << QStringLiteral("ftp://updates.example/b") << QString{} << QJsonValue{}
                                       << false;
    QTest::newRow("no scheme") << QStringLiteral("updates.example/b") << QString{} << QJsonValue{} << false;
    QTest::newRow("no host") << QStringLiteral("https:///b") << QString{} << QJsonValue{} << false;
    QTest::newRow("a space in the host") << QStringLiteral("https://up dates.example/b") << QString{} << QJsonValue{}
                                         << false;
    QTest::newRow("a header with a line break")
        << good << name << QJsonValue{QStringLiteral("a\r\nHost: other")} << false;
    QTest::newRow("a header's name with a colon") << good << QStringLiteral("a:b") << QJsonValue{QString{}} << false;
    QTest::newRow("a header's name with a line break")
        << good << QStringLiteral("a\n") << QJsonValue{QString{}} << false;
    QTest::newRow("a header that is a number") << good << name << QJsonValue{7} << false;
}

void TstRequestBook::whatCouldNotBeFetchedIsRefused()
{
    QFETCH(QString, url);
    QFETCH(QString, header);
    QFETCH(QJsonValue, value);
    QFETCH(bool, taken);
    platform::DownloadRequest request = wanted(QStringLiteral("beacon"), url);
    if (!header.isEmpty())
        request.headers.insert(header, value);
    RequestBook one = book();
    const auto kept = one.keep(kBeacon, request);
    QCOMPARE(static_cast<bool>(kept), taken);
    QCOMPARE(one.requests().size(), taken ? std::size_t{1} : std::size_t{0});
    if (!taken)
        QVERIFY(kept.error().code == Errc::BadInput);
}

void TstRequestBook::boundsHold()
{
    RequestBook one = book();
    platform::DownloadRequest large = numbered(0);
    large.metadata.insert(QStringLiteral("x"), QString(RequestBook::kMostBytes, QLatin1Char('x')));
    const auto tooLarge = one.keep(kBeacon, large);
    QVERIFY(!tooLarge && tooLarge.error().code == Errc::TooLarge);
    for (int i = 0; i < RequestBook::kMostOfOne; ++i)
        QVERIFY(one.keep(kBeacon, numbered(i)));
    const auto tooMany = one.keep(kBeacon, numbered(RequestBook::kMostOfOne));
    QVERIFY(!tooMany && tooMany.error().code == Errc::TooLarge);
    QVERIFY2(one.keep(kBeacon, numbered(3)), "what is there can still be changed");
    int asker = 1;
    while (one.requests().size() < RequestBook::kMost) {
        const QString from = QStringLiteral("beacon_%1@plant7").arg(asker++);
        for (int i = 0; i < RequestBook::kMostOfOne && one.requests().size() < RequestBook::kMost; ++i)
            QVERIFY(one.keep(from, numbered(i)));
    }
    const auto full = one.keep(QStringLiteral("listener_0@plant7"), numbered(1));
    QVERIFY(!full && full.error().code == Errc::TooLarge);
    QCOMPARE(book().requests().size(), RequestBook::kMost);
}

void TstRequestBook::secretsOfAUrlAreNotShown()
{
    QCOMPARE(shownUrl(QStringLiteral("https://user:secret@updates.example:8443/b?token=secret#secret")),
        QStringLiteral("https://updates.example:8443/b"));
}

void TstRequestBook::aDamagedFileIsSetAside()
{
    QFile file{path()};
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(QByteArray(4'096, 'x'));
    file.close();
    RequestBook one = book();
    QVERIFY(one.requests().empty());
    QVERIFY(one.keep(kBeacon, numbered(1)));
}

void TstRequestBook::theFileIsOursAlone()
{
    RequestBook one = book();
    QVERIFY(one.keep(kBeacon, numbered(1)));
    const auto others =
        QFileDevice::ReadGroup | QFileDevice::WriteGroup | QFileDevice::ReadOther | QFileDevice::WriteOther;
    QVERIFY2((QFile::permissions(path()) & others) == QFileDevice::Permissions{}, "headers may hold secrets");
}

QTEST_GUILESS_MAIN(TstRequestBook)
#include "tst_request_book.moc"
