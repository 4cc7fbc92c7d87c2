#pragma once

#include "gui/link/admin_link.h"

#include <QObject>

namespace beacon {

/// beacon-admin --command: gives one command, prints the answer, ends. Life for start, stop and restart, JSON for
/// self-test, the file's path for support-bundle; what went wrong is a sentence on stderr.
///
/// Thread: the one of `link`, which must outlive it.
class Command final : public QObject {
    Q_OBJECT
public:
    /// `what`: a choice of --command. `file`: for support-bundle; empty: a default name here; "-": stdout.
    Command(AdminLink& link, const QString& what, QString file);

Q_SIGNALS:
    /// 0; 1: a self-test did not escape; else of sysexits.h: NOPERM, UNAVAILABLE (nobody answers), TEMPFAIL (busy),
    /// CANTCREAT and IOERR (no place for the answer), SOFTWARE.
    void finished(int exitCode);

private:
    void onState(AdminLink::State state, const QString& why);
    void onAnswer(const AdminLink::Answer& answer);
    int tell(const QJsonObject& answer);
    int tellSelfTest(const QJsonObject& answer);
    int tellBundle(const QJsonObject& answer);
    void end(int exitCode);

    AdminLink& m_link;
    QLatin1StringView m_method;
    QString m_file;
    bool m_ended = false;
};

} // namespace beacon
