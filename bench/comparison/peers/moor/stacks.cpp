// moor as a peer: the memory of coroutines that wait, and deep recursion.
#include <atomic>
#include <cstdint>

#include <moor/semaphore.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/wait_group.hpp>

#include "peers/moor/moor_peer.hpp"
#include "peers/support/descent.hpp"

namespace moor::bench::peers {

figures moor_peer::park(const request& asked) {
    return runtime_.run([coroutines = asked["coroutines"]] {
        constexpr std::uint64_t most_reserved = 30'000;
        if (!on_movable_stacks && coroutines > most_reserved) {
            throw cannot("a reserved stack has a guard page, and Linux under Wine has mappings for about 30,000");
        }
        semaphore gate(0);
        std::atomic<std::uint64_t> arrived{0};
        wait_group ended(coroutines);
        const std::uint64_t before = resident_bytes();
        for (std::uint64_t number = 0; number < coroutines; ++number) {
            moor::spawn(coroutine_options(), [waits_for = &gate, begun = &arrived, end = &ended] {
                begun->fetch_add(1, std::memory_order_relaxed);
                waits_for->acquire();
                end->done();
            });
        }
        while (arrived != coroutines) {
            this_coroutine::yield();
        }
        this_coroutine::yield();
        const std::uint64_t after = resident_bytes();
        gate.release(coroutines);
        ended.wait();
        return memory(before, after, coroutines);
    });
}

figures moor_peer::descend(const request& asked) {
    return runtime_.run([frames = asked["frames"], items = asked.items()] {
        auto options = coroutine_options();
        constexpr std::uint64_t most_by_default =
            1'500; // of the 256 KiB that a reserved stack has unless asked otherwise
        if (!on_movable_stacks && frames > most_by_default) {
            options.stack_size = std::size_t{4} * 1024 * 1024;
        }
        std::uint64_t sum = 0;
        const auto start = clock::now();
        for (std::uint64_t item = 0; item < items; ++item) {
            sum += moor::spawn(options, [frames] { return peers::descend(frames); }).join();
        }
        const auto time = clock::now() - start;
        if (sum != items * descent_sum(frames)) {
            throw failed("the recursion went wrong");
        }
        return timed(time, items);
    });
}

figures moor_peer::grow(const request& asked) {
    if (!on_movable_stacks) {
        throw cannot("reserved stacks grow in place, and keep their memory for the next coroutine");
    }
    return runtime_.run([frames = asked["frames"], items = asked.items()] {
        std::uint64_t sum = 0;
        const auto descend_each = [&sum, frames, items](std::uint64_t times) {
            const auto start = clock::now();
            for (std::uint64_t item = 0; item < items; ++item) {
                sum += moor::spawn(coroutine_options(), [frames, times] {
                           std::uint64_t of_this = 0;
                           for (std::uint64_t time = 0; time < times; ++time) {
                               of_this += peers::descend(frames);
                           }
                           return of_this;
                       }).join();
            }
            return clock::now() - start;
        };
        const auto once = descend_each(1);
        const auto twice = descend_each(2);
        if (sum != 3 * items * descent_sum(frames)) {
            throw failed("the recursion went wrong");
        }
        return growth(once, twice, items);
    });
}

} // namespace moor::bench::peers
