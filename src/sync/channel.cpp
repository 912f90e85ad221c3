// A sender that meets a waiting receiver moves its value straight into the receiver's frame (and the other way round),
// so an unbuffered message costs one move and no allocation.
#include <moor/channel.hpp>

#include <algorithm>
#include <limits>
#include <mutex>
#include <new>
#include <string>

#include "sync/waiting.hpp"
#include "win/error.hpp"

namespace moor {
namespace {

class channel_error_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "channel"; }

    [[nodiscard]] std::string message(int code) const override {
        return code == static_cast<int>(channel_errc::closed) ? "the channel is closed"
                                                              : "channel error " + std::to_string(code);
    }
};

} // namespace

const std::error_category& channel_category() noexcept {
    static const channel_error_category category;
    return category;
}

namespace detail {

std::error_code to_error_code(channel_result result) noexcept {
    switch (result) {
    case channel_result::done: break;
    case channel_result::would_wait: return win::to_error(std::errc::resource_unavailable_try_again);
    case channel_result::closed: return channel_errc::closed;
    case channel_result::timed_out: return win::to_error(std::errc::timed_out);
    case channel_result::stopped: return win::to_error(std::errc::operation_canceled);
    case channel_result::no_channel: return win::to_error(win::misuse::no_channel);
    }
    return {};
}

void throw_channel_error(channel_result result, const char* what) {
    throw std::system_error(to_error_code(result), what);
}

// The ring follows the object in the same block.
channel_core* channel_core::create(const element_operations& operations, std::size_t capacity) {
    const std::size_t alignment = std::max(alignof(channel_core), operations.alignment);
    const std::size_t ring_offset =
        (sizeof(channel_core) + operations.alignment - 1) / operations.alignment * operations.alignment;
    if (capacity > (std::numeric_limits<std::size_t>::max() - ring_offset) / operations.size) {
        throw std::bad_array_new_length();
    }
    void* const block = ::operator new(ring_offset + capacity * operations.size, std::align_val_t(alignment));
    return ::new (block) channel_core(operations, capacity, static_cast<std::byte*>(block) + ring_offset);
}

channel_core::channel_core(const element_operations& operations, std::size_t capacity, std::byte* ring) noexcept
    : operations_(operations), capacity_(capacity), ring_(ring) {}

void channel_core::destroy() noexcept {
    for (; count_ != 0; --count_) {
        operations_.drop(cell(head_));
        head_ = wrapped(head_ + 1);
    }
    const std::size_t alignment = std::max(alignof(channel_core), operations_.alignment);
    this->~channel_core();
    ::operator delete(static_cast<void*>(this), std::align_val_t(alignment));
}

channel_waiter* channel_core::claim_first(wait_queue& queue, claimed_partner& partner) noexcept {
    while (waiter* const first = queue.pop_front()) {
        partner.how = first->ticket.try_claim(wake_reason::notified);
        if (partner.how != claim::lost) {
            partner.ticket = first->ticket;
            return static_cast<channel_waiter*>(first);
        }
    }
    return nullptr;
}

channel_result channel_core::offer(void* value, claimed_partner& partner) noexcept {
    if (closed_) {
        return channel_result::closed;
    }
    if (channel_waiter* const receiver = claim_first(receivers_, partner)) {
        operations_.take(receiver->slot, value);
        receiver->result = channel_result::done;
        return channel_result::done;
    }
    if (count_ == capacity_) {
        return channel_result::would_wait;
    }
    put_last(value);
    return channel_result::done;
}

void channel_core::put_last(void* value) noexcept {
    operations_.put(cell(wrapped(head_ + count_)), value);
    ++count_;
}

void channel_core::take_first(void* into) noexcept {
    void* const oldest = cell(head_);
    operations_.take(into, oldest);
    operations_.drop(oldest);
    head_ = wrapped(head_ + 1);
    --count_;
}

channel_result channel_core::poll(void* into, claimed_partner& partner) noexcept {
    if (count_ != 0) {
        take_first(into);
        if (channel_waiter* const sender = claim_first(senders_, partner)) {
            put_last(sender->slot);
            sender->result = channel_result::done;
        }
        return channel_result::done;
    }
    if (channel_waiter* const sender = claim_first(senders_, partner)) {
        operations_.take(into, sender->slot);
        sender->result = channel_result::done;
        return channel_result::done;
    }
    return closed_ ? channel_result::closed : channel_result::would_wait;
}

// Enters with lock_ held and leaves without it, like the two after it.
channel_result channel_core::wait_for_partner(wait_queue& queue, void* slot, const wait_limit& limit) noexcept {
    wait waiting(&queue == &senders_ ? "channel send" : "channel receive", limit);
    channel_waiter node;
    node.slot = slot;
    switch (wait_in(queue, lock_, node, waiting)) {
    case wake_reason::notified: break;
    case wake_reason::timed_out: return channel_result::timed_out;
    case wake_reason::stopped: return channel_result::stopped;
    }
    return node.result;
}

channel_result channel_core::send_locked(void* value, const wait_limit& limit) noexcept {
    claimed_partner partner;
    const channel_result result = offer(value, partner);
    if (result == channel_result::would_wait) {
        return wait_for_partner(senders_, value, limit);
    }
    lock_.unlock();
    partner.finish();
    return result;
}

channel_result channel_core::receive_locked(void* into, const wait_limit& limit) noexcept {
    claimed_partner partner;
    const channel_result result = poll(into, partner);
    if (result == channel_result::would_wait) {
        return wait_for_partner(receivers_, into, limit);
    }
    lock_.unlock();
    partner.finish();
    return result;
}

// send() and receive() have no frame of their own while they wait: each return that the processor predicts for another
// coroutine costs as much as half a switch.
channel_result channel_core::send(void* value, const wait_limit& limit) noexcept {
    if (stop_is_due(limit)) {
        return channel_result::stopped;
    }
    lock_.lock();
    if (!closed_ && receivers_.empty()) {
        if (count_ == capacity_) {
            return wait_for_partner(senders_, value, limit);
        }
        put_last(value);
        lock_.unlock();
        return channel_result::done;
    }
    return send_locked(value, limit);
}

channel_result channel_core::try_send(void* value) noexcept {
    claimed_partner partner;
    lock_.lock();
    const channel_result result = offer(value, partner);
    lock_.unlock();
    partner.finish();
    return result;
}

channel_result channel_core::receive(void* into, const wait_limit& limit) noexcept {
    if (stop_is_due(limit)) {
        return channel_result::stopped;
    }
    lock_.lock();
    if (senders_.empty()) {
        if (count_ != 0) {
            take_first(into);
            lock_.unlock();
            return channel_result::done;
        }
        if (!closed_) {
            return wait_for_partner(receivers_, into, limit);
        }
    }
    return receive_locked(into, limit);
}

channel_result channel_core::try_receive(void* into) noexcept {
    claimed_partner partner;
    lock_.lock();
    const channel_result result = poll(into, partner);
    lock_.unlock();
    partner.finish();
    return result;
}

bool channel_core::close() noexcept {
    claimed_list woken;
    lock_.lock();
    const bool first = !closed_;
    closed_ = true;
    for (wait_queue* const queue : {&senders_, &receivers_}) {
        while (waiter* const node = woken.claim_first(*queue)) {
            static_cast<channel_waiter*>(node)->result = channel_result::closed;
        }
    }
    lock_.unlock();
    woken.finish();
    return first;
}

std::size_t channel_core::size() noexcept {
    const std::lock_guard guard(lock_);
    return count_;
}

bool channel_core::is_closed() noexcept {
    const std::lock_guard guard(lock_);
    return closed_;
}

} // namespace detail
} // namespace moor
