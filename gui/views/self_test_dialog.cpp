#include "gui/views/self_test_dialog.h"

#include <QDialogButtonBox>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

namespace beacon::gui {

namespace {

constexpr std::chrono::seconds kMost{25}; ///< the Instrument ends it then
// White text on each has a contrast above 4.5, in light and dark palettes alike.
constexpr const char* kGood = "#1b6e38";
constexpr const char* kBad = "#b3261e";
constexpr const char* kUnknown = "#4a5568";

enum Column { Technique, Attempts, Recognised, Escapes, Verdict, Columns };

QTableWidgetItem* cell(const QString& text, bool isNumber)
{
    auto* item = new QTableWidgetItem(text);
    item->setTextAlignment((isNumber ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    return item;
}

QString verdict(const SelfTest::Technique& technique)
{
    return technique.attempts == 0 && !technique.arrived() ? QStringLiteral("not tried")
        : technique.arrived()                              ? QStringLiteral("arrived")
                                                           : QStringLiteral("DID NOT ARRIVE");
}

} // namespace

SelfTestDialog::SelfTestDialog(QWidget* parent)
    : QDialog(parent)
    , m_words(new QLabel)
    , m_text(new QLabel)
    , m_progress(new QProgressBar)
    , m_table(new QTableWidget(0, Columns))
{
    setObjectName(QStringLiteral("selfTest"));
    setWindowTitle(QStringLiteral("Self-test"));
    resize(620, 380);
    m_words->setObjectName(QStringLiteral("selfTestWords"));
    m_words->setWordWrap(true);
    m_text->setObjectName(QStringLiteral("selfTestText"));
    m_text->setWordWrap(true);
    m_text->setTextFormat(Qt::PlainText); // reasons come over the socket
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_text->setAccessibleName(QStringLiteral("Figures of the self-test"));
    m_progress->setRange(0, static_cast<int>(kMost.count()));
    m_progress->setAccessibleName(QStringLiteral("Seconds that the self-test has run"));
    m_progress->setFormat(QStringLiteral("%v s"));
    m_table->setObjectName(QStringLiteral("selfTestTable"));
    m_table->setAccessibleName(QStringLiteral("Techniques of the self-test"));
    m_table->setHorizontalHeaderLabels({QStringLiteral("Technique"), QStringLiteral("Attempts"),
        QStringLiteral("Recognised at Home"), QStringLiteral("Escapes"), QStringLiteral("Verdict")});
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setTabKeyNavigation(false); // Tab leaves the table
    m_table->setShowGrid(false);
    m_table->setAlternatingRowColors(true);
    m_table->verticalHeader()->hide();
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(Technique, QHeaderView::Stretch);
    auto* buttons = new QDialogButtonBox;
    m_again = buttons->addButton(QStringLiteral("Run &again"), QDialogButtonBox::ActionRole);
    buttons->addButton(QStringLiteral("&Close"), QDialogButtonBox::RejectRole)->setDefault(true);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_again, &QPushButton::clicked, this, &SelfTestDialog::againWanted);
    auto* column = new QVBoxLayout(this);
    column->setSpacing(10);
    column->addWidget(m_words);
    column->addWidget(m_progress);
    column->addWidget(m_text);
    column->addWidget(m_table, 1);
    column->addStretch();
    column->addWidget(buttons);
    m_tick.setInterval(std::chrono::seconds{1});
    connect(&m_tick, &QTimer::timeout, this, &SelfTestDialog::tick);
}

void SelfTestDialog::showWords(const QString& words, const QString& text, const char* colour)
{
    m_words->setText(words);
    m_words->setStyleSheet(QStringLiteral("font-size: 18pt; font-weight: bold; color: white; background: %1; "
                                          "border-radius: 6px; padding: 10px 14px;")
                               .arg(QLatin1StringView{colour}));
    m_text->setText(text);
    setAccessibleDescription(words + QStringLiteral(". ") + text);
}

void SelfTestDialog::showRunning()
{
    m_table->setVisible(false);
    m_progress->setVisible(true);
    m_progress->setValue(0);
    m_again->setEnabled(false);
    showWords(QStringLiteral("The self-test runs"),
        QStringLiteral("The Beacon must escape from a throwaway network that leaks; nothing of it reaches the segment. "
                       "It takes at most %1 s, and you may close this window meanwhile.")
            .arg(kMost.count()),
        kUnknown);
    m_since.start();
    m_tick.start();
}

void SelfTestDialog::tick()
{
    m_progress->setValue(static_cast<int>(std::min<qint64>(m_since.elapsed() / 1'000, kMost.count())));
}

void SelfTestDialog::end()
{
    m_tick.stop();
    m_progress->setVisible(false);
    m_again->setEnabled(true);
    if (!isVisible()) // closed while it ran: its end is what was waited for
        show();
}

void SelfTestDialog::showResult(const SelfTest& result)
{
    showWords(headline(result), figures(result), result.escaped ? kGood : kBad);
    fill(result);
    end();
}

void SelfTestDialog::showFailure(const QString& why)
{
    showWords(QStringLiteral("No result"), why, kUnknown);
    m_table->setVisible(false);
    end();
}

void SelfTestDialog::fill(const SelfTest& result)
{
    m_table->setRowCount(static_cast<int>(result.techniques.size()));
    m_table->setVisible(!result.techniques.isEmpty());
    int row = 0;
    for (const SelfTest::Technique& technique : result.techniques) {
        m_table->setItem(row, Technique, cell(technique.name, false));
        m_table->setItem(row, Attempts, cell(QString::number(technique.attempts), true));
        m_table->setItem(row, Recognised, cell(QString::number(technique.recognised), true));
        m_table->setItem(row, Escapes, cell(QString::number(technique.escapes), true));
        m_table->setItem(row, Verdict, cell(verdict(technique), false));
        ++row;
    }
}

} // namespace beacon::gui
