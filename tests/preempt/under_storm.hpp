// What the tests of preemption share: runtimes that preempt as often as the system allows, and work to do in them until
// enough preemptions were seen. How many are enough is the product of a test's own number and a factor, since the rate
// differs by orders of magnitude between systems.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <moor/runtime.hpp>

#include "support/run.hpp"

namespace moor::test {

inline runtime_options storm(unsigned workers) {
    runtime_options options = with_workers(workers);
    options.debug.preempt_storm = true;
    return options;
}

/// And compares the stacks. Only where no coroutine, and no part of moor that it calls, writes to the stack of another
/// one: not to its variables, nor to what it waits with.
inline runtime_options verified_storm(unsigned workers) {
    runtime_options options = storm(workers);
    options.debug.preempt_verify = true;
    return options;
}

/// So many preemptions, in percent of MOOR_TEST_PREEMPTIONS where that is set.
inline std::uint64_t scaled(std::uint64_t preemptions) {
    static const unsigned long percent = [] {
        const char* const text = std::getenv("MOOR_TEST_PREEMPTIONS");
        return text != nullptr ? std::strtoul(text, nullptr, 10) : 100ul;
    }();
    return preemptions * percent / 100;
}

/// Whether a runtime's coroutines have been preempted so often since this was made. Gives up after three minutes, so
/// that a test fails and does not hang. Any thread; `running` must outlive it.
class until_preempted {
public:
    until_preempted(const runtime& running, std::uint64_t wanted)
        : running_(running), enough_(running.metrics().preemptions + wanted) {}

    [[nodiscard]] bool reached() const { return running_.metrics().preemptions >= enough_; }
    [[nodiscard]] bool over() const { return reached() || std::chrono::steady_clock::now() >= end_; }

private:
    const runtime& running_;
    const std::uint64_t enough_;
    const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::minutes(3);
};

inline std::uint64_t refused(const runtime& running, preempt_refusal reason) {
    return running.metrics().preemptions_refused[static_cast<std::size_t>(reason)];
}

/// The table of attempts by what became of them.
inline void print_attempts(const runtime& running, std::chrono::duration<double> taken = {}) {
    const runtime_metrics seen = running.metrics();
    std::printf("[ preempted] %llu times in %.1f s\n", static_cast<unsigned long long>(seen.preemptions),
                taken.count());
    for (std::size_t reason = 0; reason != preempt_refusals; ++reason) {
        if (seen.preemptions_refused[reason] != 0) {
            std::printf("[  refused ] %-20s %llu\n", to_string(static_cast<preempt_refusal>(reason)),
                        static_cast<unsigned long long>(seen.preemptions_refused[reason]));
        }
    }
}

} // namespace moor::test
