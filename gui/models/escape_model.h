#pragma once

#include "gui/models/attempt.h"

#include <QAbstractTableModel>

#include <vector>

namespace beacon::gui {

/// The leaks: one row per technique, family, target, port and via, the newest path first. Attempts never touch it.
class EscapeModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { LastSeen, Technique, Family, Target, Port, Via, Count, RoundTrip, FirstSeen, ColumnCount };
    using QAbstractTableModel::QAbstractTableModel;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    /// true: a path that was not known.
    bool add(const Attempt& escape);
    void clear();
    [[nodiscard]] quint64 dropped() const noexcept { return m_dropped; } ///< paths beyond kMaxPaths

    static constexpr std::size_t kMaxPaths = 10'000;

private:
    struct Path {
        Attempt latest;
        double firstSeen = 0;
        quint64 count = 0;
    };
    std::vector<Path> m_paths; ///< oldest first; rows are shown the other way round
    quint64 m_dropped = 0;
};

} // namespace beacon::gui
