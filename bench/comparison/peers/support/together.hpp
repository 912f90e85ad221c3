// Event loops on threads of their own, started together.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "peers/support/peer.hpp"

namespace moor::bench::peers {

/// Calls work(0) to work(threads - 1) at the same time, the first of them in the caller's thread, and waits for their
/// end. Returns how long it took since all threads were there. Throws what one of them has thrown. `threads` is not 0.
inline clock::duration run_together(unsigned threads, const std::function<void(unsigned)>& work) {
    std::mutex mutex;
    std::condition_variable changed;
    unsigned ready = 0;
    clock::time_point start;
    std::exception_ptr thrown;
    const auto attempt = [&](unsigned index) {
        try {
            work(index);
        } catch (...) {
            const std::lock_guard lock(mutex);
            thrown = thrown ? thrown : std::current_exception();
        }
    };
    std::vector<std::thread> others;
    for (unsigned index = 1; index < threads; ++index) {
        others.emplace_back([&, index] {
            {
                std::unique_lock lock(mutex);
                ++ready;
                changed.notify_all();
                changed.wait(lock, [&] { return ready == threads; });
            }
            attempt(index);
        });
    }
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return ready == threads - 1; });
        start = clock::now();
        ++ready;
        changed.notify_all();
    }
    attempt(0);
    for (auto& other : others) {
        other.join();
    }
    const auto time = clock::now() - start;
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return time;
}

} // namespace moor::bench::peers
