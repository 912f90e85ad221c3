// Boost.Fiber: the threads, switching, starting and joining.
#include <atomic>
#include <cstdint>
#include <mutex>

#include <boost/fiber/algo/shared_work.hpp>
#include <boost/fiber/operations.hpp>

#include "peers/boost/fiber/fiber_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

// For the calling thread.
void share_work() {
    constexpr bool sleeps_when_idle = false;
    boost::fibers::use_scheduling_algorithm<boost::fibers::algo::shared_work>(sleeps_when_idle);
}

} // namespace

fiber_peer::fiber_peer(unsigned threads) : threads_(threads), stacks_(threads) {
    if (threads == 1) {
        return; // round_robin is what a thread has by itself
    }
    for (unsigned index = 1; index < threads; ++index) {
        others_.emplace_back([this] { join_in(); });
    }
    share_work();
}

fiber_peer::~fiber_peer() {
    {
        const std::lock_guard lock(gate_);
        closing_ = true;
    }
    opened_.notify_all();
}

// What the further threads do.
void fiber_peer::join_in() {
    share_work();
    for (std::uint64_t job = 1;; ++job) {
        {
            std::unique_lock lock(gate_);
            opened_.wait(lock, [&] { return closing_ || jobs_begun_ >= job; });
            if (closing_) {
                return;
            }
        }
        std::unique_lock lock(end_guard_);
        ended_.wait(lock, [&] { return jobs_ended_ >= job; });
    }
}

figures fiber_peer::run(figures (fiber_peer::*job)(const request&), const request& asked) {
    {
        const std::lock_guard lock(gate_);
        ++jobs_begun_;
    }
    opened_.notify_all();
    // Whichever way the job ends, the others wait for the next one.
    struct end_of_job {
        explicit end_of_job(fiber_peer& of) : of_(&of) {}
        ~end_of_job() {
            {
                const std::lock_guard lock(of_->end_guard_);
                ++of_->jobs_ended_;
            }
            of_->ended_.notify_all();
        }
        fiber_peer* of_;
    };
    const end_of_job ending(*this);
    return (this->*job)(asked);
}

figures fiber_peer::yield(const request& asked) {
    const std::uint64_t each = equal_share(asked.items(), 2);
    std::atomic<std::uint64_t> taken{0};
    const auto take_turns = [each, &taken] {
        for (std::uint64_t turn = 0; turn < each; ++turn) {
            taken.store(taken.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            boost::this_fiber::yield();
        }
    };
    const auto begin = clock::now();
    auto first = start(take_turns);
    auto second = start(take_turns);
    first.join();
    second.join();
    const auto time = clock::now() - begin;
    // On several threads both may run at once, and then the plain counter misses some.
    if (taken > 2 * each || taken < each) {
        throw failed("the turns were not taken");
    }
    return timed(time, 2 * each);
}

figures fiber_peer::spawn(const request& asked) {
    std::uint64_t sum = 0;
    const auto begin = clock::now();
    for (std::uint64_t number = 1; number <= asked.items(); ++number) {
        start([&sum, number] { sum += number; }).join();
    }
    const auto time = clock::now() - begin;
    if (sum != sum_to(asked.items())) {
        throw failed("not every coroutine ran");
    }
    return timed(time, asked.items());
}

figures fiber_peer::fan_out(const request& asked) {
    const std::uint64_t count = asked["coroutines"];
    const std::uint64_t rounds = equal_share(asked.items(), count);
    std::atomic<std::uint64_t> sum{0};
    std::vector<boost::fibers::fiber> all;
    all.reserve(count);
    const auto begin = clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (std::uint64_t number = 1; number <= count; ++number) {
            all.push_back(start([&sum, number] { sum.fetch_add(number, std::memory_order_relaxed); }));
        }
        for (auto& one : all) {
            one.join();
        }
        all.clear();
    }
    const auto time = clock::now() - begin;
    if (sum != rounds * sum_to(count)) {
        throw failed("not every coroutine ran");
    }
    return timed(time, rounds * count);
}

} // namespace moor::bench::peers
