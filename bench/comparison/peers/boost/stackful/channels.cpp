// Asio's stackful coroutines: handing numbers over through channels, and a channel as a mutex.
#include <cstdint>
#include <deque>
#include <vector>

#include <boost/asio/post.hpp>

#include "peers/boost/asio/pool_channels.hpp"
#include "peers/boost/stack_source.hpp"
#include "peers/boost/stackful/spawn_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

template <class Channel>
void send(Channel& to, std::uint64_t number, const compute_yield& self) {
    if (!to.try_send(error_code(), number)) {
        to.async_send(error_code(), number, self);
    }
}

// Returns false when the channel is closed.
template <class Channel>
bool receive(Channel& from, std::uint64_t& number, const compute_yield& self) {
    error_code error;
    if (!from.try_receive([&](error_code why, std::uint64_t come) {
            error = why;
            number = come;
        })) {
        number = from.async_receive(self[error]);
    }
    return !error;
}

// A job's coroutines, all of the same kind.
template <class Channels>
class crew {
public:
    crew(compute_pool& pool, const stack_source& stacks, std::uint64_t count)
        : pool_(&pool), stacks_(&stacks), all_(pool.get_executor(), count) {}

    template <class Job>
    void start(Job job) {
        asio::spawn(pool_->get_executor(), std::allocator_arg, stack_source(*stacks_), std::move(job),
                    all_.counts_down());
    }
    void wait(const compute_yield& self) { all_.wait(self); }

private:
    compute_pool* pool_;
    const stack_source* stacks_;
    countdown<Channels> all_;
};

// Puts the token in and takes it out again; the channels to the first and from the last close the ring.
template <class Channels>
std::uint64_t run_ring(compute_pool& pool, const stack_source& stacks, std::uint64_t coroutines, std::uint64_t rounds,
                       clock::duration& time, const compute_yield& self) {
    std::deque<number_channel<Channels>> links;
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        links.emplace_back(pool.get_executor());
    }
    crew<Channels> members(pool, stacks, coroutines - 1);
    for (std::uint64_t index = 0; index + 1 < coroutines; ++index) {
        members.start([from = &links[index], to = &links[index + 1]](const compute_yield& member) {
            for (std::uint64_t token = 0; receive(*from, token, member);) {
                send(*to, token + 1, member);
            }
            to->close();
        });
    }
    std::uint64_t token = 0;
    const auto start = clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        send(links.front(), token + 1, self);
        if (!receive(links.back(), token, self)) {
            break;
        }
    }
    time = clock::now() - start;
    links.front().close();
    members.wait(self);
    return token;
}

template <class Channels>
void run_channel(compute_pool& pool, const stack_source& stacks, const request& asked, std::vector<std::uint64_t>& sums,
                 const compute_yield& self) {
    const std::uint64_t senders = asked["senders"];
    number_channel<Channels> numbers(pool.get_executor(), asked["capacity"]);
    crew<Channels> receiving(pool, stacks, sums.size());
    for (std::uint64_t& sum : sums) {
        receiving.start([&sum, &numbers](const compute_yield& receiver) {
            std::uint64_t mine = 0;
            for (std::uint64_t number = 0; receive(numbers, number, receiver);) {
                mine += number;
            }
            sum = mine;
        });
    }
    crew<Channels> sending(pool, stacks, senders);
    for (std::uint64_t index = 0; index < senders; ++index) {
        sending.start([&numbers, count = share_of(asked.items(), senders, index)](const compute_yield& sender) {
            for (std::uint64_t number = 1; number <= count; ++number) {
                send(numbers, number, sender);
            }
        });
    }
    sending.wait(self);
    numbers.close();
    receiving.wait(self);
}

} // namespace

figures spawn_peer::ring(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        const std::uint64_t coroutines = asked["coroutines"];
        const std::uint64_t rounds = equal_share(asked.items(), coroutines);
        const stack_source stacks(threads_);
        compute_pool pool(threads_);
        std::uint64_t token = 0;
        clock::duration time{};
        asio::spawn(
            pool.get_executor(), std::allocator_arg, stack_source(stacks),
            [&](const compute_yield& self) {
                token = run_ring<Channels>(pool, stacks, coroutines, rounds, time, self);
            },
            pool.ends_it());
        pool.run();
        if (token != rounds * coroutines) {
            throw failed("the token was not passed on by everyone");
        }
        return timed(time, rounds * coroutines);
    });
}

figures spawn_peer::channel(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        const stack_source stacks(threads_);
        compute_pool pool(threads_);
        std::vector<std::uint64_t> sums(asked["receivers"]);
        const auto start = clock::now();
        asio::spawn(
            pool.get_executor(), std::allocator_arg, stack_source(stacks),
            [&](const compute_yield& self) { run_channel<Channels>(pool, stacks, asked, sums, self); }, pool.ends_it());
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

figures spawn_peer::mutex(const request& asked) const {
    return with_channels(threads_, [this, &asked]<class Channels>(Channels) {
        const std::uint64_t coroutines = asked["coroutines"];
        const std::uint64_t turns = equal_share(asked.items(), coroutines);
        const stack_source stacks(threads_);
        compute_pool pool(threads_);
        signal_channel<Channels> held(pool.get_executor(), 1);
        crew<Channels> all(pool, stacks, coroutines);
        std::uint64_t count = 0;
        const auto start = clock::now();
        asio::spawn(
            pool.get_executor(), std::allocator_arg, stack_source(stacks),
            [&](const compute_yield& self) {
                for (std::uint64_t index = 0; index < coroutines; ++index) {
                    all.start([&held, &count, turns](const compute_yield& one) {
                        for (std::uint64_t turn = 0; turn < turns; ++turn) {
                            if (!held.try_send(error_code())) {
                                held.async_send(error_code(), one);
                            }
                            ++count;
                            asio::post(one);
                            held.try_receive([](error_code) {});
                        }
                    });
                }
                all.wait(self);
            },
            pool.ends_it());
        pool.run();
        const auto time = clock::now() - start;
        if (count != coroutines * turns) {
            throw failed("the mutex let two in");
        }
        return timed(time, count);
    });
}

} // namespace moor::bench::peers
