#include "core/rpc/listener.h"
#include "tests/support/other_user.h"

#include <QFile>
#include <QFileInfo>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <cstring>
#include <fcntl.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace beacon;
using namespace beacon::rpc;

namespace {

UniqueFd connectTo(const QString& path)
{
    const QByteArray name = QFile::encodeName(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), size_t(name.size()));
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        socket.reset();
    return socket;
}

QByteArray readSome(const UniqueFd& socket)
{
    char bytes[4096];
    const ssize_t got = ::read(socket.get(), bytes, sizeof bytes);
    return QByteArray(bytes, qMax<ssize_t>(0, got));
}

} // namespace

class TestListener : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { QVERIFY(m_directory.isValid()); }
    void modesAreSetWhateverTheUmask();
    void aStaleSocketIsReplaced();
    void aLiveSocketIsRespected();
    void anotherFileIsRespected();
    void aPathThatIsTooLongIsRefused();
    void closingRemovesOnlyOurSocket();
    void the33rdClientIsToldWhy();
    void aThousandConnectsAreSurvived();
    void descriptorsExhaustedThenFreed();
    void fault60_wrongUserOrRightUserByASupplementaryGroup_data();
    void fault60_wrongUserOrRightUserByASupplementaryGroup();

private:
    QTemporaryDir m_directory;
    QString path() const { return m_directory.filePath(QStringLiteral("a/b/admin.sock")); }
};

void TestListener::modesAreSetWhateverTheUmask()
{
    const mode_t old = ::umask(0077);
    Listener listener;
    QVERIFY(listener.listen({.path = path(), .directoryMode = 0751, .mode = 0660, .group = ::getegid()}));
    ::umask(old);
    struct stat status { };
    QCOMPARE(::stat(QFile::encodeName(path()).constData(), &status), 0);
    QVERIFY(S_ISSOCK(status.st_mode));
    QCOMPARE(status.st_mode & 07777, mode_t{0660});
    QCOMPARE(status.st_gid, ::getegid());
    QCOMPARE(::stat(QFile::encodeName(m_directory.filePath(QStringLiteral("a/b"))).constData(), &status), 0);
    QCOMPARE(status.st_mode & 07777, mode_t{0751});
}

void TestListener::aStaleSocketIsReplaced()
{
    {
        Listener first;
        QVERIFY(first.listen({.path = path()}));
        QVERIFY(QFile::rename(path(), path() + u's')); // hidden from its own clean-up
    }
    QVERIFY(QFile::rename(path() + u's', path()));
    Listener second;
    const auto listening = second.listen({.path = path()});
    QVERIFY2(listening, listening ? "" : describe(listening.error()).c_str());
    QSignalSpy accepted(&second, &Listener::accepted);
    const UniqueFd client = connectTo(path());
    QVERIFY(client);
    QTRY_COMPARE(accepted.size(), 1);
}

void TestListener::aLiveSocketIsRespected()
{
    Listener first;
    QVERIFY(first.listen({.path = path()}));
    Listener second;
    const auto listening = second.listen({.path = path()});
    QVERIFY(!listening);
    QCOMPARE(listening.error().code, Errc::Busy);
    QVERIFY(connectTo(path()));
}

void TestListener::anotherFileIsRespected()
{
    const QString name = m_directory.filePath(QStringLiteral("file"));
    QFile file(name);
    QVERIFY(file.open(QIODevice::WriteOnly));
    Listener listener;
    const auto listening = listener.listen({.path = name});
    QVERIFY(!listening);
    QCOMPARE(listening.error().code, Errc::BadInput);
    QVERIFY(QFile::exists(name));
}

void TestListener::aPathThatIsTooLongIsRefused()
{
    Listener listener;
    const auto listening = listener.listen({.path = m_directory.filePath(QString(108, QLatin1Char('x')))});
    QVERIFY(!listening);
    QCOMPARE(listening.error().code, Errc::BadInput);
}

void TestListener::closingRemovesOnlyOurSocket()
{
    Listener first;
    QVERIFY(first.listen({.path = path()}));
    QVERIFY(QFile::remove(path()));
    Listener second;
    QVERIFY(second.listen({.path = path()}));
    first.close();
    QVERIFY(connectTo(path()));
    second.close();
    QVERIFY(!QFileInfo::exists(path()));
}

