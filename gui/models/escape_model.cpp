#include "gui/models/escape_model.h"

#include <algorithm>
#include <array>

namespace beacon::gui {

namespace {

constexpr std::array kHeaders{
    "Last seen", "Technique", "Family", "Target", "Port", "Via", "Count", "Round trip", "First seen"};

} // namespace

int EscapeModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_paths.size());
}

int EscapeModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant EscapeModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= rowCount())
        return {};
    const Path& path = m_paths[m_paths.size() - 1 - static_cast<std::size_t>(index.row())];
    const bool numeric = index.column() == Port || index.column() == Count || index.column() == RoundTrip;
    if (role == Qt::TextAlignmentRole && numeric)
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole)
        return {};
    switch (index.column()) {
    case LastSeen:
        return momentText(path.latest.at);
    case Technique:
        return path.latest.technique;
    case Family:
        return familyText(path.latest.family);
    case Target:
        return path.latest.target;
    case Port:
        return path.latest.port == 0 ? QStringLiteral("–") : QString::number(path.latest.port);
    case Via:
        return path.latest.via;
    case Count:
        return QString::number(path.count);
    case RoundTrip:
        return QStringLiteral("%1 ms").arg(static_cast<double>(path.latest.rttUs) / 1000, 0, 'f', 1);
    case FirstSeen:
        return momentText(path.firstSeen);
    default:
        return {};
    }
}

QVariant EscapeModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation == Qt::Horizontal && role == Qt::DisplayRole && section >= 0 && section < ColumnCount)
        return QString::fromLatin1(kHeaders[static_cast<std::size_t>(section)]);
    if (orientation == Qt::Horizontal && role == Qt::TextAlignmentRole
        && (section == Port || section == Count || section == RoundTrip))
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    return {};
}

bool EscapeModel::add(const Attempt& escape)
{
    const auto found = std::find_if(m_paths.begin(), m_paths.end(), [&](const Path& path) {
        const Attempt& known = path.latest;
        return known.technique == escape.technique && known.family == escape.family && known.target == escape.target
            && known.port == escape.port && known.via == escape.via;
    });
    if (found != m_paths.end()) {
        found->latest = escape;
        ++found->count;
        const int row = static_cast<int>(m_paths.end() - found) - 1;
        Q_EMIT dataChanged(index(row, 0), index(row, ColumnCount - 1));
        return false;
    }
    if (m_paths.size() >= kMaxPaths) {
        ++m_dropped;
        return false;
    }
    beginInsertRows({}, 0, 0);
    m_paths.push_back({escape, escape.at, 1});
    endInsertRows();
    return true;
}

void EscapeModel::clear()
{
    beginResetModel();
    m_paths.clear();
    m_dropped = 0;
    endResetModel();
}

} // namespace beacon::gui
