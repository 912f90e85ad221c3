// Laws 1 and 2: everything that the system may write to after an overlapped call has returned lives in a pooled
// heap object, and that object returns to its pool only when its completion packet was dequeued or provably will never
// come.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <moor/detail/wait_ticket.hpp>

#include "win/slab.hpp"
#include "win/windows.hpp"

namespace moor::iocp {

class operation_pool;

/// All memory whose address a system call is given, other than the caller's data. Only overlapped_calls.cpp hands these
/// addresses out; results are read from here after the completion.
struct kernel_parameters {
    /// How many data buffers one call can carry; longer lists are split into several calls.
    static constexpr std::size_t most_buffers = 16;
    /// AcceptEx wants each address with 16 bytes to spare.
    static constexpr std::size_t accept_address_size = sizeof(sockaddr_storage) + 16;

    OVERLAPPED overlapped{};
    DWORD transferred = 0;
    DWORD flags = 0;
    std::array<WSABUF, most_buffers> buffers{};
    sockaddr_storage address{};
    int address_length = 0;
    /// Names address, buffers and scratch (for control messages) to the calls that take a message.
    WSAMSG message{};
    /// AcceptEx's address block; control messages; scratch for the outputs of a caller's own overlapped call.
    alignas(16) std::array<std::byte, 2 * accept_address_size> scratch{};
};

/// Base of operation, so that an OVERLAPPED's address leads back to its operation by casts that the language defines:
/// first member, then base to derived.
struct operation_base {
    kernel_parameters parameters;
};

/// What became of a submission. A failed one is `completed` with an error in the operation.
enum class submission : bool { completed, pending };

/// What became of a dequeued packet.
enum class packet_outcome : std::uint8_t {
    delivered,  ///< its owner has been told; the operation may be gone
    handled,    ///< its completion handler has run; the operation may be back in its pool
    abandoned,  ///< nobody owns the operation any more: the dequeuer returns it to its pool
    unexpected, ///< the operation awaits no packet; nothing was done
};

/// One overlapped call, from before its submission until its result has been read.
///
/// One coroutine owns it (through operation_owner); the kernel owns `parameters` between submission and the dequeuing
/// of the packet. The only thing that a worker which dequeues a packet and the owner share is `state_`.
/// Alone on its cache lines: neighbours in the pool belong to other workers.
class alignas(64) operation : public operation_base {
public:
    /// Called by the worker that dequeued the packet, with the result readable. It owns the operation from then on.
    /// Short, never suspends, and runs on whatever stack the worker is on.
    using completion_handler = void (*)(operation& completed, void* context) noexcept;

    operation() noexcept = default;
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// The operation whose OVERLAPPED a packet names. The caller knows that it is one (operation_pool::owns).
    [[nodiscard]] static operation& of(OVERLAPPED* overlapped) noexcept;

    // -- The owner --------------------------------------------------------------------------------------------

    /// Before each submission: clean parameters, state pending.
    void begin() noexcept;

    /// Before begin(): a packet will call `handler` instead of waking a ticket, for operations that nobody waits for
    /// one by one (a listener's). Holds until the operation returns to its pool. A call that completes without a packet
    /// does not call it. Such an operation is neither awaited nor abandoned: `context` must outlive the packet.
    void complete_to(completion_handler handler, void* context) noexcept {
        handler_ = handler;
        context_ = context;
    }

    /// The submitted call has returned with the system's `error`: 0 for a success at once, ERROR_IO_PENDING, or
    /// another. `pending` when a packet has come or will; else the result is readable. The kernel posts a packet for
    /// each status that is no error, and leaves it out for each of them when the handle skips packets (FILE_OBJECT,
    /// Microsoft Learn). So the error of a call that has run (ERROR_MORE_DATA of a pipe, WSAEMSGSIZE) decides nothing;
    /// the status in the OVERLAPPED does.
    [[nodiscard]] submission returned(std::uint32_t error, bool skips_packet_on_success) noexcept;

    /// The call completed at once, or failed, and no packet will come.
    void complete_without_packet(std::uint32_t transferred, std::uint32_t error) noexcept;

    /// Whether the packet has been dequeued (or none will come). Acquires the results.
    [[nodiscard]] bool completed() const noexcept { return state_.load(std::memory_order_acquire) == state::completed; }

    /// Arranges that the packet wakes `ticket`. False when it has been dequeued already: there is nothing to wait for.
    [[nodiscard]] bool wake_on_completion(detail::wait_ticket ticket) noexcept {
        ticket_ = ticket;
        state expected = state::pending;
        return state_.compare_exchange_strong(expected, state::waiting, std::memory_order_acq_rel,
                                              std::memory_order_acquire);
    }

    /// After a wait that ended otherwise: takes the ticket back. False when the packet has been dequeued meanwhile; the
    /// operation is completed then.
    bool withdraw() noexcept;

    /// After a wait that the packet ended.
    void woken() noexcept { state_.store(state::completed, std::memory_order_relaxed); }

