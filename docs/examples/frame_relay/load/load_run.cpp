#include "load/load_run.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <moor/semaphore.hpp>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>

#include "load/hostile_clients.hpp"
#include "load/load_client.hpp"

namespace frame_relay {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How many connect at a time: the backlog of a listening socket is 200 on Windows clients.
constexpr std::size_t connecting_at_a_time = 64;

class load_run {
public:
    load_run(const load_settings& settings, const std::function<void(std::string_view)>& report)
        : settings_(settings), report_(report), plan_(settings.seed, settings.least_payload, settings.most_payload) {
        make_clients();
    }

    load_result run() {
        moor::task_group running;
        connect_all(running);
        moor::task_group hostile;
        if (settings_.chaos) {
            hostile.spawn({.name = "hostile clients"},
                          [this] { run_hostile_clients(settings_.server, ~settings_.seed, attacks_); });
        }
        enter(load_client::phase::sending);
        watch();
        hostile.stop();
        std::error_code stopped;
        hostile.wait({}, stopped);
        enter(load_client::phase::draining);
        drain();
        enter(load_client::phase::finished);
        running.wait(settings_.drain_patience);
        return account();
    }

private:
    /// Client i sends to i + each of a few offsets, so that every client has as many senders as receivers, and all know
    /// both.
    void make_clients() {
        const std::uint32_t count = settings_.clients;
        seeded_random random(settings_.seed);
        std::set<std::uint32_t> offsets;
        while (offsets.size() < std::min(count, receivers_per_client)) {
            offsets.insert(static_cast<std::uint32_t>(random.below(count)));
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            std::vector<std::uint32_t> receivers;
            std::vector<std::uint32_t> senders;
            for (const std::uint32_t offset : offsets) {
                receivers.push_back((i + offset) % count);
                senders.push_back((i + count - offset) % count);
            }
            clients_.push_back(std::make_unique<load_client>(i, plan_, totals_, receivers, senders, settings_.window));
        }
    }

    /// Returns when all are connected; each goes on in `running`. Throws what the first failure was.
    void connect_all(moor::task_group& running) {
        moor::semaphore slots(connecting_at_a_time);
        moor::task_group connecting;
        for (const auto& client : clients_) {
            connecting.spawn({.name = "connect"}, [this, &slots, &running, one = client.get()] {
                slots.acquire();
                one->connect(settings_.server);
                slots.release();
                running.spawn({.name = "load client"}, [one] { one->run(); });
            });
        }
        connecting.wait();
        report_(fmt::format("{} clients are connected", clients_.size()));
    }

    void enter(load_client::phase next) {
        for (const auto& client : clients_) {
            client->enter(next);
        }
    }

    /// Shows the progress once a second for as long as the run is to take.
    void watch() {
        std::uint64_t frames_before = 0;
        for (std::int64_t second = 1; second <= settings_.duration.count(); ++second) {
            moor::this_coroutine::sleep_for(1s);
            const std::uint64_t frames = totals_.frames.load(std::memory_order_relaxed);
            std::uint64_t missing = 0;
            for (const auto& client : clients_) {
                missing += client->missing();
            }
            std::string line =
                fmt::format("{:3} s  clients={} frames={} ({}/s) lost={} corrupted={}", second, clients_.size(), frames,
                            frames - frames_before, missing, totals_.corrupted.load(std::memory_order_relaxed));
            if (settings_.chaos) {
                line += fmt::format(" attacks={}", attacks_.load(std::memory_order_relaxed));
            }
            report_(line);
            frames_before = frames;
        }
    }

    /// Waits until everything that was sent is acknowledged, or nothing arrives any more.
    void drain() {
        std::uint64_t frames_before = 0;
        clock::time_point give_up = clock::now() + settings_.drain_patience;
        while (unacknowledged() > 0 && clock::now() < give_up) {
            moor::this_coroutine::sleep_for(20ms);
            const std::uint64_t frames = totals_.frames.load(std::memory_order_relaxed);
            if (frames != frames_before) {
                frames_before = frames;
                give_up = clock::now() + settings_.drain_patience;
            }
        }
    }

    [[nodiscard]] std::uint64_t unacknowledged() const {
        std::uint64_t count = 0;
        for (const auto& client : clients_) {
            count += client->unacknowledged();
        }
        return count;
    }

    /// Compares, pair by pair, what one side sent with what the other received: the tail of a stream leaves no gap
    /// behind.
    [[nodiscard]] load_result account() const {
        load_result result{.clients = settings_.clients,
                           .frames = totals_.frames.load(std::memory_order_relaxed),
                           .bytes = totals_.bytes.load(std::memory_order_relaxed),
                           .corrupted = totals_.corrupted.load(std::memory_order_relaxed),
                           .median = totals_.latencies.percentile(0.50),
                           .percentile_99 = totals_.latencies.percentile(0.99)};
        for (std::uint32_t i = 0; i < clients_.size(); ++i) {
            for (const load_link& link : clients_[i]->links()) {
                const load_link* const other_end = clients_[link.peer]->find_link(i);
                result.lost += link.sent - other_end->received;
            }
            if (!clients_[i]->failure().empty()) {
                ++result.failed_clients;
                report_(fmt::format("client {}: {}", i, clients_[i]->failure()));
            }
        }
        return result;
    }

    const load_settings settings_;
    const std::function<void(std::string_view)>& report_;
    const message_plan plan_;
    load_totals totals_;
    std::atomic<std::uint64_t> attacks_{0};
    std::vector<std::unique_ptr<load_client>> clients_;
};

} // namespace

std::string load_result::to_string() const {
    const auto microseconds = [](std::chrono::nanoseconds time) {
        return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    };
    return fmt::format("clients={} frames={} bytes={} lost={} corrupted={} p50={}us p99={}us", clients, frames, bytes,
                       lost, corrupted, microseconds(median), microseconds(percentile_99));
}

load_result run_load(const load_settings& settings, const std::function<void(std::string_view)>& report) {
    // On the heap: it is large, and the clients keep references to it.
    return std::make_unique<load_run>(settings, report)->run();
}

} // namespace frame_relay
