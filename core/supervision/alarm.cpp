#include "core/supervision/alarm.h"

namespace beacon {

QtAlarm::QtAlarm()
{
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, &Alarm::elapsed);
}

void QtAlarm::arm(std::chrono::milliseconds delay)
{
    m_timer.start(delay);
}
void QtAlarm::disarm()
{
    m_timer.stop();
}

} // namespace beacon
