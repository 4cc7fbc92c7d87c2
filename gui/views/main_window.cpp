#include "gui/views/main_window.h"

#include "gui/views/beacon_menu.h"
#include "gui/views/health_banner.h"

#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QScrollBar>
#include <QShortcut>
#include <QSplitter>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTableView>
#include <QVBoxLayout>

namespace beacon::gui {

namespace {

constexpr std::chrono::milliseconds kFlushEvery{50};
constexpr std::chrono::milliseconds kFilterAfter{200};
constexpr qsizetype kMaxPending = 100'000;

QTableView* makeTable(QAbstractItemModel& model, std::initializer_list<int> widths, int stretched)
{
    auto* view = new QTableView;
    view->setModel(&model);
    view->setSelectionBehavior(QAbstractItemView::SelectRows);
    view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    view->setAlternatingRowColors(true);
    view->setShowGrid(false);
    view->setWordWrap(false);
    view->setTabKeyNavigation(false); // Tab leaves the table
    view->verticalHeader()->hide();
    view->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    view->verticalHeader()->setDefaultSectionSize(view->fontMetrics().height() + 8);
    QHeaderView* header = view->horizontalHeader();
    header->setSectionResizeMode(QHeaderView::Interactive);
    header->setHighlightSections(false);
    header->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    int column = 0;
    for (const int width : widths)
        view->setColumnWidth(column++, width);
    header->setSectionResizeMode(stretched, QHeaderView::Stretch);
    return view;
}

QString number(quint64 value)
{
    return QLocale(QLocale::English).toString(value);
}

} // namespace

MainWindow::MainWindow(AdminLink& link, QWidget* parent)
    : QMainWindow(parent)
    , m_health(new HealthBanner)
    , m_menu(new BeaconMenu(link, *this))
    , m_connection(new QLabel)
    , m_counts(new QLabel)
{
    setWindowTitle(QStringLiteral("Beacon Admin"));
    resize(1160, 720);
    auto* splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(makeEscapePart());
    splitter->addWidget(makeAttemptPart());
    splitter->setChildrenCollapsible(false);
    splitter->setSizes({190, 430});
    auto* central = new QWidget;
    auto* column = new QVBoxLayout(central);
    column->setContentsMargins(10, 10, 10, 4);
    column->setSpacing(10);
    column->addWidget(m_health);
    column->addWidget(splitter, 1);
    setCentralWidget(central);
    m_connection->setObjectName(QStringLiteral("connection"));
    m_counts->setObjectName(QStringLiteral("counts"));
    statusBar()->setContentsMargins(8, 0, 8, 0);
    statusBar()->addWidget(m_connection, 1);
    statusBar()->addPermanentWidget(m_counts);

    m_flush.setSingleShot(true);
    m_flush.setInterval(kFlushEvery);
    connect(&m_flush, &QTimer::timeout, this, &MainWindow::flush);
    m_filterSoon.setSingleShot(true);
    m_filterSoon.setInterval(kFilterAfter);
    connect(&m_filterSoon, &QTimer::timeout, this, &MainWindow::filter);
    connectLink(link);
    constexpr int kReadableMs = 10'000;
    connect(m_menu, &BeaconMenu::said, this,
        [this](const QString& message) { statusBar()->showMessage(message, kReadableMs); });
    onState(link.state(), {});
}

void MainWindow::connectLink(AdminLink& link)
{
    connect(&link, &AdminLink::received, this, &MainWindow::onReceived);
    connect(&link, &AdminLink::healthChanged, m_health, &HealthBanner::setHealth);
    connect(&link, &AdminLink::stateChanged, this, &MainWindow::onState);
    connect(&link, &AdminLink::greeted, this, [this](const admin::Hello& hello, bool newRun) {
        if (newRun)
            startOver();
        m_instrument =
            QStringLiteral("%1 · interface %2 · version %3").arg(hello.instrument, hello.interface, hello.version);
        setWindowTitle(QStringLiteral("%1 – Beacon Admin").arg(hello.instrument));
        updateTexts();
    });
}

QWidget* MainWindow::makeEscapePart()
{
    m_escapeTitle = new QLabel;
    m_escapeTitle->setObjectName(QStringLiteral("escapeTitle"));
    m_escapeView = makeTable(m_escapes, {150, 140, 60, 200, 60, 150, 60, 100, 150}, EscapeModel::Target);
    m_escapeView->setObjectName(QStringLiteral("escapes"));
    m_escapeView->setAccessibleName(QStringLiteral("Leaks: escapes proven both ways"));
    m_escapeTitle->setBuddy(m_escapeView);
    auto* part = new QWidget;
    auto* column = new QVBoxLayout(part);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_escapeTitle);
    column->addWidget(m_escapeView, 1);
    return part;
}