void TestListener::the33rdClientIsToldWhy()
{
    Listener listener;
    QVERIFY(listener.listen({.path = path()}));
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 32; ++i)
        clients.push_back(connectTo(path()));
    QTRY_COMPARE(listener.clients(), 32);
    const UniqueFd late = connectTo(path());
    QVERIFY(::write(late.get(), "{}\n", 3) == 3); // a client that speaks first still gets to read
    QByteArray said;
    QTRY_VERIFY([&] {
        said += readSome(late);
        return said.endsWith('\n');
    }());
    QVERIFY2(said.contains("-32000") && said.contains("32 clients"), said.constData());
    clients.pop_back();
    QTRY_COMPARE(listener.clients(), 31);
    const UniqueFd next = connectTo(path());
    QTRY_COMPARE(listener.clients(), 32);
}

void TestListener::aThousandConnectsAreSurvived()
{
    Listener listener;
    QVERIFY(listener.listen({.path = path()}));
    std::vector<UniqueFd> clients;
    int connected = 0;
    for (int i = 0; i < 1'000; ++i) {
        UniqueFd client = connectTo(path());
        connected += client ? 1 : 0;
        if (i % 2 == 0)
            clients.push_back(std::move(client)); // the others are gone at once
        if (i % 50 == 0)
            QCoreApplication::processEvents();
        if (clients.size() > 200)
            clients.erase(clients.begin());
    }
    QVERIFY2(connected > 900, QByteArray::number(connected).constData());
    QVERIFY(listener.clients() <= 32);
    clients.clear();
    QTRY_COMPARE(listener.clients(), 0);
    QSignalSpy accepted(&listener, &Listener::accepted);
    const UniqueFd client = connectTo(path());
    QTRY_COMPARE(accepted.size(), 1);
}

void TestListener::descriptorsExhaustedThenFreed()
{
    Listener listener;
    QVERIFY(listener.listen({.path = path()}));
    QSignalSpy exhausted(&listener, &Listener::descriptorsExhausted);
    QSignalSpy accepted(&listener, &Listener::accepted);
    rlimit before{};
    QCOMPARE(::getrlimit(RLIMIT_NOFILE, &before), 0);
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 4; ++i)
        clients.push_back(UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    const int highest = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    ::close(highest);
    rlimit tight = before;
    tight.rlim_cur = rlim_t(highest);
    QCOMPARE(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    const QByteArray name = QFile::encodeName(path());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), size_t(name.size()));
    for (const UniqueFd& client : clients)
        QCOMPARE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    QTRY_COMPARE(exhausted.size(), 1);
    QTest::qWait(600); // two more tries
    const bool none = accepted.isEmpty() && exhausted.size() == 1;
    QCOMPARE(::setrlimit(RLIMIT_NOFILE, &before), 0);
    QVERIFY(none);
    QTRY_COMPARE(accepted.size(), 4);
}

void TestListener::fault60_wrongUserOrRightUserByASupplementaryGroup_data()
{
    QTest::addColumn<test::OtherUser>("user");
    QTest::addColumn<QByteArray>("answer");
    const QByteArray served = R"({"id":1,"jsonrpc":"2.0","result":true})";
    QTest::newRow("a wrong user is kept out by the socket's mode")
        << test::OtherUser{65'534, 65'534, {}} << "errno " + QByteArray::number(EACCES);
    QTest::newRow("a wrong user with other groups, too")
        << test::OtherUser{65'534, 65'534, {4'711, 4'713}} << "errno " + QByteArray::number(EACCES);
    QTest::newRow("the right user by a supplementary group")
        << test::OtherUser{65'534, 65'534, {4'711, 4'712}} << served;
    std::vector<gid_t> many(200); // more than fit into the first guess
    for (std::size_t i = 0; i < many.size(); ++i)
        many[i] = static_cast<gid_t>(4'712 + i);
    QTest::newRow("the right user by the first of 200 groups") << test::OtherUser{65'534, 65'534, many} << served;
    QTest::newRow("the right user by the primary group") << test::OtherUser{65'534, 4'712, {}} << served;
}

void TestListener::fault60_wrongUserOrRightUserByASupplementaryGroup()
{
    QFETCH(test::OtherUser, user);
    QFETCH(QByteArray, answer);
    if (!test::canBecomeOthers())
        QSKIP("only root can become another user");
    QFile::setPermissions(m_directory.path(), QFile::permissions(m_directory.path()) | QFile::ExeOther);
    Listener listener;
    QVERIFY(listener.listen({.path = path(), .mode = 0660, .group = 4'712}));
    connect(&listener, &Listener::accepted, this, [](Peer* peer) {
        peer->setHandler([peer](const QString&, const QJsonObject&, Responder responder) {
            responder.answer(peer->credentials().uid == 65'534 && peer->credentials().isInGroup(4'712));
        });
    });
    const QByteArray ask = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\"}\n";
    QCOMPARE(test::sayAs(user, path(), ask), answer);
}

QTEST_GUILESS_MAIN(TestListener)
#include "tst_listener.moc"
