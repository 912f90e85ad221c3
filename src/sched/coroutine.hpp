// The control block of a coroutine: all that outlives its stack's frames. Lives in a slab and is recycled, never freed,
// while its runtime lives, so that a late waker's ticket stays harmless (see detail/wait.hpp).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include <moor/detail/body.hpp>
#include <moor/detail/wait.hpp>

#include "context/switch.hpp"
#include "preempt/preempted_state.hpp"
#include "sched/waited_for.hpp"
#include "stack/data_stack.hpp"
#include "stack/memory.hpp"
#include "stack/movement.hpp"
#include "win/spin_lock.hpp"
#include "win/system_stack.hpp"

namespace moor::detail {

class coroutine final : public parker {
public:
    static constexpr std::size_t longest_name = 31;
    static constexpr std::size_t inline_body = 160; ///< larger bodies are allocated

    coroutine() noexcept : parker(kind::coroutine) {}

    // Members of a kind stand together where that saves room: of a million parked coroutines this is a fifth of the
    // memory.

    // -- Set by the spawner before the coroutine is visible to anyone else, constant until its end ----------------
    std::int32_t pinned_worker = -1; // the only worker that may run it; -1: any
    runtime_core* runtime = nullptr;
    body* work = nullptr;
    void* large_body = nullptr; // the allocation that holds `work`; null when it is in `body_storage`
    std::array<char, longest_name + 1> name_storage{};
    std::uint32_t large_body_alignment = 0;

    // -- Owned by whoever runs it, or by the queue that it is in ---------------------------------------------------
    unsigned stop_shields = 0; // its own alone
    context::suspended_state state;
    /// Its registers, while it is preempted: then `state` says not where it goes on. The worker that it must resume on.
    preempt::preempted_state::owner preempted;
    stack::memory stack;
    stack::movement movement;
    stack::data_stack data;             // of code that the compiler pass has covered
    coroutine* next_in_queue = nullptr; // of a shared_queue
    /// It was preempted or yielded after a long turn, and waits among those who yielded. Says nothing elsewhere.
    bool cpu_bound = false;
    bool preemptible = false; // all of it is a preemptible scope

    // -- Written by the coroutine itself; the monitor reads them, reliably while the thread is suspended ------------
    /// The monitor could not preempt it, or it cannot be: the next call that may suspend yields.
    std::atomic<bool> yield_wanted{false};
    /// Its present wait may be ended by somebody outside its runtime: by a stop token, or by another runtime's
    /// coroutine that ends. For the deadlock_watch.
    std::atomic<bool> woken_from_outside{false};
    std::atomic<std::uint32_t> preemptible_scopes{0};
    std::atomic<std::uint32_t> preemption_bans{0}; // no_preempt guards

    // -- Shared -----------------------------------------------------------------------------------------------------
    /// How many hold the right to its result: its handle, and for moments a task group that asks it to stop. Changed
    /// under end_lock; while it is not 0 at the body's end the last of them destroys the body, else the coroutine
    /// itself does, on its own stack, since a result's destructor may be anything.
    std::atomic<std::uint32_t> references{0};
    /// The block itself is free when the body is destroyed and the last switch away from its stack is finished; whoever
    /// comes second recycles it.
    enum class block_use : std::uint8_t { running, retired, released };
    std::atomic<block_use> use{block_use::running};
    bool destroyed_its_body = false; // nobody else looks at `use` then
    /// Sticky. Sequentially consistent with parker::interrupt and park, which look at it from both sides.
    std::atomic<bool> stop_requested{false};
    spin_lock end_lock; // guards `references`, `joiners`, and the changes of `end` but the first
    enum class end_state : std::uint8_t {
        running,
        ended, ///< the body has run and its result can be taken
        taken, ///< or one of those who are waking has it to take
    };
    std::atomic<end_state> end{end_state::running};
    wait_queue joiners; // of `joiner`
    /// 0 while the block is free. Written before the start and after the end (release); dumps read it.
    std::atomic<std::uint64_t> id{0};
    /// What it waits for, a string literal; null while it does not wait. For dumps.
    std::atomic<const char*> waiting_for{nullptr};
    /// Whom its present wait is for, if that is known and nothing else ends the wait.
    sched::waited_for waits_on;
    /// The task group (its group_core) whose child it is, until it leaves that; else null. For comparison only.
    std::atomic<const void*> group{nullptr};