QWidget* MainWindow::makeControls()
{
    m_text = new QLineEdit;
    m_text->setPlaceholderText(QStringLiteral("Filter by technique, target, port or via (Ctrl+F)"));
    m_text->setAccessibleName(QStringLiteral("Filter text"));
    m_text->setClearButtonEnabled(true);
    connect(m_text, &QLineEdit::textChanged, &m_filterSoon, qOverload<>(&QTimer::start));
    auto* find = new QShortcut(QKeySequence::Find, this);
    connect(find, &QShortcut::activated, m_text, qOverload<>(&QWidget::setFocus));
    m_outcome = new QComboBox;
    m_outcome->setAccessibleName(QStringLiteral("Filter by outcome"));
    m_outcome->addItem(QStringLiteral("All outcomes"), QString());
    for (const char* outcome : {"sent", "escaped", "no next hop", "refused", "unreachable", "local error", "skipped"})
        m_outcome->addItem(QLatin1StringView(outcome), QString(QLatin1StringView(outcome)));
    connect(m_outcome, &QComboBox::currentIndexChanged, this, &MainWindow::filter);
    m_follow = new QCheckBox(QStringLiteral("F&ollow the newest"));
    m_follow->setChecked(true);
    connect(m_follow, &QCheckBox::toggled, this, [this](bool on) {
        if (on)
            m_attemptView->scrollToBottom();
    });
    m_pause = new QPushButton(QStringLiteral("&Pause"));
    m_pause->setObjectName(QStringLiteral("pause"));
    m_pause->setCheckable(true);
    m_pause->setMinimumWidth(170);
    connect(m_pause, &QPushButton::toggled, this, [this](bool on) {
        m_attempts.setPaused(on);
        if (!on && m_follow->isChecked())
            m_attemptView->scrollToBottom();
        updateTexts();
    });
    auto* controls = new QWidget;
    auto* line = new QHBoxLayout(controls);
    line->setContentsMargins(0, 0, 0, 0);
    auto* title = new QLabel(QStringLiteral("&Attempts"));
    QFont bold = title->font();
    bold.setBold(true);
    title->setFont(bold);
    title->setBuddy(m_attemptView);
    line->addWidget(title);
    line->addSpacing(12);
    line->addWidget(m_text, 1);
    line->addWidget(m_outcome);
    line->addWidget(m_follow);
    line->addWidget(m_pause);
    return controls;
}

QWidget* MainWindow::makeAttemptPart()
{
    m_attemptView = makeTable(m_attempts, {110, 140, 60, 220, 60, 150, 200}, AttemptModel::Target);
    m_attemptView->setObjectName(QStringLiteral("attempts"));
    m_attemptView->setAccessibleName(QStringLiteral("Attempts, newest last"));
    m_attemptView->setVerticalScrollMode(QAbstractItemView::ScrollPerItem);
    connect(m_attemptView->verticalScrollBar(), &QScrollBar::actionTriggered, this, [this] {
        const QScrollBar* bar = m_attemptView->verticalScrollBar(); // a person scrolls: stay where they look
        m_follow->setChecked(bar->sliderPosition() >= bar->maximum());
    });
    m_empty = new QLabel;
    m_empty->setObjectName(QStringLiteral("empty"));
    m_empty->setAlignment(Qt::AlignCenter);
    m_empty->setWordWrap(true);
    m_attemptStack = new QStackedWidget;
    m_attemptStack->addWidget(m_empty);
    m_attemptStack->addWidget(m_attemptView);
    auto* part = new QWidget;
    auto* column = new QVBoxLayout(part);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(makeControls());
    column->addWidget(m_attemptStack, 1);
    return part;
}

