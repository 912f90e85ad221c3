// Jobs of the peer "threads" on the memory of threads and on their stacks.
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "peers/support/descent.hpp"
#include "peers/support/share.hpp"
#include "peers/system/threads_jobs.hpp"
#include "peers/system/threads_queue.hpp"
#include "peers/system/threads_thread.hpp"

namespace moor::bench::peers::threads {
namespace {

// What a frame of descend() takes at most, and what the rest of a thread needs.
constexpr std::uint64_t frame_bytes = 256;
constexpr std::uint64_t other_bytes = std::uint64_t{64} * 1024;
constexpr std::uint64_t usual_bytes = std::uint64_t{1024} * 1024;

} // namespace

figures park(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    refuse_too_many(coroutines);
    slim_lock lock;
    condition all_wait;
    condition release;
    std::uint64_t waiting = 0;
    bool released = false;
    const auto let_go = [&] {
        {
            const std::lock_guard held(lock);
            released = true;
        }
        release.wake_all();
    };
    const std::uint64_t before = resident_bytes();
    std::vector<system_thread> parked;
    try {
        for (std::uint64_t index = 0; index < coroutines; ++index) {
            parked.emplace_back([&] {
                const std::lock_guard held(lock);
                if (++waiting == coroutines) {
                    all_wait.wake_one();
                }
                release.wait(lock, [&released] { return released; });
            });
        }
    } catch (const std::system_error&) {
        let_go();
        throw cannot("the system has threads for " + std::to_string(parked.size()) + " only");
    }
    {
        const std::lock_guard held(lock);
        all_wait.wait(lock, [&] { return waiting == coroutines; });
    }
    const std::uint64_t after = resident_bytes();
    let_go();
    join_all(parked);
    return memory(before, after, coroutines);
}

figures descend(const request& asked) {
    const std::uint64_t items = asked.items();
    const std::uint64_t frames = asked["frames"];
    const std::uint64_t needed = frames * frame_bytes + other_bytes;
    const std::size_t stack = needed <= usual_bytes ? usual_stack : needed;
    std::uint64_t sum = 0;
    const auto start = clock::now();
    for (std::uint64_t item = 0; item < items; ++item) {
        system_thread([&sum, frames] { sum += peers::descend(frames); }, stack).join();
    }
    const auto time = clock::now() - start;
    if (sum != items * descent_sum(frames)) {
        throw failed("the descent came to a wrong sum");
    }
    return timed(time, items);
}

} // namespace moor::bench::peers::threads
