#pragma once

#include "core/event/event_source.h"
#include "core/observe/capture.h"
#include "core/observe/classifier.h"
#include "core/observe/finding.h"
#include "core/observe/noise.h"
#include "core/observe/responder.h"
#include "service/home/home_health.h"
#include "service/home/nft_table.h"
#include "service/home/recorder.h"
#include "service/home/tcp_listener.h"
#include "service/home/zone.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <optional>
#include <set>

namespace beacon {

/// Home at work: captures what arrives at its addresses, judges tokens, alerts, answers, records.
///
/// An alert is written before anything else is done with its token; the database follows in the Recorder's thread.
/// Thread:  the main thread.
/// Errors:  start() reports what cannot mend itself (a missing capability); an absent interface, a failing nft and a
///          failing database are logged and tried again.
class Home final : public QObject {
    Q_OBJECT
public:
    struct Setup {
        std::string interface;
        std::vector<IpAddress> addresses; ///< empty: the interface's global ones, once it is there
        std::string zone;
        std::string database;
        QString host; ///< source_sensor
    };
    using WriteLine = std::function<void(const QByteArray& line)>; ///< an event, without a newline

    Home(Setup setup, const Clock& clock, WriteLine write);
    ~Home() override;
    Result<> start();
    /// Says that it has stopped; nothing is captured any more.
    void stop();

    /// The whole path of one IP packet, for tests too.
    void onPacket(ByteView packet);

private:
    void restore();
    void tryInterface();
    void openRules();
    void onCapture();
    void tick();
    void followAddresses(); ///< where they are the interface's, and change
    [[nodiscard]] bool isOurs(const IpAddress& address) const;
    [[nodiscard]] std::optional<ByteBuffer> answerTcp(const TcpListener::Ends& ends, ByteView data);
    /// Judges, alerts and records. The reply that is due, if any.
    std::optional<Token> judge(const Sighting& sighting);
    void record(const Verdict& verdict, const Sighting& sighting);
    void alert(EventId id, const Finding& finding);
    void sayNoise();
    void sayHealth();
    void answer(ByteView packet);

    Setup m_setup;
    const Clock& m_clock;
    WriteLine m_write;
    EventSource m_events;
    Keyring m_keyring;
    Classifier m_classifier;
    Findings m_findings;
    NoiseMeter m_noise;
    HomeHealth m_health;
    Zone m_zone;
    Recorder m_recorder;
    std::optional<Responder> m_responder;
    std::unique_ptr<TcpListener> m_listener;
    std::unique_ptr<NftTable> m_rules;
    std::unique_ptr<Capture> m_capture;
    std::unique_ptr<QSocketNotifier> m_notifier;
    std::set<IpAddress> m_addresses;
    QTimer m_tick;
    MonotonicTime m_nextNoise{};
    std::uint64_t m_kernelDrops = 0;
    int m_oldThisSecond = 0;
    bool m_saidWaiting = false;
};

} // namespace beacon
