#include "service/home/recorder.h"

#include <algorithm>

namespace beacon {

namespace {

constexpr std::size_t kBatch = 1'000;
constexpr auto kGather = std::chrono::milliseconds{50}; ///< one transaction for what arrives within

} // namespace

Recorder::Recorder(std::string path)
    : m_path(std::move(path))
{
}

Recorder::~Recorder()
{
    {
        const std::lock_guard lock{m_mutex};
        m_stopping = true;
    }
    m_wake.notify_one();
    if (m_thread.joinable())
        m_thread.join();
}

void Recorder::start()
{
    m_thread = std::thread{[this] { run(); }};
}

void Recorder::add(Observation observation)
{
    const std::lock_guard lock{m_mutex};
    if (m_observations.size() >= kMaxQueued) {
        m_observations.pop_front();
        ++m_dropped;
    }
    m_observations.push_back(std::move(observation));
    m_wake.notify_one();
}

void Recorder::add(const Finding& finding)
{
    const std::lock_guard lock{m_mutex};
    m_findings.insert_or_assign(finding.key.id(), finding);
    m_wake.notify_one();
}

void Recorder::run()
{
    bool troubled = false;
    for (;;) {
        const auto worked = work();
        if (!worked && !std::exchange(troubled, true))
            Q_EMIT failed(QString::fromStdString(describe(worked.error())));
        std::unique_lock lock{m_mutex};
        if (worked && std::exchange(troubled, false))
            Q_EMIT recovered(std::exchange(m_dropped, 0));
        const bool left = !m_observations.empty() || !m_findings.empty();
        if (m_stopping && (!left || !worked))
            return;
        if (!worked)
            m_wake.wait_for(lock, kRetry, [this] { return m_stopping; });
        else if (!left)
            m_wake.wait_for(
                lock, kKeysEvery, [this] { return m_stopping || !m_observations.empty() || !m_findings.empty(); });
        else if (!m_stopping)
            m_wake.wait_for(lock, kGather, [this] { return m_stopping; });
    }
}

Result<> Recorder::ensureOpen()
{
    if (m_records)
        return {};
    auto records = Records::open(m_path, false);
    if (!records)
        return records.error();
    m_records = std::make_unique<Records>(std::move(*records));
    m_keyIds.clear();
    return {};
}

Result<> Recorder::work()
{
    if (const auto opened = ensureOpen(); !opened)
        return opened;
    auto keys = m_records->keys();
    if (!keys) {
        m_records.reset();
        return keys.error();
    }
    std::vector<std::uint32_t> ids;
    for (const KeyEntry& key : *keys)
        ids.push_back(key.id);
    if (ids != m_keyIds) {
        m_keyIds = ids;
        Q_EMIT keysRead(*keys);
    }
    std::vector<Observation> observations;
    std::vector<Finding> findings;
    {
        const std::lock_guard lock{m_mutex};
        const auto count = static_cast<std::ptrdiff_t>(std::min(m_observations.size(), kBatch));
        observations.assign(m_observations.begin(), m_observations.begin() + count);
        for (const auto& [id, finding] : m_findings)
            findings.push_back(finding);
        m_observations.erase(m_observations.begin(), m_observations.begin() + count);
        m_findings.clear();
    }
    if (observations.empty() && findings.empty())
        return {};
    const auto written = m_records->write(observations, findings);
    if (!written) { // back to where they were; a newer state of a finding stays
        const std::lock_guard lock{m_mutex};
        m_observations.insert(m_observations.begin(), observations.begin(), observations.end());
        for (Finding& finding : findings) {
            std::string id = finding.key.id();
            m_findings.try_emplace(std::move(id), std::move(finding));
        }
        m_records.reset();
    }
    return written;
}

} // namespace beacon