    coroutine* next_free = nullptr; // the slab's

    alignas(16) std::array<std::byte, inline_body> body_storage{};

    [[nodiscard]] std::string_view name() const noexcept { return {name_storage.data()}; }

    /// Under end_lock, by who may have no reference any more: the state of the coroutine with that id, `taken` when the
    /// block is free or another one's. What has not been taken stays so as long as the lock is held.
    [[nodiscard]] end_state end_of(std::uint64_t wanted) const noexcept {
        // Acquire pairs with the release in begin(): a reader of the next coroutine's state sees that the id is gone.
        const end_state seen = end.load(std::memory_order_acquire);
        return id.load(std::memory_order_relaxed) == wanted ? seen : end_state::taken;
    }

    /// Whether the body of the coroutine with that id (not 0) has yet to end: a handle keeps the block for longer. Any
    /// thread, without a reference. Takes end_lock.
    [[nodiscard]] bool is_living(std::uint64_t wanted) noexcept {
        const std::lock_guard guard(end_lock);
        return end_of(wanted) == end_state::running;
    }

    /// A free block becomes a coroutine that has not run, with one reference. It has its stack already.
    void begin(runtime_core& of, const spawn_options& wanted) noexcept;

    /// Asks it to stop; any thread, with a reference.
    void request_stop() noexcept {
        stop_requested.store(true, std::memory_order_seq_cst);
        interrupt();
    }

    /// Of a block whose body is destroyed or was never made.
    void free_large_body() noexcept {
        if (large_body != nullptr) {
            win::call_on_system_stack([body = std::exchange(large_body, nullptr), alignment = large_body_alignment] {
                ::operator delete (body, std::align_val_t{alignment});
            });
        }
    }

    /// Names the wait that it is parked in; 0 while it is not. Any thread. The context is saved as long as this does
    /// not change.
    [[nodiscard]] std::uint64_t parked_wait() const noexcept {
        const std::uint64_t word = state_.load(std::memory_order_acquire);
        return (word & phase_mask) == parked ? word & ~observed : 0;
    }

    /// Names the wait that it is in and that nobody has ended yet, parked or about to be; 0 otherwise. Any thread.
    [[nodiscard]] std::uint64_t unended_wait() const noexcept {
        const std::uint64_t word = state_.load(std::memory_order_acquire);
        const std::uint64_t current = word & phase_mask;
        return current == parked || current == preparing ? word & ~changing_mask : 0;
    }

    /// What the wait with that name is for, and, where that has a holder, the holder's id (else 0). False when the wait
    /// has ended, or is for nobody known. Any thread.
    [[nodiscard]] bool read_waits_on(std::uint64_t unended, detail::dependence& on, std::uint64_t& holder) noexcept {
        return waits_on.read(on, holder, [this, unended] { return observe(unended); });
    }

    /// Whether a request to stop ends the wait with that name.
    [[nodiscard]] static bool ends_by_stop(std::uint64_t unended) noexcept { return (unended & interruptible) != 0; }

    /// Whether a wait that begins now ends by a stop request. The coroutine itself.
    [[nodiscard]] bool interruptible_now() const noexcept { return stop_shields == 0; }

    /// Marks the wait with that name as observed; false when it has ended.
    bool observe(std::uint64_t unended) noexcept {
        std::uint64_t word = state_.load(std::memory_order_acquire);
        for (;;) {
            const std::uint64_t current = word & phase_mask;
            if ((word & ~changing_mask) != unended || (current != parked && current != preparing)) {
                return false;
            }
            // Acquire pairs with the release with which the wait began, so that nothing of the one before is seen.
            if ((word & observed) != 0 || state_.compare_exchange_weak(word, word | observed, std::memory_order_acq_rel,
                                                                       std::memory_order_acquire)) {
                return true;
            }
        }
    }
};

} // namespace moor::detail
