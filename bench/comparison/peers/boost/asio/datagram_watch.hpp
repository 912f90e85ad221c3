// The second that a client of the UDP echo may wait: one timer for all clients that looks whether they get on, the way
// of the deadlines in Asio's timeout examples. It costs an item nothing but counting.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "peers/boost/asio/event_loops.hpp"

namespace moor::bench::peers {

class datagram_watch {
public:
    datagram_watch(asio::io_context& loop, std::uint64_t clients) : timer_(loop), come_(clients), seen_(clients) {
        look_later();
    }

    /// A datagram has come back to that client. From any thread.
    void count(std::uint64_t client) noexcept { come_[client].fetch_add(1, std::memory_order_relaxed); }
    /// That client has all its datagrams.
    void done(std::uint64_t client) noexcept { come_[client].store(all, std::memory_order_relaxed); }
    /// All have. From any thread.
    void end() {
        asio::post(timer_.get_executor(), [this] {
            ended_ = true;
            timer_.cancel();
        });
    }

private:
    static constexpr std::uint64_t all = ~std::uint64_t{0};

    void look_later() {
        timer_.expires_after(std::chrono::seconds(1));
        timer_.async_wait([this](const error_code&) {
            if (ended_) {
                return;
            }
            for (std::size_t client = 0; client < come_.size(); ++client) {
                const std::uint64_t now = come_[client].load(std::memory_order_relaxed);
                if (now != all && now == seen_[client]) {
                    throw failed("a datagram was lost");
                }
                seen_[client] = now;
            }
            look_later();
        });
    }

    loop_timer timer_;
    bool ended_ = false;
    std::vector<std::atomic<std::uint64_t>> come_;
    std::vector<std::uint64_t> seen_; // a second ago
};

} // namespace moor::bench::peers
