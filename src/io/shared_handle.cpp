// Uses and references in one word: close() cancels the calls in progress, and the last use gives the handle back to the
// system (law 2).
#include "io/shared_handle.hpp"

#include <moor/detail/wait.hpp>

#include "iocp/overlapped_calls.hpp"
#include "win/error.hpp"

namespace moor::io {

shared_handle::shared_handle(iocp::io_service& service) noexcept : siblings_(service.handles), runtime_id_(service.id) {
    siblings_.add(*this);
}

shared_handle::~shared_handle() {
    if (!has_closed()) { // its construction failed
        siblings_.remove(*this);
    }
}

bool shared_handle::enter() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & closing_flag) != 0) {
            return false;
        }
    } while (!word_.compare_exchange_weak(word, word + one_use, std::memory_order_acquire, std::memory_order_relaxed));
    return true;
}

bool shared_handle::enter_closing() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & uses_mask) == 0) {
            return false;
        }
    } while (!word_.compare_exchange_weak(word, word + one_use, std::memory_order_acquire, std::memory_order_relaxed));
    return true;
}

void shared_handle::cancel_and_leave() noexcept {
    iocp::cancel_all(borrow());
    leave();
}

void shared_handle::leave() noexcept {
    std::uint64_t word = word_.load(std::memory_order_acquire);
    do {
        if ((word & closing_flag) != 0 && (word & uses_mask) == one_use) {
            close_handle();
            note_end();
            // Only references can have changed meanwhile.
            if (word_.fetch_sub(one_use, std::memory_order_acq_rel) == (closing_flag | one_use)) {
                delete this;
            }
            return;
        }
    } while (!word_.compare_exchange_weak(word, word - one_use, std::memory_order_acq_rel, std::memory_order_acquire));
}

void shared_handle::note_end() noexcept {
    // Acquire-release: what each has done to the handle is before what follows the last.
    if (ends_due_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        siblings_.remove(*this);
    }
}

void shared_handle::release() noexcept {
    if (word_.fetch_sub(reference, std::memory_order_acq_rel) == (closing_flag | reference)) {
        delete this;
    }
}

bool shared_handle::close() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & closing_flag) != 0) {
            return false;
        }
        // With a use of its own, so that the handle stays open until the calls on it are cancelled.
    } while (!word_.compare_exchange_weak(word, (word | closing_flag) + one_use, std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    // Every call that waits has a use or a reference. When there was nothing but the caller's reference, there is
    // nothing to cancel, and the system call for it is saved.
    if (word != reference) {
        iocp::cancel_all(borrow());
        if ((word & uses_mask) != 0) {
            siblings_.watch_closing(*this);
        }
    }
    let_go();
    leave();
    return true;
}

std::error_code shared_handle::close_and_wait(const wait_limit& limit) noexcept {
    close();
    // The caller has a reference, of which the analyzer cannot know.
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete)
    if (has_closed()) {
        return {};
    }
    retain(); // the caller's may go meanwhile
    const std::error_code error = wait_closed(limit);
    release();
    return error;
}

std::error_code shared_handle::wait_closed(const wait_limit& limit) noexcept {
    detail::wait waiting("close", limit);
    detail::waiter node;
    node.ticket = waiting.ticket();
    if (!siblings_.add_waiter(*this, node)) {
        return {};
    }
    const detail::wake_reason reason = waiting.suspend();
    if (reason != detail::wake_reason::notified) {
        siblings_.remove_waiter(*this, node);
    }
    return win::to_error(detail::to_errc(reason));
}

} // namespace moor::io
