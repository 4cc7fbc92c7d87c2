#pragma once

#include <QObject>
#include <QTimer>

#include <chrono>

namespace beacon {

/// One single-shot timer; a test's is fired by hand.
class Alarm : public QObject {
    Q_OBJECT
public:
    virtual void arm(std::chrono::milliseconds delay) = 0; ///< replaces what was armed
    virtual void disarm() = 0;

Q_SIGNALS:
    void elapsed();
};

class QtAlarm final : public Alarm {
    Q_OBJECT
public:
    QtAlarm();
    void arm(std::chrono::milliseconds delay) override;
    void disarm() override;

private:
    QTimer m_timer;
};

} // namespace beacon
