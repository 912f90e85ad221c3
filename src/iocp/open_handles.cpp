// See open_handles.hpp.
#include "iocp/open_handles.hpp"

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

#include "iocp/completion_port.hpp"
#include "iocp/io_context.hpp"
#include "iocp/overlapped_calls.hpp"
#include "iocp/shared_handle.hpp"
#include "win/error.hpp"

namespace moor::iocp {

using detail::wake_reason;

void open_handles::add(shared_handle& opened) noexcept {
    handle_place& place = opened.place_;
    const std::lock_guard guard(lock_);
    place.next = first_;
    if (first_ != nullptr) {
        first_->place_.previous = &opened;
    }
    first_ = &opened;
    place.linked = true;
    count_.fetch_add(1, std::memory_order_relaxed);
}

void open_handles::unlink(shared_handle& linked) noexcept {
    handle_place& place = linked.place_;
    if (!place.linked) {
        return;
    }
    (place.previous != nullptr ? place.previous->place_.next : place.is_closing ? first_closing_ : first_) = place.next;
    if (place.next != nullptr) {
        place.next->place_.previous = place.previous;
    }
    place.linked = false;
    if (std::exchange(place.is_closing, false)) {
        closing_.fetch_sub(1, std::memory_order_relaxed);
    }
}

void open_handles::watch_closing(shared_handle& closing) noexcept {
    handle_place& place = closing.place_;
    {
        const std::lock_guard guard(lock_);
        unlink(closing);
        place.previous = nullptr;
        place.next = first_closing_;
        if (first_closing_ != nullptr) {
            first_closing_->place_.previous = &closing;
        }
        first_closing_ = &closing;
        place.linked = true;
        place.is_closing = true;
        place.looked_at = 0;
        closing_.fetch_add(1, std::memory_order_relaxed);
    }
    if (port_ != nullptr && current_io().service == nullptr) {
        port_->post_wake(); // the workers may all sleep, and then nobody calls cancel_again()
    }
}

void open_handles::cancel_again() noexcept {
    std::uint64_t look = 0;
    for (;;) {
        std::array<shared_handle*, 8> due; // in portions: the lock is not held during system calls
        std::size_t count = 0;
        {
            const std::lock_guard guard(lock_);
            look = look != 0 ? look : ++looks_;
            for (shared_handle* each = first_closing_; each != nullptr && count < due.size();
                 each = each->place_.next) {
                const std::uint64_t before = std::exchange(each->place_.looked_at, look);
                if (before != 0 && before != look && each->enter_closing()) {
                    due[count++] = each;
                }
            }
        }
        for (std::size_t index = 0; index < count; ++index) {
            cancel_all(due[index]->borrow());
            due[index]->leave();
        }
        if (count < due.size()) {
            return;
        }
    }
}

// Whoever waits for the last one takes the lock again before it goes on, so that the list is there until this is done.
void open_handles::remove(shared_handle& ended) noexcept {
    const std::lock_guard guard(lock_);
    unlink(ended);
    ended.place_.waiters.wake_all();
    ended.place_.closed.store(true, std::memory_order_release); // after the last look at a waiter's node
    if (count_.fetch_sub(1, std::memory_order_relaxed) == 1) {
        waiters_for_none_.wake_all();
    }
}

std::error_code open_handles::wait_closed(shared_handle& closing, const wait_limit& limit) noexcept {
    detail::waiter node;
    detail::wait waiting("close", limit);
    {
        const std::lock_guard guard(lock_);
        if (closing.place_.closed.load(std::memory_order_relaxed)) {
            return {};
        }
        node.ticket = waiting.ticket();
        closing.place_.waiters.push_back(node);
    }
    const wake_reason reason = waiting.suspend();
    if (reason == wake_reason::notified) {
        return {};
    }
    const std::lock_guard guard(lock_);
    closing.place_.waiters.remove(node);
    return win::to_error(detail::to_errc(reason));
}

// With a reference to it, and out of the list, where it is found once only.
shared_handle* open_handles::take_first() noexcept {
    const std::lock_guard guard(lock_);
    shared_handle* const taken = first_;
    if (taken != nullptr) {
        unlink(*taken);
        taken->retain(); // it is open, so it has a reference, or a use that waits for the lock in remove()
    }
    return taken;
}

void open_handles::close_all() noexcept {
    while (shared_handle* const taken = take_first()) {
        taken->close();
        taken->release();
    }
}

void open_handles::wait_until_none() noexcept {
    const wait_limit unlimited;
    for (;;) {
        detail::waiter node;
        detail::wait waiting("shutdown", unlimited, detail::stop_request::ignored);
        {
            const std::lock_guard guard(lock_);
            if (count() == 0) {
                return;
            }
            node.ticket = waiting.ticket();
            waiters_for_none_.push_back(node);
        }
        static_cast<void>(waiting.suspend());
    }
}

} // namespace moor::iocp
