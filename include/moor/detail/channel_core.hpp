// The part of a channel that does not depend on the element type: the ring, the two queues of waiters, and the
// hand-over of a value from one stack to another. It is compiled into the library, so that waiter nodes are made,
// queued and taken out again within frames that nothing moves (law 3), whatever the calling code was compiled with.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

#include <moor/detail/spin_lock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

namespace moor::detail {

/// What a channel does with its elements. None may throw or suspend; they run under the channel's spin lock.
struct element_operations {
    std::size_t size;
    std::size_t alignment;
    void (*put)(void* cell, void* value) noexcept;    ///< moves `value` into raw memory
    void (*take)(void* result, void* value) noexcept; ///< moves `value` into the std::optional at `result`
    void (*drop)(void* cell) noexcept;                ///< destroys what `put` made
};

enum class channel_result : std::uint8_t { done, would_wait, closed, timed_out, stopped, no_channel };

[[nodiscard]] std::error_code to_error_code(channel_result result) noexcept;
[[noreturn]] void throw_channel_error(channel_result result, const char* what);

/// One coroutine in a queue of one channel. `slot` is the value of a sender, the std::optional of a receiver.
struct channel_waiter : waiter {
    /// How it ended; written by the claimer before finish(), read by the owner afterwards.
    channel_result result = channel_result::would_wait;
};

/// A waiter that was claimed and has not been resumed. To be finished after the channel's lock is released: until then
/// its owner cannot run, so it cannot drop the last handle of the channel whose lock is held.
struct claimed_partner {
    wait_ticket ticket{};
    claim how = claim::lost;

    void finish() const noexcept {
        if (how != claim::lost) {
            ticket.finish(how);
        }
    }
};

class channel_core {
public:
    /// With one reference. The ring is part of the one allocation. Throws std::bad_alloc.
    [[nodiscard]] static channel_core* create(const element_operations& operations, std::size_t capacity);

    channel_core(const channel_core&) = delete;
    channel_core& operator=(const channel_core&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }

    /// The last one destroys the channel with what is in its ring.
    void release() noexcept {
        // Acquire-release: what was done through any handle happens before the destruction.
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            destroy();
        }
    }

    /// Moves from `value` exactly when the result is `done`.
    [[nodiscard]] channel_result send(void* value, const wait_limit& limit) noexcept;
    [[nodiscard]] channel_result try_send(void* value) noexcept;

    /// Fills the empty std::optional at `into` exactly when the result is `done`.
    [[nodiscard]] channel_result receive(void* into, const wait_limit& limit) noexcept;
    [[nodiscard]] channel_result try_receive(void* into) noexcept;

    /// False when it was closed before.
    bool close() noexcept;

    [[nodiscard]] std::size_t size() noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] bool is_closed() noexcept;

private:
    friend class selector;

    channel_core(const element_operations& operations, std::size_t capacity, std::byte* ring) noexcept;
    ~channel_core() = default;
    void destroy() noexcept;

    // The two halves of every operation, with lock_ held: done, closed or would_wait.
    [[nodiscard]] channel_result offer(void* value, claimed_partner& partner) noexcept;
    [[nodiscard]] channel_result poll(void* into, claimed_partner& partner) noexcept;
    [[nodiscard]] static channel_waiter* claim_first(wait_queue& queue, claimed_partner& partner) noexcept;
    [[nodiscard]] channel_result send_locked(void* value, const wait_limit& limit) noexcept;
    [[nodiscard]] channel_result receive_locked(void* into, const wait_limit& limit) noexcept;
    [[nodiscard]] channel_result wait_for_partner(wait_queue& queue, void* slot, const wait_limit& limit) noexcept;

    // Both with lock_ held; there is room, or an element.
    void put_last(void* value) noexcept;
    void take_first(void* into) noexcept;

    [[nodiscard]] void* cell(std::size_t position) const noexcept { return ring_ + position * operations_.size; }
    [[nodiscard]] std::size_t wrapped(std::size_t position) const noexcept {
        return position >= capacity_ ? position - capacity_ : position;
    }

    spin_lock lock_; // guards what follows up to the blank line
    bool closed_ = false;
    std::size_t head_ = 0;  // the oldest element's cell
    std::size_t count_ = 0; // elements in the ring
    wait_queue senders_;    // not empty only while the ring is full
    wait_queue receivers_;  // not empty only while the ring is empty

    const element_operations& operations_;
    const std::size_t capacity_;
    std::byte* const ring_;
    std::atomic<std::size_t> references_{1};
};

/// Counted reference to a channel_core; may be null.
class channel_reference {
public:
    channel_reference() noexcept = default;
    explicit channel_reference(channel_core* adopted) noexcept : core_(adopted) {}
    channel_reference(const channel_reference& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) {
            core_->add_reference();
        }
    }
    channel_reference(channel_reference&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    channel_reference& operator=(channel_reference other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~channel_reference() {
        if (core_ != nullptr) {
            core_->release();
        }
    }

    [[nodiscard]] channel_core* get() const noexcept { return core_; }
    channel_core* operator->() const noexcept { return core_; }

private:
    channel_core* core_ = nullptr;
};

} // namespace moor::detail
