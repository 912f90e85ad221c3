// Asio's stackful coroutines: switching, starting and ending, the memory of those that wait, and deep recursion.
#include <algorithm>
#include <atomic>
#include <cstdint>

#include <boost/asio/post.hpp>

#include "peers/boost/asio/pool_channels.hpp"
#include "peers/boost/stack_source.hpp"
#include "peers/boost/stackful/spawn_peer.hpp"
#include "peers/support/descent.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

void take_turns(std::uint64_t turns, std::atomic<std::uint64_t>& taken, const compute_yield& self) {
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
        taken.store(taken.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        asio::post(self);
    }
}

// Starts `job` as a coroutine of the pool, and works until it has ended. Returns the time.
template <class Job>
clock::duration run_on(compute_pool& pool, const stack_source& stacks, Job job) {
    const auto start = clock::now();
    asio::spawn(pool.get_executor(), std::allocator_arg, stack_source(stacks), std::move(job), pool.ends_it());
    pool.run();
    return clock::now() - start;
}

// Starts a coroutine for each number from 1 to `count`, when the one before has ended. Returns the time. How its end is
// awaited: on one thread it was several times faster through a completion handler than with the yield_context as the
// token of spawn, on two threads it was the other way round.
template <class Function>
clock::duration one_after_other(unsigned threads, const stack_source& stacks, std::uint64_t count, Function function) {
    compute_pool pool(threads);
    countdown<on_one_thread> ended(pool.get_executor(), 1);
    return run_on(pool, stacks, [&](const compute_yield& self) {
        for (std::uint64_t number = 1; number <= count; ++number) {
            const auto body = [&function, number](const compute_yield&) { function(number); };
            if (threads == 1) {
                ended.again(1);
                asio::spawn(pool.get_executor(), std::allocator_arg, stack_source(stacks), body, ended.counts_down());
                ended.wait(self);
            } else {
                asio::spawn(pool.get_executor(), std::allocator_arg, stack_source(stacks), body, self);
            }
        }
    });
}

} // namespace

figures spawn_peer::yield(const request& asked) const {
    return with_channels(threads_, [this, each = equal_share(asked.items(), 2)]<class Channels>(Channels) {
        const stack_source stacks(threads_);
        compute_pool pool(threads_);
        std::atomic<std::uint64_t> taken{0};
        countdown<Channels> both(pool.get_executor(), 2);
        const auto time = run_on(pool, stacks, [&](const compute_yield& self) {
            for (int index = 0; index < 2; ++index) {
                asio::spawn(
                    pool.get_executor(), std::allocator_arg, stack_source(stacks),
                    [each, &taken](const compute_yield& other) { take_turns(each, taken, other); }, both.counts_down());
            }
            both.wait(self);
        });
        // On several threads both may run at once, and then the plain counter misses some.
        if (taken > 2 * each || taken < each) {
            throw failed("the turns were not taken");
        }
        return timed(time, 2 * each);
    });
}

figures spawn_peer::spawn(const request& asked) const {
    const stack_source stacks(threads_);
    std::uint64_t sum = 0;
    const auto time = one_after_other(threads_, stacks, asked.items(), [&sum](std::uint64_t number) { sum += number; });
    if (sum != sum_to(asked.items())) {
        throw failed("not every coroutine ran");
    }
    return timed(time, asked.items());
}

figures spawn_peer::fan_out(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        const std::uint64_t count = asked["coroutines"];
        const std::uint64_t rounds = equal_share(asked.items(), count);
        const stack_source stacks(threads_);
        compute_pool pool(threads_);
        std::atomic<std::uint64_t> sum{0};
        countdown<Channels> all(pool.get_executor(), count);
        const auto time = run_on(pool, stacks, [&](const compute_yield& self) {
            for (std::uint64_t round = 0; round < rounds; ++round) {
                all.again(count);
                for (std::uint64_t number = 1; number <= count; ++number) {
                    asio::spawn(
                        pool.get_executor(), std::allocator_arg, stack_source(stacks),
                        [&sum, number](const compute_yield&) { sum.fetch_add(number, std::memory_order_relaxed); },
                        all.counts_down());
                }
                all.wait(self);
            }
        });
        if (sum != rounds * sum_to(count)) {
            throw failed("not every coroutine ran");
        }
        return timed(time, rounds * count);
    });
}

// A coroutine that only waits needs little of its stack, so the stacks are small; but each is memory from malloc, all
// of which the system must be able to give.
figures spawn_peer::park(const request& asked) const {
    return with_channels(threads_, [this, count = asked["coroutines"]]<class Channels>(Channels) {
        constexpr std::size_t stack_size = std::size_t{32} * 1024;
        constexpr std::uint64_t most_bytes = std::uint64_t{8} << 30;
        if (count > most_bytes / stack_size) {
            throw cannot("the stacks, of 32 KiB each, would take more than 8 GiB");
        }
        compute_pool pool(threads_);
        figures found;
        std::atomic<std::uint64_t> arrived{0};
        std::atomic<std::uint64_t> released{0};
        signal_channel<Channels> event(pool.get_executor());
        countdown<Channels> all(pool.get_executor(), count);
        run_on(pool, stack_source(threads_), [&](const compute_yield& self) {
            const std::uint64_t before = resident_bytes();
            const stack_source stacks = stack_source::from_heap(stack_size);
            for (std::uint64_t number = 0; number < count; ++number) {
                asio::spawn(
                    pool.get_executor(), std::allocator_arg, stack_source(stacks),
                    [&](const compute_yield& other) {
                        arrived.fetch_add(1, std::memory_order_relaxed);
                        error_code error;
                        event.async_receive(other[error]);
                        if (error == asio::experimental::error::channel_closed) {
                            released.fetch_add(1, std::memory_order_relaxed);
                        }
                    },
                    all.counts_down());
            }
            while (arrived.load(std::memory_order_relaxed) != count) {
                asio::post(self);
            }
            asio::post(self);
            found = memory(before, resident_bytes(), count);
            event.close();
            all.wait(self);
        });
        if (released != count) {
            throw failed("not every coroutine was released");
        }
        return found;
    });
}

figures spawn_peer::descend(const request& asked) const {
    const std::uint64_t frames = asked["frames"];
    constexpr std::uint64_t bytes_per_frame = 256; // more than any compiler makes of it
    constexpr std::size_t spare = std::size_t{64} * 1024;
    const std::size_t size =
        std::max(stack_source::traits_type::default_size(), static_cast<std::size_t>(frames * bytes_per_frame) + spare);
    std::uint64_t sum = 0;
    const auto time = one_after_other(threads_, stack_source(threads_, size), asked.items(),
                                      [&sum, frames](std::uint64_t) { sum += peers::descend(frames); });
    if (sum != asked.items() * descent_sum(frames)) {
        throw failed("the recursion went wrong");
    }
    return timed(time, asked.items());
}

} // namespace moor::bench::peers
