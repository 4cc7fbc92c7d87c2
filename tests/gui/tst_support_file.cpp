#include "gui/support_file.h"

#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QTest>
#include <QTimeZone>

using namespace beacon;

namespace {

constexpr auto kOwnerOnly = QFile::ReadOwner | QFile::WriteOwner | QFile::ReadUser | QFile::WriteUser; // "User" is us

} // namespace

class TestSupportFile : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theNameSaysWhoseAndWhen();
    void onlyItsOwnerMayReadIt();
    void whatCannotBeWrittenLeavesTheOldOne();

private:
    QTemporaryDir m_directory;
    QJsonObject m_bundle{{QStringLiteral("bundle"), 1}};
};

void TestSupportFile::theNameSaysWhoseAndWhen()
{
    const QDateTime at{QDate{2026, 11, 24}, QTime{16, 5, 7}, QTimeZone{3'600}};
    QCOMPARE(supportFileName(QStringLiteral("beacon_0@plant7"), at),
        QStringLiteral("beacon-support-beacon_0@plant7-20261124T150507Z.json"));
    QCOMPARE(supportFileName(QStringLiteral("../../é x"), at),
        QStringLiteral("beacon-support-.._..___x-20261124T150507Z.json"));
    QVERIFY(supportFileName(QString(5'000, QLatin1Char('x')), at).size() < 120);
}

void TestSupportFile::onlyItsOwnerMayReadIt()
{
    const QString path = m_directory.filePath(QStringLiteral("b.json"));
    QVERIFY(saveSupportFile(path, m_bundle));
    QCOMPARE(QFile::permissions(path), kOwnerOnly);
    QVERIFY(QFile::setPermissions(path, kOwnerOnly | QFile::ReadOther | QFile::ReadGroup));
    m_bundle.insert(QStringLiteral("host"), QStringLiteral("plant7"));
    QVERIFY(saveSupportFile(path, m_bundle)); // over one that everybody could read
    QCOMPARE(QFile::permissions(path), kOwnerOnly);
    QFile file{path};
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(QJsonDocument::fromJson(file.readAll()).object(), m_bundle);
}

void TestSupportFile::whatCannotBeWrittenLeavesTheOldOne()
{
    const auto nowhere = saveSupportFile(m_directory.filePath(QStringLiteral("none/b.json")), m_bundle);
    QVERIFY(!nowhere);
    QVERIFY2(describe(nowhere.error()).find("none/b.json") != std::string::npos, describe(nowhere.error()).c_str());
    QVERIFY(!saveSupportFile(m_directory.path(), m_bundle)); // a folder
    QVERIFY(QFileInfo{m_directory.path()}.isDir());
}

QTEST_GUILESS_MAIN(TestSupportFile)
#include "tst_support_file.moc"
