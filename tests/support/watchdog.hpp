// Ends a process in which nothing moves any more, with the library's report of what its coroutines wait for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace moor::test {

/// While it lives, a thread of its own looks again and again whether what `steps` returns has changed. When it has not
/// for so long, it writes `name()` and the list of every runtime's coroutines to standard error and ends the process
/// with status 4. On a plain thread: destroying it joins that thread.
class watchdog {
public:
    watchdog(std::chrono::seconds patience, std::function<std::uint64_t()> steps, std::function<std::string()> name);
    ~watchdog();
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

private:
    void run() const;

    const std::chrono::seconds patience_;
    const std::function<std::uint64_t()> steps_;
    const std::function<std::string()> name_;
    std::atomic<bool> ended_{false};
    std::thread thread_; // last: it uses the others
};

} // namespace moor::test
