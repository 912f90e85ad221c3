// The one way to block in moor. Every primitive (mutex, channel, timer, join, I/O) registers a ticket with whoever may
// wake it and then suspends; the first waker that claims the ticket wins, all later ones lose. A coroutine becomes
// resumable only after its context is saved (docs/scheduling.md): a claim that arrives earlier is remembered in the
// parker's state word, and the stack that runs next acts on it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include <moor/wait_limit.hpp>

namespace moor::detail {

/// Why a wait ended.
enum class wake_reason : std::uint8_t {
    notified,  ///< by the thing waited for
    timed_out, ///< by the deadline of the wait_limit
    stopped,   ///< by its stop token, or because the coroutine was asked to stop
};

/// Whether a wait is ended by a request to stop the waiting coroutine (join_handle::request_stop, runtime shutdown).
enum class stop_request : std::uint8_t { ends_wait, ignored };

/// Whether the beginning of a wait looks after the stack of the waiting coroutine, if it is of the movable kind:
/// whether there is room for the wait, and whether the stack is too large (sched/stack_movement.hpp). A call of the I/O
/// layer has done so before its submission. Neither moves the stack.
enum class stack_use : std::uint8_t { prepares, is_prepared };

/// Whose deed a wait is for, where that is known: a coroutine cannot be woken while the other waits for it. For the
/// search for circles (sched/circle_watch.hpp). One of the three; none of them is owned.
struct dependence {
    /// The id of the coroutine that holds what is waited for, shifted to the left; 0, or that of no coroutine, when
    /// nobody known does. The word lives as long as the wait.
    const std::atomic<std::uint64_t>* holder = nullptr;
    unsigned shift = 0;
    std::uint64_t coroutine = 0; ///< its end, by its id
    const void* group = nullptr; ///< the ends of all coroutines whose group that is

    bool operator==(const dependence&) const noexcept = default;
};

/// How a waker won a ticket; `lost` when another one was faster. Handed back to wait_ticket::finish.
enum class claim : std::uint8_t { lost, parked, preparing };

/// Who can wait: base of a coroutine's control block and of a plain thread's parking place.
///
/// Its memory is never returned while a ticket to it can exist, so a late claim with an old generation is harmless:
/// coroutine control blocks are recycled, never freed, as long as their runtime lives; a plain thread's tickets are
/// only ever used under the lock of the primitive that it waits in.
class parker {
public:
    enum class kind : std::uint8_t { coroutine, thread };

    parker(const parker&) = delete;
    parker& operator=(const parker&) = delete;

    [[nodiscard]] kind type() const noexcept { return kind_; }

    /// Ends the current wait, whichever it is, unless it ignores stop requests. Any thread.
    /// The caller has made the request itself visible first (sequentially consistent), since a wait that begins
    /// later looks for it.
    void interrupt() noexcept;

    /// Called by the code that runs after the owner's context was saved. True when it is parked now (or resumed already
    /// by whoever woke it since), false when it was claimed before that, so that the caller must make it runnable.
    [[nodiscard]] bool park() noexcept;

protected:
    explicit parker(kind which) noexcept : kind_(which) {}
    ~parker() = default;

    friend class wait_ticket;
    friend class wait;

    // Word: bits 0-2 phase, bits 3-4 wake_reason, bit 5 "ends by stop request", bit 6 "observed", from bit 8 the
    // generation.
    enum phase : std::uint64_t {
        idle = 0,           // not waiting
        preparing = 1,      // may be claimed, still running towards its suspension
        parked = 2,         // context saved
        claimed = 3,        // claimed while preparing; the claimer has not finished its hand-over
        claimed_parked = 4, // the same, and the owner has suspended meanwhile: the claimer resumes it
        ready = 5,          // claimed, and the hand-over is finished (or is finished before the claimer resumes it)
    };
    static constexpr std::uint64_t phase_mask = 7;
    static constexpr unsigned reason_shift = 3;
    static constexpr std::uint64_t reason_mask = 3ull << reason_shift;
    static constexpr std::uint64_t interruptible = 1ull << 5;
    /// Somebody has read what this wait is for, and may do so still (sched/waited_for.hpp). Set by compare-and-swap
    /// while the wait has not ended, and kept by all who change the phase: the owner finds it in the word that it reads
    /// at the end in any case.
    static constexpr std::uint64_t observed = 1ull << 6;
    static constexpr std::uint64_t generation_step = 1ull << 8;
    /// What changes during a wait. The rest names it.
    static constexpr std::uint64_t changing_mask = phase_mask | reason_mask | observed;

    static std::uint64_t generation_of(const std::atomic<std::uint64_t>& state) noexcept {
        return state.load(std::memory_order_relaxed) & ~changing_mask;
    }

    static constexpr std::uint64_t with(std::uint64_t word, phase next, wake_reason reason) noexcept {
        return (word & ~(phase_mask | reason_mask)) | next | (static_cast<std::uint64_t>(reason) << reason_shift);
    }

    static constexpr wake_reason reason_of(std::uint64_t word) noexcept {
        return static_cast<wake_reason>((word & reason_mask) >> reason_shift);
    }

    /// Makes the owner runnable. Only the claimer that won calls it, once. The kind was read before the claim was
    /// finished: from then on a plain thread may be gone, and its parker with it.
    static void resume(parker& owner, kind which) noexcept;

