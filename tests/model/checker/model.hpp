// Checks code with atomics in every interleaving of its threads, and with every value that C++ lets a load see, to
// stated bounds (model checking; the best-known relatives are loom for Rust, Relacy and CDSChecker). The library's own
// source files are compiled with the compiler's instrumentation for the thread sanitizer, and what that calls is the
// model: so no atomic object needs another name, and plain accesses are looked at, too.
//
//     moor::model::scenario pops_while_stealing{
//         "run queue", "the owner pops while another one steals", {.files = {"sched/run_queue.hpp"}}, [] {
//             run_queue<item, 2> queue;
//             ...
//             run_threads([&] { ... }, [&] { ... });
//             require(..., "every item was taken");
//         }};
//
// A scenario runs again and again, each time another way, so it must depend on nothing else: no time, no statics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace moor::model {

/// Of a scenario: the thread that runs it, and those that it starts.
inline constexpr std::size_t most_threads = 5;

/// What a scenario is explored to. More of anything takes longer.
struct bounds {
    /// Times that a thread is left which could go on. Leaving one that waits costs nothing.
    unsigned preemptions = 2;
    /// Times that a load sees something else than the newest value, in one execution.
    unsigned stale_loads = 2;
    /// Atomic accesses and other steps of one execution. One that is longer is given up, and counted.
    unsigned steps = 400;
};

struct about {
    /// Ends of the paths of the source files whose memory orders the scenario is to show the need of.
    std::vector<std::string_view> files;
    bounds quick{}; ///< for every change
    bounds longer{.preemptions = 4, .stale_loads = 4, .steps = 1000};
    /// What outcome() must be called with in all executions together: a bit for each number, and no other; 0: never.
    std::uint32_t outcomes = 0;
};

struct scenario {
    /// `part`: of the library. Registers itself.
    scenario(std::string_view part, std::string_view name, about what, void (*run)());

    std::string_view part;
    std::string_view name;
    about what;
    void (*run)();
};

// -- For scenarios ------------------------------------------------------------------------------------------------

void start_thread(std::function<void()> body);
void join_threads();

/// Runs the functions as threads, up to four, until all have returned. The two above are its halves.
template <class... Functions>
void run_threads(Functions&&... functions) {
    (start_thread(functions), ...);
    join_threads();
}

/// The execution is wrong when `holds` is false. `what` should hold, in words; a string literal.
void require(bool holds, const char* what);

/// The execution has ended one way of several, numbered from 0; see about::outcomes.
void outcome(unsigned number);

/// One of 0 … count - 1; each is explored.
[[nodiscard]] unsigned choose(unsigned count);

// -- For what stands in for the system --------------------------------------------------------------------------------

/// The calling thread waits for what another one stores; it goes on after somebody has stored something.
void wait_for_a_store();

/// Blocks the calling thread while the newest value of the atomic object there is that one. When nobody is left who
/// could change it, the execution is a deadlock.
void block_while_equal(const void* address, std::size_t bytes, std::uint64_t value);

/// The number of the calling thread: 0 for the one that runs the scenario.
[[nodiscard]] std::size_t current_thread() noexcept;

} // namespace moor::model
