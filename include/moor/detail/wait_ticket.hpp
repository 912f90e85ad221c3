// The right to end a wait, and who can wait. All that an operation, a list of waiters or a timer knows of waiting; how
// a caller suspends is in detail/wait.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace moor::detail {

/// Why a wait ended.
enum class wake_reason : std::uint8_t {
    notified,  ///< by the thing waited for
    timed_out, ///< by the deadline of the wait_limit
    stopped,   ///< by its stop token, or because the coroutine was asked to stop
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

} // namespace moor::detail
