// Asio's awaitables: handing numbers over through channels, and a channel as a mutex.
#include <cstdint>
#include <deque>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "peers/boost/asio/pool_channels.hpp"
#include "peers/boost/awaitables/awaitables_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

template <class Channels>
using numbers_of = number_channel<Channels>;

// Passes the token on, one higher, until the channel before it is closed.
template <class Channels>
compute_task pass_token(numbers_of<Channels>& from, numbers_of<Channels>& to) {
    for (;;) {
        std::uint64_t token = 0;
        if (!from.try_receive([&token](error_code, std::uint64_t number) { token = number; })) {
            const auto [error, number] = co_await from.async_receive(asio::as_tuple(asio::deferred));
            if (error) {
                break;
            }
            token = number;
        }
        if (!to.try_send(error_code(), token + 1)) {
            co_await to.async_send(error_code(), token + 1, asio::deferred);
        }
    }
    to.close();
}

// Puts the token in and takes it out again; the caller's channel to the first and from the last close the ring.
template <class Channels>
compute_task run_ring(compute_pool& pool, std::uint64_t coroutines, std::uint64_t rounds, std::uint64_t& token,
                      clock::duration& time) {
    std::deque<numbers_of<Channels>> links;
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        links.emplace_back(pool.get_executor());
    }
    countdown<Channels> members(pool.get_executor(), coroutines);
    for (std::uint64_t index = 0; index + 1 < coroutines; ++index) {
        co_spawn(pool.get_executor(), pass_token<Channels>(links[index], links[index + 1]), members.counts_down());
    }
    const auto start = clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        if (!links.front().try_send(error_code(), token + 1)) {
            co_await links.front().async_send(error_code(), token + 1, asio::deferred);
        }
        if (!links.back().try_receive([&token](error_code, std::uint64_t number) { token = number; })) {
            token = co_await links.back().async_receive(asio::deferred);
        }
    }
    time = clock::now() - start;
    links.front().close();
    members.counts_down()(nullptr); // the caller is a member too
    co_await members.wait(asio::deferred);
}

template <class Channels>
compute_task send_numbers(numbers_of<Channels>& to, std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number) {
        if (!to.try_send(error_code(), number)) {
            co_await to.async_send(error_code(), number, asio::deferred);
        }
    }
}

template <class Channels>
compute_task add_numbers(numbers_of<Channels>& from, std::uint64_t& sum) {
    std::uint64_t mine = 0;
    const auto take = [&mine](error_code, std::uint64_t number) { mine += number; };
    for (;;) {
        if (!from.try_receive(take)) {
            const auto [error, number] = co_await from.async_receive(asio::as_tuple(asio::deferred));
            if (error) {
                break;
            }
            mine += number;
        }
    }
    sum = mine;
}

template <class Channels>
compute_task run_channel(compute_pool& pool, const request& asked, std::vector<std::uint64_t>& sums) {
    const std::uint64_t senders = asked["senders"];
    numbers_of<Channels> numbers(pool.get_executor(), asked["capacity"]);
    countdown<Channels> receiving(pool.get_executor(), sums.size());
    for (std::uint64_t& sum : sums) {
        co_spawn(pool.get_executor(), add_numbers<Channels>(numbers, sum), receiving.counts_down());
    }
    countdown<Channels> sending(pool.get_executor(), senders);
    for (std::uint64_t index = 0; index < senders; ++index) {
        co_spawn(pool.get_executor(), send_numbers<Channels>(numbers, share_of(asked.items(), senders, index)),
                 sending.counts_down());
    }
    co_await sending.wait(asio::deferred);
    numbers.close();
    co_await receiving.wait(asio::deferred);
}

template <class Channels>
compute_task count_in_turn(signal_channel<Channels>& mutex, std::uint64_t turns, std::uint64_t& count) {
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
        if (!mutex.try_send(error_code())) {
            co_await mutex.async_send(error_code(), asio::deferred);
        }
        ++count;
        co_await asio::post(asio::deferred);
        mutex.try_receive([](error_code) {});
    }
}

template <class Channels>
compute_task run_mutex(compute_pool& pool, std::uint64_t coroutines, std::uint64_t turns, std::uint64_t& count) {
    signal_channel<Channels> mutex(pool.get_executor(), 1);
    countdown<Channels> all(pool.get_executor(), coroutines);
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        co_spawn(pool.get_executor(), count_in_turn<Channels>(mutex, turns, count), all.counts_down());
    }
    co_await all.wait(asio::deferred);
}

} // namespace

figures awaitables_peer::ring(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        const std::uint64_t coroutines = asked["coroutines"];
        const std::uint64_t rounds = equal_share(asked.items(), coroutines);
        compute_pool pool(threads_);
        std::uint64_t token = 0;
        clock::duration time{};
        co_spawn(pool.get_executor(), run_ring<Channels>(pool, coroutines, rounds, token, time), pool.ends_it());
        pool.run();
        if (token != rounds * coroutines) {
            throw failed("the token was not passed on by everyone");
        }
        return timed(time, rounds * coroutines);
    });
}

figures awaitables_peer::channel(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        compute_pool pool(threads_);
        std::vector<std::uint64_t> sums(asked["receivers"]);
        const auto start = clock::now();
        co_spawn(pool.get_executor(), run_channel<Channels>(pool, asked, sums), pool.ends_it());
        pool.run();
        const auto time = clock::now() - start;
        std::uint64_t sum = 0;
        for (const std::uint64_t part : sums) {
            sum += part;
        }
        std::uint64_t expected = 0;
        for (std::uint64_t index = 0; index < asked["senders"]; ++index) {
            expected += sum_to(share_of(asked.items(), asked["senders"], index));
        }
        if (sum != expected) {
            throw failed("numbers were lost");
        }
        return timed(time, asked.items());
    });
}

figures awaitables_peer::mutex(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        const std::uint64_t coroutines = asked["coroutines"];
        const std::uint64_t turns = equal_share(asked.items(), coroutines);
        compute_pool pool(threads_);
        std::uint64_t count = 0;
        const auto start = clock::now();
        co_spawn(pool.get_executor(), run_mutex<Channels>(pool, coroutines, turns, count), pool.ends_it());
        pool.run();
        const auto time = clock::now() - start;
        if (count != coroutines * turns) {
            throw failed("the mutex let two in");
        }
        return timed(time, count);
    });
}

} // namespace moor::bench::peers
