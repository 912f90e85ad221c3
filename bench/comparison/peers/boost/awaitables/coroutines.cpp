// Asio's awaitables: switching, starting and ending, and the memory of those that wait.
#include <atomic>
#include <cstdint>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "peers/boost/asio/pool_channels.hpp"
#include "peers/boost/awaitables/awaitables_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

compute_task take_turns(std::uint64_t turns, std::atomic<std::uint64_t>& taken) {
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
        taken.store(taken.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        co_await asio::post(asio::deferred);
    }
}

template <class Channels>
compute_task two_take_turns(compute_pool& pool, std::uint64_t turns, std::atomic<std::uint64_t>& taken) {
    countdown<Channels> both(pool.get_executor(), 2);
    co_spawn(pool.get_executor(), take_turns(turns, taken), both.counts_down());
    co_spawn(pool.get_executor(), take_turns(turns, taken), both.counts_down());
    co_await both.wait(asio::deferred);
}

compute_task add(std::atomic<std::uint64_t>& sum, std::uint64_t number) {
    sum.fetch_add(number, std::memory_order_relaxed);
    co_return;
}
compute_task add_alone(std::uint64_t& sum, std::uint64_t number) {
    sum += number;
    co_return;
}

compute_task one_after_other(compute_pool& pool, std::uint64_t& sum, std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number) {
        co_await co_spawn(pool.get_executor(), add_alone(sum, number), asio::deferred);
    }
}

template <class Channels>
compute_task all_at_once(compute_pool& pool, std::atomic<std::uint64_t>& sum, std::uint64_t count,
                         std::uint64_t rounds) {
    countdown<Channels> all(pool.get_executor(), count);
    for (std::uint64_t round = 0; round < rounds; ++round) {
        all.again(count);
        for (std::uint64_t number = 1; number <= count; ++number) {
            co_spawn(pool.get_executor(), add(sum, number), all.counts_down());
        }
        co_await all.wait(asio::deferred);
    }
}

template <class Channels>
compute_task wait_for(signal_channel<Channels>& event, std::atomic<std::uint64_t>& arrived,
                      std::atomic<std::uint64_t>& released) {
    arrived.fetch_add(1, std::memory_order_relaxed);
    const auto [error] = co_await event.async_receive(asio::as_tuple(asio::deferred));
    if (error == asio::experimental::error::channel_closed) {
        released.fetch_add(1, std::memory_order_relaxed);
    }
}

// The figures of park, in `found`.
template <class Channels>
compute_task park_all(compute_pool& pool, std::uint64_t count, figures& found) {
    signal_channel<Channels> event(pool.get_executor());
    std::atomic<std::uint64_t> arrived{0};
    std::atomic<std::uint64_t> released{0};
    countdown<Channels> all(pool.get_executor(), count);
    const std::uint64_t before = resident_bytes();
    for (std::uint64_t number = 0; number < count; ++number) {
        co_spawn(pool.get_executor(), wait_for<Channels>(event, arrived, released), all.counts_down());
    }
    while (arrived.load(std::memory_order_relaxed) != count) {
        co_await asio::post(asio::deferred);
    }
    co_await asio::post(asio::deferred);
    const std::uint64_t after = resident_bytes();
    event.close();
    co_await all.wait(asio::deferred);
    if (released != count) {
        throw failed("not every coroutine was released");
    }
    found = memory(before, after, count);
}

} // namespace

figures awaitables_peer::yield(const request& asked) const {
    return with_channels(threads_, [this, each = equal_share(asked.items(), 2)]<class Channels>(Channels) {
        compute_pool pool(threads_);
        std::atomic<std::uint64_t> taken{0};
        const auto start = clock::now();
        co_spawn(pool.get_executor(), two_take_turns<Channels>(pool, each, taken), pool.ends_it());
        pool.run();
        const auto time = clock::now() - start;
        // On several threads both may run at once, and then the plain counter misses some.
        if (taken > 2 * each || taken < each) {
            throw failed("the turns were not taken");
        }
        return timed(time, 2 * each);
    });
}

figures awaitables_peer::spawn(const request& asked) const {
    compute_pool pool(threads_);
    std::uint64_t sum = 0;
    const auto start = clock::now();
    co_spawn(pool.get_executor(), one_after_other(pool, sum, asked.items()), pool.ends_it());
    pool.run();
    const auto time = clock::now() - start;
    if (sum != sum_to(asked.items())) {
        throw failed("not every coroutine ran");
    }
    return timed(time, asked.items());
}

figures awaitables_peer::fan_out(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        const std::uint64_t count = asked["coroutines"];
        const std::uint64_t rounds = equal_share(asked.items(), count);
        compute_pool pool(threads_);
        std::atomic<std::uint64_t> sum{0};
        const auto start = clock::now();
        co_spawn(pool.get_executor(), all_at_once<Channels>(pool, sum, count, rounds), pool.ends_it());
        pool.run();
        const auto time = clock::now() - start;
        if (sum != rounds * sum_to(count)) {
            throw failed("not every coroutine ran");
        }
        return timed(time, rounds * count);
    });
}

figures awaitables_peer::park(const request& asked) const {
    return with_channels(threads_, [this, count = asked["coroutines"]]<class Channels>(Channels) {
        compute_pool pool(threads_);
        figures found;
        co_spawn(pool.get_executor(), park_all<Channels>(pool, count, found), pool.ends_it());
        pool.run();
        return found;
    });
}

} // namespace moor::bench::peers
