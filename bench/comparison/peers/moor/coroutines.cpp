// moor as a peer: switching, starting and joining coroutines, channels, the mutex.
#include <atomic>
#include <cstdint>
#include <vector>

#include <moor/channel.hpp>
#include <moor/mutex.hpp>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>

#include "peers/moor/moor_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
figures moor_peer::yield(const request& asked) {
    return runtime_.run([each = equal_share(asked.items(), 2)] {
        std::atomic<std::uint64_t> turns{0};
        const auto take_turns = [each, counted = &turns] {
            for (std::uint64_t turn = 0; turn < each; ++turn) {
                counted->store(counted->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
                this_coroutine::yield();
            }
        };
        const auto start = clock::now();
        auto first = moor::spawn(coroutine_options(), take_turns);
        auto second = moor::spawn(coroutine_options(), take_turns);
        first.join();
        second.join();
        const auto time = clock::now() - start;
        // On several workers both may run at once, and then the plain counter misses some.
        if (turns > 2 * each || turns < each) {
            throw failed("the turns were not taken");
        }
        return timed(time, 2 * each);
    });
}

figures moor_peer::ring(const request& asked) {
    return runtime_.run([coroutines = asked["coroutines"], items = asked.items()] {
        const std::uint64_t rounds = equal_share(items, coroutines);
        std::vector<moor::channel<std::uint64_t>> links;
        for (std::uint64_t index = 0; index < coroutines; ++index) {
            links.emplace_back();
        }
        // The last one's channel to the first is the caller's, who puts the token in and takes it out.
        std::vector<join_handle<void>> members;
        for (std::uint64_t index = 0; index + 1 < coroutines; ++index) {
            members.push_back(moor::spawn(coroutine_options(), [from = links[index], to = links[index + 1]] {
                while (const auto token = from.receive()) {
                    to.send(*token + 1);
                }
                to.close();
            }));
        }
        std::uint64_t token = 0;
        const auto start = clock::now();
        for (std::uint64_t round = 0; round < rounds; ++round) {
            links.front().send(token + 1);
            token = links.back().receive().value();
        }
        const auto time = clock::now() - start;
        links.front().close();
        for (auto& member : members) {
            member.join();
        }
        if (token != rounds * coroutines) {
            throw failed("the token was not passed on by everyone");
        }
        return timed(time, rounds * coroutines);
    });
}

figures moor_peer::spawn(const request& asked) {
    return runtime_.run([items = asked.items()] {
        std::uint64_t sum = 0;
        const auto start = clock::now();
        for (std::uint64_t number = 1; number <= items; ++number) {
            moor::spawn(coroutine_options(), [to = &sum, number] { *to += number; }).join();
        }
        const auto time = clock::now() - start;
        if (sum != sum_to(items)) {
            throw failed("not every coroutine ran");
        }
        return timed(time, items);
    });
}

figures moor_peer::fan_out(const request& asked) {
    return runtime_.run([coroutines = asked["coroutines"], items = asked.items()] {
        const std::uint64_t rounds = equal_share(items, coroutines);
        std::atomic<std::uint64_t> sum{0};
        const auto start = clock::now();
        for (std::uint64_t round = 0; round < rounds; ++round) {
            task_group all;
            for (std::uint64_t number = 1; number <= coroutines; ++number) {
                all.spawn(coroutine_options(),
                          [to = &sum, number] { to->fetch_add(number, std::memory_order_relaxed); });
            }
            all.wait();
        }
        const auto time = clock::now() - start;
        if (sum != rounds * sum_to(coroutines)) {
            throw failed("not every coroutine ran");
        }
        return timed(time, rounds * coroutines);
    });
}

figures moor_peer::channel(const request& asked) {
    return runtime_.run([senders = asked["senders"], receivers = asked["receivers"], capacity = asked["capacity"],
                         items = asked.items()] {
        const moor::channel<std::uint64_t> numbers(capacity);
        const auto start = clock::now();
        std::vector<join_handle<std::uint64_t>> receiving;
        for (std::uint64_t index = 0; index < receivers; ++index) {
            receiving.push_back(moor::spawn(coroutine_options(), [from = numbers] {
                std::uint64_t sum = 0;
                while (const auto number = from.receive()) {
                    sum += *number;
                }
                return sum;
            }));
        }
        std::vector<join_handle<void>> sending;
        for (std::uint64_t index = 0; index < senders; ++index) {
            sending.push_back(moor::spawn(coroutine_options(), [to = numbers, count = share_of(items, senders, index)] {
                for (std::uint64_t number = 1; number <= count; ++number) {
                    to.send(number);
                }
            }));
        }
        for (auto& sender : sending) {
            sender.join();
        }
        numbers.close();
        std::uint64_t sum = 0;
        for (auto& receiver : receiving) {
            sum += receiver.join();
        }
        const auto time = clock::now() - start;
        std::uint64_t expected = 0;
        for (std::uint64_t index = 0; index < senders; ++index) {
            expected += sum_to(share_of(items, senders, index));
        }
        if (sum != expected) {
            throw failed("numbers were lost");
        }
        return timed(time, items);
    });
}

figures moor_peer::mutex(const request& asked) {
    return runtime_.run([coroutines = asked["coroutines"], items = asked.items()] {
        const std::uint64_t each = equal_share(items, coroutines);
        moor::mutex guard;
        std::uint64_t count = 0;
        const auto start = clock::now();
        std::vector<join_handle<void>> all;
        for (std::uint64_t index = 0; index < coroutines; ++index) {
            all.push_back(moor::spawn(coroutine_options(), [each, held = &guard, guarded = &count] {
                for (std::uint64_t turn = 0; turn < each; ++turn) {
                    held->lock();
                    ++*guarded;
                    this_coroutine::yield();
                    held->unlock();
                }
            }));
        }
        for (auto& one : all) {
            one.join();
        }
        const auto time = clock::now() - start;
        if (count != coroutines * each) {
            throw failed("the mutex let two in");
        }
        return timed(time, count);
    });
}

} // namespace moor::bench::peers
