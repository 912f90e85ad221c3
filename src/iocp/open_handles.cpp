// A list under a lock, and a second one of handles that are closing: the system may lose a cancellation, so it is
// requested again (law 2).
#include "iocp/open_handles.hpp"

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

#include "iocp/completion_port.hpp"
#include "iocp/operation.hpp"

namespace moor::iocp {

void open_handles::add(open_handle& opened) noexcept {
    const std::lock_guard guard(lock_);
    opened.next_ = first_;
    if (first_ != nullptr) {
        first_->previous_ = &opened;
    }
    first_ = &opened;
    opened.linked_ = true;
    count_.fetch_add(1, std::memory_order_relaxed);
}

void open_handles::unlink(open_handle& linked) noexcept {
    if (!linked.linked_) {
        return;
    }
    (linked.previous_ != nullptr ? linked.previous_->next_
     : linked.is_closing_        ? first_closing_
                                 : first_) = linked.next_;
    if (linked.next_ != nullptr) {
        linked.next_->previous_ = linked.previous_;
    }
    linked.linked_ = false;
    if (std::exchange(linked.is_closing_, false)) {
        closing_.fetch_sub(1, std::memory_order_relaxed);
    }
}

void open_handles::watch_closing(open_handle& closing) noexcept {
    {
        const std::lock_guard guard(lock_);
        unlink(closing);
        closing.previous_ = nullptr;
        closing.next_ = first_closing_;
        if (first_closing_ != nullptr) {
            first_closing_->previous_ = &closing;
        }
        first_closing_ = &closing;
        closing.linked_ = true;
        closing.is_closing_ = true;
        closing.looked_at_ = 0;
        closing_.fetch_add(1, std::memory_order_relaxed);
    }
    if (port_ != nullptr && pool_of_caller() == nullptr) {
        port_->post_wake(); // the workers may all sleep, and then nobody calls cancel_again()
    }
}

void open_handles::cancel_again() noexcept {
    std::uint64_t look = 0;
    for (;;) {
        std::array<open_handle*, 8> due; // in portions: the lock is not held during system calls
        std::size_t count = 0;
        {
            const std::lock_guard guard(lock_);
            look = look != 0 ? look : ++looks_;
            for (open_handle* each = first_closing_; each != nullptr && count < due.size(); each = each->next_) {
                const std::uint64_t before = std::exchange(each->looked_at_, look);
                if (before != 0 && before != look && each->enter_closing()) {
                    due[count++] = each;
                }
            }
        }
        for (std::size_t index = 0; index < count; ++index) {
            due[index]->cancel_and_leave();
        }
        if (count < due.size()) {
            return;
        }
    }
}

// Whoever waits for the last one takes the lock again before it goes on, so that the list is there until this is done.
void open_handles::remove(open_handle& ended) noexcept {
    const std::lock_guard guard(lock_);
    unlink(ended);
    ended.waiters_.wake_all();
    ended.closed_.store(true, std::memory_order_release); // after the last look at a waiter's node
    if (count_.fetch_sub(1, std::memory_order_relaxed) == 1) {
        waiters_for_none_.wake_all();
    }
}

bool open_handles::add_waiter(open_handle& closing, detail::waiter& node) noexcept {
    const std::lock_guard guard(lock_);
    if (closing.closed_.load(std::memory_order_relaxed)) {
        return false;
    }
    closing.waiters_.push_back(node);
    return true;
}

void open_handles::remove_waiter(open_handle& closing, detail::waiter& node) noexcept {
    const std::lock_guard guard(lock_);
    closing.waiters_.remove(node);
}

// With a reference to it, and out of the list, where it is found once only.
open_handle* open_handles::take_first() noexcept {
    const std::lock_guard guard(lock_);
    open_handle* const taken = first_;
    if (taken != nullptr) {
        unlink(*taken);
        taken->retain_by_list(); // it is open, so it has a reference, or a use that waits for the lock in remove()
    }
    return taken;
}

void open_handles::close_all() noexcept {
    while (open_handle* const taken = take_first()) {
        taken->close_by_list();
        taken->release_by_list();
    }
}

bool open_handles::add_waiter_for_none(detail::waiter& node) noexcept {
    const std::lock_guard guard(lock_);
    if (count() == 0) {
        return false;
    }
    waiters_for_none_.push_back(node);
    return true;
}

} // namespace moor::iocp
