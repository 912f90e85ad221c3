// Boost.Fiber: handing numbers over through channels, and the mutex.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/operations.hpp>
#include <boost/fiber/unbuffered_channel.hpp>

#include "peers/boost/fiber/fiber_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

using boost::fibers::channel_op_status;
using unbuffered = boost::fibers::unbuffered_channel<std::uint64_t>;
using buffered = boost::fibers::buffered_channel<std::uint64_t>;

constexpr std::uint64_t least_buffer = 2; // of which one slot stays empty

void join_all(std::vector<boost::fibers::fiber>& all) {
    for (auto& one : all) {
        one.join();
    }
}

// Starts the senders and receivers with `start`, and waits for them. Returns the sum of what came.
template <class Channel, class Start>
std::uint64_t send_through(Channel& numbers, const request& asked, Start start) {
    const std::uint64_t senders = asked["senders"];
    std::vector<std::uint64_t> sums(asked["receivers"]);
    std::vector<boost::fibers::fiber> receiving;
    for (std::uint64_t& sum : sums) {
        receiving.push_back(start([&sum, &numbers] {
            std::uint64_t mine = 0;
            for (std::uint64_t number = 0; numbers.pop(number) == channel_op_status::success;) {
                mine += number;
            }
            sum = mine;
        }));
    }
    std::vector<boost::fibers::fiber> sending;
    for (std::uint64_t index = 0; index < senders; ++index) {
        sending.push_back(start([&numbers, count = share_of(asked.items(), senders, index)] {
            for (std::uint64_t number = 1; number <= count; ++number) {
                numbers.push(number);
            }
        }));
    }
    join_all(sending);
    numbers.close();
    join_all(receiving);
    std::uint64_t all = 0;
    for (const std::uint64_t sum : sums) {
        all += sum;
    }
    return all;
}

} // namespace

figures fiber_peer::ring(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    const std::uint64_t rounds = equal_share(asked.items(), coroutines);
    std::deque<unbuffered> links(coroutines);
    // The caller puts the token in and takes it out.
    std::vector<boost::fibers::fiber> members;
    for (std::uint64_t index = 0; index + 1 < coroutines; ++index) {
        members.push_back(start([from = &links[index], to = &links[index + 1]] {
            for (std::uint64_t token = 0; from->pop(token) == channel_op_status::success;) {
                to->push(token + 1);
            }
            to->close();
        }));
    }
    std::uint64_t token = 0;
    const auto begin = clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        links.front().push(token + 1);
        token = links.back().value_pop();
    }
    const auto time = clock::now() - begin;
    links.front().close();
    join_all(members);
    if (token != rounds * coroutines) {
        throw failed("the token was not passed on by everyone");
    }
    return timed(time, rounds * coroutines);
}

// A buffered_channel's size must be a power of two, and at least two; one slot of it stays empty.
figures fiber_peer::channel(const request& asked) {
    const std::uint64_t capacity = asked["capacity"];
    const auto start_one = [this](auto function) { return this->start(std::move(function)); };
    std::uint64_t sum = 0;
    const auto begin = clock::now();
    if (capacity == 0) {
        unbuffered numbers;
        sum = send_through(numbers, asked, start_one);
    } else {
        buffered numbers(std::max(least_buffer, std::bit_ceil(capacity)));
        sum = send_through(numbers, asked, start_one);
    }
    const auto time = clock::now() - begin;
    std::uint64_t expected = 0;
    for (std::uint64_t index = 0; index < asked["senders"]; ++index) {
        expected += sum_to(share_of(asked.items(), asked["senders"], index));
    }
    if (sum != expected) {
        throw failed("numbers were lost");
    }
    return timed(time, asked.items());
}

figures fiber_peer::mutex(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    const std::uint64_t turns = equal_share(asked.items(), coroutines);
    boost::fibers::mutex guard;
    std::uint64_t count = 0;
    const auto begin = clock::now();
    std::vector<boost::fibers::fiber> all;
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        all.push_back(start([&guard, &count, turns] {
            for (std::uint64_t turn = 0; turn < turns; ++turn) {
                const std::lock_guard lock(guard);
                ++count;
                boost::this_fiber::yield();
            }
        }));
    }
    join_all(all);
    const auto time = clock::now() - begin;
    if (count != coroutines * turns) {
        throw failed("the mutex let two in");
    }
    return timed(time, count);
}

} // namespace moor::bench::peers
