#pragma once

#include "service/sensor/health_board.h"
#include "service/sensor/health_report.h"

#include <algorithm>

namespace beacon {

/// What the HealthBoard knows of one Instrument; private to it.
struct HealthBoard::Entry {
    struct Question {
        quint64 ticket = 0;
        MonotonicTime deadline;
        bool putOff = false; ///< this loop was late meanwhile
    };
    std::chrono::seconds period{30};
    bool running = true;
    bool connected = false;
    bool overdue = false; ///< it should have connected by now
    MonotonicTime since; ///< connected, or not connected, or to run
    WallTime sinceWall{};
    MonotonicTime heard; ///< an answer or a push, or the connection
    WallTime answeredWall{}; ///< the last answer, or the connection
    int misses = 0;
    std::optional<MonotonicTime> nextAsk;
    std::optional<Question> question;
    std::optional<HealthReport> report;
    std::optional<HealthReason> unreadable, silence;
    bool silenceTold = false; ///< of this connection
    std::map<QString, HealthReason> raised;

    std::optional<HealthSnapshot> told; ///< nullopt: nothing yet, or STOPPED
    bool toldStopped = false;
    MonotonicTime lastTold;
    std::optional<MonotonicTime> tellAt;

    [[nodiscard]] std::chrono::seconds patience() const
    {
        return std::max<std::chrono::seconds>(3 * period, kLeastSilence);
    }
    [[nodiscard]] bool asked() const { return running && connected; }
    void startWaiting(MonotonicTime now, WallTime wall)
    {
        since = heard = now;
        sinceWall = answeredWall = wall;
        misses = 0;
        nextAsk.reset();
        question.reset();
        report.reset();
        unreadable.reset();
        silenceTold = false;
    }
    [[nodiscard]] std::optional<MonotonicTime> due() const
    {
        std::optional<MonotonicTime> first = tellAt;
        const auto consider = [&first](MonotonicTime at) { first = first ? std::min(*first, at) : at; };
        if (running && !connected && !overdue)
            consider(since + kConnectWithin);
        if (asked()) {
            if (question)
                consider(question->deadline);
            else if (nextAsk)
                consider(*nextAsk);
            if (!silence)
                consider(heard + patience());
        }
        return first;
    }
};

} // namespace beacon
