#include "service/sensor/document_diff.h"

#include <QJsonDocument>
#include <QTest>

using namespace beacon;

namespace {

QJsonObject json(const QByteArray& text)
{
    return QJsonDocument::fromJson(text).object();
}

QByteArray textOf(const std::vector<DocumentChange>& changes)
{
    return QJsonDocument{toJson(changes)}.toJson(QJsonDocument::Compact);
}

} // namespace

class TestDocumentDiff : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void tells_data()
    {
        QTest::addColumn<QByteArray>("a");
        QTest::addColumn<QByteArray>("b");
        QTest::addColumn<QByteArray>("changes");
        const auto row = [](const char* name, const char* a, const char* b, const char* changes) {
            QTest::newRow(name) << QByteArray(a) << QByteArray(b) << QByteArray(changes);
        };
        row("the same is no change", R"({"a":[1,{"b":2}]})", R"({"a":[1.0,{"b":2}]})", R"([])");
        row("a value", R"({"a":1})", R"({"a":2})", R"([{"from":1,"pointer":"/a","to":2}])");
        row("a key that came has no from", R"({})", R"({"a":null})", R"([{"pointer":"/a","to":null}])");
        row("a key that went has no to", R"({"a":{"b":1}})", R"({})", R"([{"from":{"b":1},"pointer":"/a"}])");
        row("another kind is one change", R"({"a":{"b":1}})", R"({"a":[1]})",
            R"([{"from":{"b":1},"pointer":"/a","to":[1]}])");
        row("deep inside", R"({"a":{"b":{"c":true}}})", R"({"a":{"b":{"c":false}}})",
            R"([{"from":true,"pointer":"/a/b/c","to":false}])");
        row("slash and tilde are escaped", R"({"a/b~c":1})", R"({"a/b~c":2})",
            R"([{"from":1,"pointer":"/a~1b~0c","to":2}])");
        row("an empty key has its place", R"({"":1})", R"({"":2})", R"([{"from":1,"pointer":"/","to":2}])");
        row("items by index", R"({"a":[1,2,3]})", R"({"a":[1,5]})",
            R"([{"from":2,"pointer":"/a/1","to":5},{"from":3,"pointer":"/a/2"}])");
        row("named items by name", R"({"a":[{"name":"x","v":1},{"name":"y","v":1}]})",
            R"({"a":[{"name":"y","v":2},{"name":"z"}]})",
            R"([{"from":{"name":"x","v":1},"pointer":"/a/0"},{"from":1,"pointer":"/a/0/v","to":2},{"pointer":"/a/1","to":{"name":"z"}}])");
        row("another order of named ones is the whole array", R"({"a":[{"name":"x"},{"name":"y"}]})",
            R"({"a":[{"name":"y"},{"name":"x"}]})",
            R"([{"from":[{"name":"x"},{"name":"y"}],"pointer":"/a","to":[{"name":"y"},{"name":"x"}]}])");
        row("a name given twice is none", R"({"a":[{"name":"x","v":1},{"name":"x","v":2}]})",
            R"({"a":[{"name":"x","v":1},{"name":"x","v":3}]})", R"([{"from":2,"pointer":"/a/1/v","to":3}])");
        row("the first item of a named list", R"({"a":[]})", R"({"a":[{"name":"x"}]})",
            R"([{"pointer":"/a/0","to":{"name":"x"}}])");
    }
    void tells()
    {
        QFETCH(QByteArray, a);
        QFETCH(QByteArray, b);
        QFETCH(QByteArray, changes);
        QCOMPARE(textOf(differences(json(a), json(b))), changes);
    }

    void tooManyAreToldInLargerPieces()
    {
        QJsonObject a, b;
        for (int i = 0; i < 3; ++i) {
            QJsonObject one, two;
            for (int k = 0; k < 600; ++k) {
                one.insert(QString::number(k), k);
                two.insert(QString::number(k), k + 1);
            }
            a.insert(QStringLiteral("part%1").arg(i), one);
            b.insert(QStringLiteral("part%1").arg(i), two);
        }
        const auto changes = differences(a, b);
        QCOMPARE(changes.size(), std::size_t{3});
        QCOMPARE(changes.front().pointer, QStringLiteral("/part0"));
        QCOMPARE(changes.front().to, QJsonValue{b.value(QStringLiteral("part0"))});
        QJsonObject wide;
        for (int k = 0; k < 2'000; ++k)
            wide.insert(QString::number(k), k);
        const auto all = differences({}, wide);
        QCOMPARE(all.size(), std::size_t{1});
        QCOMPARE(all.front().pointer, QString{});
        QCOMPARE(all.front().to, QJsonValue{wide});
    }

    void longPointersAreBounded()
    {
        QJsonObject inner;
        for (int k = 0; k < 900; ++k)
            inner.insert(QString::number(k), k);
        const QJsonObject outer{{QString(10'000, QLatin1Char('k')), inner}};
        QJsonObject other{{QString(10'000, QLatin1Char('k')), QJsonObject{{QStringLiteral("x"), 1}}}};
        const auto changes = differences(outer, other);
        QCOMPARE(changes.size(), std::size_t{1});
    }
};

QTEST_GUILESS_MAIN(TestDocumentDiff)
#include "tst_document_diff.moc"