    // Written by the owner (idle, preparing, and park) and by claimers (the rest). All transitions out of preparing
    // and parked are compare-and-swap with acquire-release order: the hand-over before `ready` happens before the
    // owner's return from wait::suspend.
    std::atomic<std::uint64_t> state_{idle};

private:
    const kind kind_;
};

/// A right to wake one wait of one parker. A value: copied freely, harmless once the wait is over.
class wait_ticket {
public:
    wait_ticket() noexcept = default;

    /// Tries to become the one that ends the wait. A winner hands over what it has to (a value into the waiter's slot)
    /// and then calls finish(); nothing else may end the wait meanwhile.
    [[nodiscard]] claim try_claim(wake_reason reason) const noexcept;

    /// Second half of a won claim; makes the owner runnable. The waiter's stack may be gone when it returns.
    void finish(claim how) const noexcept;

    /// Both halves, for a waker with nothing to hand over. False when another was faster.
    bool wake(wake_reason reason) const noexcept;

private:
    friend class wait;
    friend class parker;
    wait_ticket(parker* owner, std::uint64_t generation) noexcept : owner_(owner), generation_(generation) {}

    parker* owner_ = nullptr;
    std::uint64_t generation_ = 0; // the state word's bits from generation_step on, and `interruptible`
};

/// One wait of the calling coroutine or plain thread.
///
///     wait waiting("mutex", limit);
///     {
///         std::lock_guard guard(lock_);
///         if (free) { ...; return true; }
///         node.ticket = waiting.ticket();
///         queue_.push_back(node);
///     }
///     if (waiting.suspend() != wake_reason::notified) { std::lock_guard guard(lock_); queue_.remove(node); ... }
///
/// Every place that holds a ticket must be told (its node removed) before the wait object goes out of scope, unless it
/// works with a copy only. At most one wait per coroutine at a time.
class wait {
public:
    /// Begins a wait. `what` (a string literal) is shown in dumps of blocked coroutines. From here on the ticket can be
    /// claimed. `limit` must outlive the wait. The wait object, and whatever the caller registers, keep their addresses
    /// until the wait is over: no stack moves with a frame of the library on it (law 3).
    wait(const char* what, const wait_limit& limit, stop_request stopping = stop_request::ends_wait,
         stack_use stack = stack_use::prepares) noexcept
        : owner_(begin(what, stopping, stack)), generation_(parker::generation_of(owner_.state_)), limit_(limit) {}

    /// Ends it, whether it was suspended or given up.
    ~wait();

    wait(const wait&) = delete;
    wait& operator=(const wait&) = delete;

    [[nodiscard]] wait_ticket ticket() const noexcept { return {&owner_, generation_}; }

    /// Suspends the coroutine (or blocks the plain thread) until the ticket is claimed. Returns at once when it
    /// was claimed already, when the deadline has passed (the ticket is then claimed by that), or when a stop was
    /// requested. Call once. Not under a lock that a waker takes.
    [[nodiscard]] wake_reason suspend() noexcept;

    /// The same, for somebody's deed.
    [[nodiscard]] wake_reason suspend(const dependence& on) noexcept;

private:
    static parker& begin(const char* what, stop_request stopping, stack_use stack) noexcept;
    [[nodiscard]] std::uint64_t suspend_to_the_end() noexcept;
    void suspend_limited() noexcept;
    void block(wait_limit::time_point deadline) noexcept;

    // The two halves of the ticket, apart: a ticket that was just written by halves is slow to read as a whole.
    parker& owner_;
    const std::uint64_t generation_;
    const wait_limit& limit_;
};

/// A waiter in the list of a primitive: lives on the waiting stack (which does not move while parked, law 3).
/// All members but `slot` and `index` are guarded by the lock of the primitive.
struct waiter {
    wait_ticket ticket{};
    waiter* previous = nullptr;
    waiter* next = nullptr;
    bool linked = false;
    void* slot = nullptr;  ///< where a value is handed over, as the primitive defines it
    std::size_t index = 0; ///< which case of a select, as the primitive defines it
};

/// First-in first-out list of waiters, guarded by the owning primitive's lock. Never allocates.
class wait_queue {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] waiter* front() const noexcept { return first_; }

    void push_back(waiter& node) noexcept {
        node.previous = last_;
        node.next = nullptr;
        node.linked = true;
        (last_ != nullptr ? last_->next : first_) = &node;
        last_ = &node;
    }

    /// Takes `node` out if it is still in; says whether it was.
    bool remove(waiter& node) noexcept {
        if (!node.linked) {
            return false;
        }
        (node.previous != nullptr ? node.previous->next : first_) = node.next;
        (node.next != nullptr ? node.next->previous : last_) = node.previous;
        node.linked = false;
        return true;
    }

    /// Takes the first waiter out, null when there is none.
    waiter* pop_front() noexcept {
        waiter* const node = first_;
        if (node != nullptr) {
            remove(*node);
        }
        return node;
    }

    /// Wakes the first waiter whose wait has not ended otherwise; false when there is none.
    bool wake_one() noexcept {
        while (waiter* const node = pop_front()) {
            const wait_ticket ticket = node->ticket; // a copy: the node is gone as soon as its owner runs
            if (ticket.wake(wake_reason::notified)) {
                return true;
            }
        }
        return false;
    }

    /// Wakes all of them.
    void wake_all() noexcept {
        while (wake_one()) {
        }
    }

private:
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
};

/// Throws std::system_error for a wait that ended by time-out or stop; does nothing for `notified`.
void throw_unless_notified(wake_reason reason, const char* what);

/// The error that a wait ended with: none, std::errc::timed_out or std::errc::operation_canceled.
[[nodiscard]] std::errc to_errc(wake_reason reason) noexcept;

} // namespace moor::detail
