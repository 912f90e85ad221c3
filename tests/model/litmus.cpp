// The checker itself, by the litmus tests of the literature (Sewell and others, "Relaxed-memory concurrency"): it meets
// every outcome that C++ allows within its bounds, and none that C++ forbids.
#include <atomic>

#include "checker/model.hpp"

namespace moor::model {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto seq_cst = std::memory_order_seq_cst;

// Outcomes of two loads: 0 and 1 for each, the first one's in the higher bit.
constexpr std::uint32_t both_old = 1u << 0;
constexpr std::uint32_t second_new = 1u << 1;
constexpr std::uint32_t first_new = 1u << 2;
constexpr std::uint32_t both_new = 1u << 3;

about seeing(std::uint32_t outcomes) { return {.files = {}, .outcomes = outcomes}; }

// Each of two threads stores to one object and loads the other.
template <std::memory_order Store, std::memory_order Load, bool Fence>
void store_buffering() {
    std::atomic<int> x{0};
    std::atomic<int> y{0};
    int first = 0;
    int second = 0;
    run_threads(
        [&] {
            x.store(1, Store);
            if (Fence) {
                std::atomic_thread_fence(seq_cst);
            }
            first = y.load(Load);
        },
        [&] {
            y.store(1, Store);
            if (Fence) {
                std::atomic_thread_fence(seq_cst);
            }
            second = x.load(Load);
        });
    outcome(static_cast<unsigned>(first * 2 + second));
}

const scenario buffers_relaxed{"the checker", "store buffering, relaxed",
                               seeing(both_old | second_new | first_new | both_new),
                               &store_buffering<relaxed, relaxed, false>};
const scenario buffers_released{"the checker", "store buffering, release and acquire",
                                seeing(both_old | second_new | first_new | both_new),
                                &store_buffering<release, acquire, false>};
const scenario buffers_seq_cst{"the checker", "store buffering, seq_cst", seeing(second_new | first_new | both_new),
                               &store_buffering<seq_cst, seq_cst, false>};
const scenario buffers_fenced{"the checker", "store buffering, relaxed with fences",
                              seeing(second_new | first_new | both_new), &store_buffering<relaxed, relaxed, true>};

// One writes two objects, the other reads them in the opposite order.
template <std::memory_order Store, std::memory_order Load, bool Fences>
void message_passing() {
    std::atomic<int> data{0};
    std::atomic<int> flag{0};
    int seen_flag = 0;
    int seen_data = 0;
    run_threads(
        [&] {
            data.store(1, relaxed);
            if (Fences) {
                std::atomic_thread_fence(release);
            }
            flag.store(1, Store);
        },
        [&] {
            seen_flag = flag.load(Load);
            if (Fences) {
                std::atomic_thread_fence(acquire);
            }
            seen_data = data.load(relaxed);
        });
    outcome(static_cast<unsigned>(seen_flag * 2 + seen_data));
}

const scenario passes_relaxed{"the checker", "message passing, relaxed",
                              seeing(both_old | second_new | first_new | both_new),
                              &message_passing<relaxed, relaxed, false>};
const scenario passes_released{"the checker", "message passing, release and acquire",
                               seeing(both_old | second_new | both_new), &message_passing<release, acquire, false>};
const scenario passes_half{"the checker", "message passing, release and relaxed",
                           seeing(both_old | second_new | first_new | both_new),
                           &message_passing<release, relaxed, false>};
const scenario passes_fenced{"the checker", "message passing, relaxed with fences",
                             seeing(both_old | second_new | both_new), &message_passing<relaxed, relaxed, true>};

// A read-modify-write of a third thread continues the release sequence; a store does not.
template <bool Updates>
void release_sequence() {
    std::atomic<int> data{0};
    std::atomic<int> flag{0};
    int seen_flag = 0;
    int seen_data = 0;
    run_threads(
        [&] {
            data.store(1, relaxed);
            flag.store(1, release);
        },
        [&] {
            if (Updates) {
                int one = 1;
                flag.compare_exchange_strong(one, 2, relaxed);
            } else if (flag.load(relaxed) == 1) {
                flag.store(2, relaxed);
            }
        },
        [&] {
            seen_flag = flag.load(acquire);
            seen_data = data.load(relaxed);
        });
    if (seen_flag == 2) {
        outcome(static_cast<unsigned>(seen_data));
    }
}

const scenario sequence_updates{"the checker", "release sequence, with an update", seeing(1u << 1),
                                &release_sequence<true>};
const scenario sequence_stores{"the checker", "release sequence, with a store", seeing(1u << 0 | 1u << 1),
                               &release_sequence<false>};

// Two write one object each, two others read both in opposite orders: whether they can disagree about which was first.
template <std::memory_order Store, std::memory_order Load>
void independent_reads() {
    std::atomic<int> x{0};
    std::atomic<int> y{0};
    int seen[4] = {};
    run_threads([&] { x.store(1, Store); }, [&] { y.store(1, Store); },
                [&] {
                    seen[0] = x.load(Load);
                    seen[1] = y.load(Load);
                },
                [&] {
                    seen[2] = y.load(Load);
                    seen[3] = x.load(Load);
                });
    outcome(seen[0] == 1 && seen[1] == 0 && seen[2] == 1 && seen[3] == 0 ? 1 : 0);
}

const scenario independent_acquired{
    "the checker",
    "independent reads of independent writes, acquire",
    {.files = {}, .quick = {.preemptions = 4, .stale_loads = 2}, .outcomes = 1u << 0 | 1u << 1},
    &independent_reads<release, acquire>};
const scenario independent_seq_cst{"the checker",
                                   "independent reads of independent writes, seq_cst",
                                   {.files = {}, .quick = {.preemptions = 4, .stale_loads = 2}, .outcomes = 1u << 0},
                                   &independent_reads<seq_cst, seq_cst>};

// Two loads of one object by one thread never go back.
const scenario coherence{"the checker", "coherence of two loads", seeing(both_old | second_new | both_new), [] {
                             std::atomic<int> x{0};
                             int first = 0;
                             int second = 0;
                             run_threads([&] { x.store(1, relaxed); },
                                         [&] {
                                             first = x.load(relaxed);
                                             second = x.load(relaxed);
                                         });
                             outcome(static_cast<unsigned>(first * 2 + second));
                         }};

// Updates are one step: none is lost.
const scenario updates{"the checker", "three updates of one object", seeing(1u << 3), [] {
                           std::atomic<unsigned> x{0};
                           const auto add = [&] { x.fetch_add(1, relaxed); };
                           run_threads(add, add, add);
                           outcome(x.load(relaxed));
                       }};

} // namespace
} // namespace moor::model
