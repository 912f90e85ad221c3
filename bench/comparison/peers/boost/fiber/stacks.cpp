// Boost.Fiber: the memory of fibers that wait, and deep recursion.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>

#include <boost/fiber/operations.hpp>

#include "peers/boost/fiber/fiber_peer.hpp"
#include "peers/support/descent.hpp"

namespace moor::bench::peers {

// A fiber that only waits needs little of its stack, so the stacks are small; but each is memory from malloc, all of
// which the system must be able to give.
figures fiber_peer::park(const request& asked) {
    const std::uint64_t count = asked["coroutines"];
    constexpr std::size_t stack_size = std::size_t{32} * 1024;
    constexpr std::uint64_t most_bytes = std::uint64_t{8} << 30;
    if (count > most_bytes / stack_size) {
        throw cannot("the stacks, of 32 KiB each, would take more than 8 GiB");
    }
    boost::fibers::mutex guard;
    boost::fibers::condition_variable event;
    bool happened = false;
    std::atomic<std::uint64_t> arrived{0};
    std::uint64_t released = 0;
    const std::uint64_t before = resident_bytes();
    const stack_source stacks = stack_source::from_heap(stack_size);
    std::vector<boost::fibers::fiber> all;
    all.reserve(count);
    for (std::uint64_t number = 0; number < count; ++number) {
        all.push_back(start(stacks, [&] {
            std::unique_lock lock(guard);
            arrived.fetch_add(1, std::memory_order_relaxed);
            event.wait(lock, [&] { return happened; });
            ++released;
        }));
    }
    while (arrived.load(std::memory_order_relaxed) != count) {
        boost::this_fiber::yield();
    }
    std::uint64_t after = 0;
    {
        const std::lock_guard lock(guard); // the last one waits when it has let go of this
        after = resident_bytes();
        happened = true;
    }
    event.notify_all();
    for (auto& one : all) {
        one.join();
    }
    if (released != count) {
        throw failed("not every coroutine was released");
    }
    return memory(before, after, count);
}

figures fiber_peer::descend(const request& asked) {
    const std::uint64_t frames = asked["frames"];
    constexpr std::uint64_t bytes_per_frame = 256; // more than any compiler makes of it
    constexpr std::size_t spare = std::size_t{64} * 1024;
    const std::size_t size =
        std::max(stack_source::traits_type::default_size(), static_cast<std::size_t>(frames * bytes_per_frame) + spare);
    const stack_source stacks(threads_, size);
    std::uint64_t sum = 0;
    const auto begin = clock::now();
    for (std::uint64_t item = 0; item < asked.items(); ++item) {
        start(stacks, [&sum, frames] { sum += peers::descend(frames); }).join();
    }
    const auto time = clock::now() - begin;
    if (sum != asked.items() * descent_sum(frames)) {
        throw failed("the recursion went wrong");
    }
    return timed(time, asked.items());
}

} // namespace moor::bench::peers
