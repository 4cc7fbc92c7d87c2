#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <QObject>
#include <QSocketNotifier>

#include <memory>

namespace beacon {

/// SIGTERM, SIGINT and SIGHUP as Qt signals. By a pipe and not by signalfd(2): a signal that is blocked for signalfd
/// stays blocked in children. SIGPIPE is ignored.
///
/// Thread:  the main thread; one instance at a time.
class UnixSignals final : public QObject {
    Q_OBJECT
public:
    explicit UnixSignals(QObject* parent = nullptr);
    ~UnixSignals() override;
    Result<> start();

Q_SIGNALS:
    void terminate();
    void hangUp();

private:
    void onReadable();

    UniqueFd m_read, m_write;
    std::unique_ptr<QSocketNotifier> m_notifier;
};

} // namespace beacon