void MainWindow::onReceived(const admin::EventBatch& batch)
{
    m_missed += batch.missed;
    for (const QJsonObject& line : batch.attempts) {
        const auto attempt = attemptFromJson(line);
        if (!attempt)
            continue;
        if (attempt->escape) {
            m_lastEscape = attempt->at;
            if (m_escapes.add(*attempt))
                QApplication::alert(this);
        }
        ++m_total;
        m_pending.append(*attempt);
    }
    if (m_pending.size() > kMaxPending)
        m_pending.remove(0, m_pending.size() - kMaxPending);
    if (!m_flush.isActive())
        m_flush.start();
}

void MainWindow::flush()
{
    m_attempts.append(std::exchange(m_pending, {}));
    if (m_follow->isChecked() && !m_attempts.isPaused())
        m_attemptView->scrollToBottom();
    updateTexts();
}

void MainWindow::filter()
{
    m_attempts.setFilter(m_text->text(), m_outcome->currentData().toString());
    if (m_follow->isChecked())
        m_attemptView->scrollToBottom();
    updateTexts();
}

void MainWindow::startOver()
{
    m_pending.clear();
    m_attempts.clear();
    m_escapes.clear();
    m_total = m_missed = 0;
    updateTexts();
}

void MainWindow::onState(AdminLink::State state, const QString& text)
{
    if (state == AdminLink::State::Waiting) // trying again does not hide why it is needed
        m_stateText = text;
    m_connected = state == AdminLink::State::Connected;
    if (state == AdminLink::State::Waiting)
        m_health->setUnknown(m_stateText);
    updateTexts();
}

void MainWindow::updateTexts()
{
    const int leaks = m_escapes.rowCount();
    m_escapeTitle->setText(leaks == 0
            ? (m_total == 0 ? QStringLiteral("Nothing is known yet: no attempt has been seen")
                            : QStringLiteral("No leak proven from inside so far"))
            : QStringLiteral("LEAK: %1 %2 out of the segment, the last proven at %3")
                  .arg(leaks)
                  .arg(leaks == 1 ? QStringLiteral("path") : QStringLiteral("paths"), clockText(m_lastEscape)));
    m_escapeTitle->setStyleSheet(leaks == 0
            ? QStringLiteral("padding: 6px 2px; font-weight: bold;")
            : QStringLiteral("padding: 8px 12px; font-size: 13pt; font-weight: bold; color: white; "
                             "background: #b3261e; border-radius: 6px;"));
    m_escapeView->setVisible(leaks > 0);
    m_escapeTitle->parentWidget()->setMaximumHeight(
        leaks == 0 ? m_escapeTitle->sizeHint().height() + 8 : QWIDGETSIZE_MAX);
    m_attemptStack->setCurrentIndex(m_attempts.rowCount() > 0 ? 1 : 0);
    m_empty->setText(m_attempts.stored() > 0 ? QStringLiteral("No attempt matches the filter.")
            : m_connected                    ? QStringLiteral("Connected. Waiting for the first attempt.")
                                             : m_stateText);
    m_pause->setText(m_attempts.isPaused() ? QStringLiteral("&Resume (%1 new)").arg(number(m_attempts.held()))
                                           : QStringLiteral("&Pause"));
    m_connection->setText(
        m_connected ? QStringLiteral("Connected · ") + m_instrument : QStringLiteral("Not connected · ") + m_stateText);
    QString counts = QStringLiteral("%1 attempts received").arg(number(m_total));
    if (m_attempts.rowCount() != static_cast<int>(m_attempts.stored()))
        counts += QStringLiteral(" · %1 shown").arg(number(static_cast<quint64>(m_attempts.rowCount())));
    if (m_missed > 0)
        counts += QStringLiteral(" · %1 missed").arg(number(m_missed));
    m_counts->setText(counts);
}

} // namespace beacon::gui