    /// Gives up ownership of a pending operation: whoever dequeues the packet returns it to the pool. False when it has
    /// been dequeued: the caller still owns it then. Only for calls without caller's data buffers.
    [[nodiscard]] bool abandon() noexcept;

    /// Valid once completed: bytes, and the error (0 for success). After a packet that is the kernel's status as a
    /// Win32 number, which for a socket is not Winsock's (overlapped_calls.hpp, socket_error); else what the call
    /// reported.
    [[nodiscard]] std::uint32_t transferred() const noexcept { return transferred_; }
    [[nodiscard]] std::uint32_t error() const noexcept { return error_; }
    [[nodiscard]] bool ended_by_packet() const noexcept { return ended_by_packet_; }

    // -- The worker that dequeued the packet -------------------------------------------------------------------

    /// Stores the result and wakes the owner (or calls the handler).
    [[nodiscard]] packet_outcome packet_dequeued(std::uint32_t transferred) noexcept;

    // -- Reports -----------------------------------------------------------------------------------------------

    /// What it is in the middle of, while the system may write to `parameters`; null while it may not. Any thread; it
    /// may be over by the time that it is looked at.
    [[nodiscard]] const char* in_flight() const noexcept {
        switch (state_.load(std::memory_order_acquire)) {
        case state::pending: return "pending";
        case state::waiting: return "waited for";
        case state::abandoned: return "abandoned";
        default: return nullptr;
        }
    }

    // -- The pool ----------------------------------------------------------------------------------------------

    operation* next_free = nullptr;

    /// Nobody's from here on: no handler, awaits no packet.
    void retire() noexcept;

private:
    enum class state : std::uint32_t {
        idle,      // in the pool, or acquired and not submitted
        pending,   // submitted (or about to be); nobody waits
        waiting,   // ticket_ is valid
        claiming,  // packet dequeued while waiting; ticket_ is being claimed
        completed, // result valid, owner's
        abandoned, // no owner
    };

    // Transitions. Owner: idle/completed -> pending (relaxed: the submission itself publishes it), pending -> waiting
    // (release: publishes ticket_), waiting -> pending, pending -> abandoned. Dequeuer: pending -> completed, waiting
    // -> claiming (acquire: ticket_), and claiming -> completed when the claim was lost (release: the owner, spinning
    // in withdraw(), reuses the operation after that). When the claim was won the operation is no longer the
    // dequeuer's, and the owner stores completed itself in woken(). A packet that finds idle or completed is not ours
    // and changes nothing.
    std::atomic<state> state_{state::idle};
    std::uint32_t transferred_ = 0;
    std::uint32_t error_ = 0;
    bool ended_by_packet_ = false;
    detail::wait_ticket ticket_;
    // Written by the owner before the submission, which publishes them; read by the dequeuer while state_ is pending.
    completion_handler handler_ = nullptr;
    void* context_ = nullptr;
};

/// A worker's share of the pool: its free operations and its part of the count. Only that worker writes it.
struct operation_cache {
    win::free_list<operation> free;
    /// Acquired minus released by this worker; negative when others acquired what it released. An acquired operation is
    /// in use, pending or not. Any thread may read.
    std::atomic<std::int64_t> balance{0};
    /// Calls of this worker's coroutines that needed no wait; see share_worker.
    std::uint32_t completed_at_once = 0;
};

/// The operations of one runtime: slab memory that is never returned while the runtime lives, so that every OVERLAPPED
/// address which the kernel can still name is the address of an operation.
class operation_pool {
public:
    explicit operation_pool(std::size_t capacity = std::size_t{1} << 20) : slab_(capacity) {}

    /// With the calling worker's cache; null for a thread that has none.
    /// Throws std::system_error not_enough_memory.
    [[nodiscard]] operation& acquire(operation_cache* cache);

    /// An operation that is not pending. From any worker, whoever acquired it.
    void release(operation& finished, operation_cache* cache) noexcept;

    /// Whether the address in a packet is that of one of these operations' OVERLAPPED.
    [[nodiscard]] bool owns(const OVERLAPPED* overlapped) const noexcept;

    /// The part of the count that belongs to no worker; add every cache's balance for the number in use.
    [[nodiscard]] std::int64_t shared_balance() const noexcept {
        return shared_balance_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] std::size_t allocated() const noexcept { return slab_.size(); }

    /// Calls `visit` with every operation, free or not. Any thread; takes no lock. For reports.
    template <class Visitor>
    void for_each(Visitor&& visit) {
        slab_.for_each(std::forward<Visitor>(visit));
    }

private:
    win::slab<operation> slab_;
    std::atomic<std::int64_t> shared_balance_{0};
};

/// The pool of the runtime whose worker the calling thread is; null on other threads. The scheduler defines it.
[[nodiscard]] const operation_pool* pool_of_caller() noexcept;

} // namespace moor::iocp
