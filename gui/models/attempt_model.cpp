#include "gui/models/attempt_model.h"

#include <QBrush>
#include <QColor>
#include <QFont>

#include <algorithm>
#include <array>

namespace beacon::gui {

namespace {

constexpr std::array kHeaders{"Time", "Technique", "Family", "Target", "Port", "Via", "Outcome"};

} // namespace

AttemptModel::AttemptModel(std::size_t capacity, QObject* parent)
    : QAbstractTableModel(parent)
    , m_capacity(capacity)
{
}

int AttemptModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(filters() ? m_shown.size() : m_rows.size());
}

int AttemptModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

const Attempt& AttemptModel::at(int row) const
{
    const auto index = static_cast<std::size_t>(row);
    return m_rows[filters() ? static_cast<std::size_t>(m_shown[index] - m_first) : index];
}

QVariant AttemptModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= rowCount())
        return {};
    const Attempt& attempt = at(index.row());
    if (role == Qt::TextAlignmentRole && index.column() == Port)
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    if (attempt.escape && role == Qt::BackgroundRole)
        return QBrush(QColor(0xb3, 0x26, 0x1e));
    if (attempt.escape && role == Qt::ForegroundRole)
        return QBrush(Qt::white);
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole)
        return {};
    switch (index.column()) {
    case Time:
        return clockText(attempt.at);
    case Technique:
        return attempt.technique;
    case Family:
        return familyText(attempt.family);
    case Target:
        return attempt.target;
    case Port:
        return attempt.port == 0 ? QStringLiteral("–") : QString::number(attempt.port);
    case Via:
        return attempt.via;
    case Outcome:
        return attempt.outcome;
    default:
        return {};
    }
}

QVariant AttemptModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation == Qt::Horizontal && role == Qt::DisplayRole && section >= 0 && section < ColumnCount)
        return QString::fromLatin1(kHeaders[static_cast<std::size_t>(section)]);
    if (orientation == Qt::Horizontal && role == Qt::TextAlignmentRole && section == Port)
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    return {};
}

void AttemptModel::makeRoom(std::size_t needed)
{
    const std::size_t after = m_rows.size() + needed;
    if (after <= m_capacity)
        return;
    const std::size_t gone = std::min(after - m_capacity, m_rows.size());
    const quint64 first = m_first + gone;
    const auto hidden = static_cast<std::size_t>(
        std::distance(m_shown.begin(), std::lower_bound(m_shown.begin(), m_shown.end(), first)));
    const std::size_t rows = filters() ? hidden : gone;
    if (rows > 0)
        beginRemoveRows({}, 0, static_cast<int>(rows) - 1);
    m_rows.erase(m_rows.begin(), m_rows.begin() + static_cast<std::ptrdiff_t>(gone));
    m_shown.erase(m_shown.begin(), m_shown.begin() + static_cast<std::ptrdiff_t>(hidden));
    m_first = first;
    if (rows > 0)
        endRemoveRows();
}

void AttemptModel::append(const QList<Attempt>& attempts)
{
    if (m_paused) {
        m_held.insert(m_held.end(), attempts.begin(), attempts.end());
        while (m_held.size() > m_capacity)
            m_held.pop_front();
        return;
    }
    const auto surplus = std::max<qsizetype>(0, attempts.size() - static_cast<qsizetype>(m_capacity));
    const QList<Attempt> fresh = surplus > 0 ? attempts.mid(surplus) : attempts;
    makeRoom(static_cast<std::size_t>(fresh.size()));
    std::vector<quint64> shown;
    quint64 ordinal = m_first + m_rows.size();
    for (const Attempt& attempt : fresh) {
        if (filters() && passes(attempt))
            shown.push_back(ordinal);
        ++ordinal;
    }
    const auto count = filters() ? static_cast<int>(shown.size()) : static_cast<int>(fresh.size());
    const int before = rowCount();
    if (count > 0)
        beginInsertRows({}, before, before + count - 1);
    m_rows.insert(m_rows.end(), fresh.begin(), fresh.end());
    m_shown.insert(m_shown.end(), shown.begin(), shown.end());
    if (count > 0)
        endInsertRows();
}

void AttemptModel::clear()
{
    beginResetModel();
    m_first += m_rows.size();
    m_rows.clear();
    m_shown.clear();
    m_held.clear();
    endResetModel();
}

void AttemptModel::setFilter(const QString& text, const QString& outcome)
{
    beginResetModel();
    m_text = text.trimmed();
    m_outcome = outcome;
    m_shown.clear();
    if (filters())
        for (std::size_t i = 0; i < m_rows.size(); ++i)
            if (passes(m_rows[i]))
                m_shown.push_back(m_first + i);
    endResetModel();
}

void AttemptModel::setPaused(bool paused)
{
    m_paused = paused;
    if (paused || m_held.empty())
        return;
    append(QList<Attempt>(m_held.begin(), m_held.end()));
    m_held.clear();
}

bool AttemptModel::passes(const Attempt& attempt) const
{
    if (!m_outcome.isEmpty() && !attempt.outcome.startsWith(m_outcome, Qt::CaseInsensitive))
        return false;
    const auto has = [this](const QString& text) { return text.contains(m_text, Qt::CaseInsensitive); };
    return m_text.isEmpty() || has(attempt.technique) || has(attempt.target) || has(attempt.via) || has(attempt.family)
        || has(attempt.outcome) || QString::number(attempt.port) == m_text;
}

} // namespace beacon::gui
