// Asio's timers. Each thread has its share of them in a loop of its own.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <numeric>
#include <random>

#include <boost/asio/post.hpp>

#include "peers/boost/asio/event_loops.hpp"
#include "peers/boost/callbacks/callbacks_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

// Sets so many timers, cancels them, and begins again when all their handlers have run.
class timer_rounds {
public:
    timer_rounds(asio::io_context& loop, std::uint64_t timers, std::uint64_t rounds, finish_line& finish)
        : order_(timers), rounds_(rounds), finish_(&finish) {
        std::minstd_rand random;
        std::uniform_int_distribution<std::int64_t> nanoseconds(
            0, std::chrono::nanoseconds(std::chrono::hours(1)).count());
        for (std::uint64_t index = 0; index < timers; ++index) {
            timers_.emplace_back(loop);
            delays_.push_back(std::chrono::hours(1) + std::chrono::nanoseconds(nanoseconds(random)));
        }
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::shuffle(order_.begin(), order_.end(), random);
    }

    void round() {
        for (std::size_t index = 0; index < timers_.size(); ++index) {
            timers_[index].expires_after(delays_[index]);
            timers_[index].async_wait([this](const error_code& error) { count(error); });
        }
        for (const std::size_t index : order_) {
            timers_[index].cancel();
        }
    }
    [[nodiscard]] std::uint64_t cancelled() const noexcept { return cancelled_; }

private:
    void count(const error_code& error) {
        if (error != asio::error::operation_aborted) {
            throw failed("a timer was not cancelled");
        }
        if (++cancelled_ % timers_.size() != 0) {
            return;
        }
        if (--rounds_ == 0) {
            finish_->arrive();
        } else {
            round();
        }
    }

    std::vector<loop_timer> timers_;
    std::vector<clock::duration> delays_;
    std::vector<std::size_t> order_;
    std::uint64_t rounds_;
    std::uint64_t cancelled_ = 0;
    finish_line* finish_;
};

} // namespace

figures callbacks_peer::timers(const request& asked) const {
    const std::uint64_t timers = asked["timers"];
    const std::uint64_t rounds = asked.items() / timers + 1;
    event_loops loops(threads_);
    finish_line finish(loops.size());
    std::vector<std::unique_ptr<timer_rounds>> all;
    for (std::size_t index = 0; index < loops.size(); ++index) {
        all.push_back(
            std::make_unique<timer_rounds>(loops[index], share_of(timers, loops.size(), index), rounds, finish));
        asio::post(loops[index], [mine = all.back().get()] { mine->round(); });
    }
    const clock::time_point start = loops.run();
    for (const auto& mine : all) {
        if (mine->cancelled() == 0) {
            throw failed("no timer was set");
        }
    }
    return timed(finish.end() - start, timers * rounds);
}

} // namespace moor::bench::peers
