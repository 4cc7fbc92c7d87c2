#pragma once

#include "gui/models/attempt.h"

#include <QAbstractTableModel>

#include <deque>

namespace beacon::gui {

/// The latest attempts, oldest first; the oldest go when it is full. Filters by itself: only what arrives is looked at,
/// a proxy would sit on the hot path.
class AttemptModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Time, Technique, Family, Target, Port, Via, Outcome, ColumnCount };
    explicit AttemptModel(std::size_t capacity = 100'000, QObject* parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    void append(const QList<Attempt>& attempts);
    void clear();
    /// Rows whose texts contain `text`, in any case, and whose outcome begins with `outcome`; empty: all.
    void setFilter(const QString& text, const QString& outcome);
    /// While paused everything is kept aside, within the same bound.
    void setPaused(bool paused);
    [[nodiscard]] bool isPaused() const noexcept { return m_paused; }
    [[nodiscard]] std::size_t held() const noexcept { return m_held.size(); }
    [[nodiscard]] std::size_t stored() const noexcept { return m_rows.size(); }

private:
    [[nodiscard]] bool passes(const Attempt& attempt) const;
    [[nodiscard]] bool filters() const { return !m_text.isEmpty() || !m_outcome.isEmpty(); }
    [[nodiscard]] const Attempt& at(int row) const;
    void makeRoom(std::size_t needed);

    std::size_t m_capacity;
    std::deque<Attempt> m_rows;
    quint64 m_first = 0; ///< ordinal of m_rows.front()
    std::deque<quint64> m_shown; ///< ordinals, where a filter is set
    std::deque<Attempt> m_held;
    QString m_text, m_outcome;
    bool m_paused = false;
};

} // namespace beacon::gui
