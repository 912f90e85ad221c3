// Arms the slots of the ring, delivers what their calls accepted (in completion handlers, which never suspend), and
// queues the coroutines in accept(). Laws 1 and 2: each slot has an operation of its own.
#include "net/listening_socket.hpp"

#include <mutex>
#include <new>

#include "net/failure.hpp"
#include "net/socket_options.hpp"
#include "win/error.hpp"

namespace moor::detail {

void listening_socket::slot_list::push(slot& added) noexcept {
    added.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &added;
    last_ = &added;
}

listening_socket::slot* listening_socket::slot_list::pop() noexcept {
    slot* const taken = first_;
    if (taken != nullptr) {
        first_ = taken->next;
        if (first_ == nullptr) {
            last_ = nullptr;
        }
    }
    return taken;
}

// ---- Opening and closing -----------------------------------------------------------------------------------------

listening_socket::listening_socket(win::unique_socket socket, const endpoint& local, unsigned slots,
                                   iocp::io_service& service)
    : shared_handle(service), socket_(std::move(socket)), local_(local), service_(service), slots_(slots) {
    for (slot& each : slots_) {
        each.owner = this;
        idle_.push(each);
    }
}

listening_socket* listening_socket::open(const endpoint& wanted, const listen_options& options,
                                         std::error_code& error) {
    constexpr unsigned most_outstanding = 4096;
    iocp::io_service* const service = io::current_io().service;
    if (service == nullptr) {
        error = win::to_error(win::misuse::outside_coroutine);
        return nullptr;
    }
    if (options.outstanding_accepts == 0 || options.outstanding_accepts > most_outstanding) {
        error = win::to_error(win::misuse::outstanding_accepts);
        return nullptr;
    }
    const endpoint local = options.dual_stack ? wanted : wanted.unmapped();
    win::unique_socket socket = net::open_tcp(local.family(), error);
    if (!error && options.exclusive_address) {
        error = net::set_exclusive_address(socket);
    }
    if (!error && local.family() == address_family::ipv6) {
        error = net::set_ipv6_only(socket, !options.dual_stack);
    }
    if (!error) {
        error = net::bind(socket, local);
    }
    if (!error) {
        error = net::listen(socket, options.backlog);
    }
    if (!error) {
        error = service->port.associate(socket);
    }
    endpoint bound;
    if (!error) {
        bound = net::local_endpoint(socket, error);
    }
    if (error) {
        return nullptr;
    }
    listening_socket* made = nullptr;
    try {
        made = new listening_socket(std::move(socket), bound, options.outstanding_accepts, *service);
    } catch (const std::bad_alloc&) {
        error = win::to_error(std::errc::not_enough_memory);
        return nullptr;
    }
    // Resources that lack now may be there when somebody accepts; accept() tries again and reports.
    static_cast<void>(made->arm_idle_slots());
    return made;
}

void listening_socket::let_go() noexcept {
    // Whoever takes the lock after this sees the closing flag, so nothing is queued any more.
    slot_list dropped;
    {
        const std::lock_guard guard(lock_);
        acceptors_.wake_all();
        std::swap(dropped, ready_);
    }
    while (slot* const each = dropped.pop()) {
        each->accepted.close();
        each->call = {};
    }
}

SOCKET listening_socket::native_handle() noexcept {
    const use open(*this);
    return open ? socket_.get() : INVALID_SOCKET;
}

// ---- The outstanding calls ---------------------------------------------------------------------------------------

// Stops at the first slot that cannot be armed and says why.
std::error_code listening_socket::arm_idle_slots() noexcept {
    for (;;) {
        slot* idle = nullptr;
        {
            const std::lock_guard guard(lock_);
            idle = closing() ? nullptr : idle_.pop();
            if (idle == nullptr) {
                return {};
            }
            ++active_;
        }
        if (const std::error_code error = arm(*idle)) {
            idle->accepted.close();
            became_idle(*idle);
            return error;
        }
    }
}

std::error_code listening_socket::arm(slot& idle) noexcept {
    const use open(*this);
    if (!open) {
        return win::to_error(std::errc::operation_canceled);
    }
    std::error_code error;
    idle.accepted = net::open_tcp(local_.family(), error);
    if (error) {
        return error;
    }
    idle.call = io::operation_owner::acquire(service_, error);
    if (error) {
        return error;
    }
    iocp::operation& call = *idle.call.release();
    call.complete_to(&on_accepted, &idle);
    begin_call();
    if (iocp::accept(call, socket_, idle.accepted) == iocp::submission::completed) {
        on_accepted(call, &idle); // no packet will come
    } else if (closing()) {
        iocp::cancel_all(borrow()); // close() may have come before the submission
    }
    return {};
}

// On the worker that dequeued the packet, or on the armer's coroutine. Never suspends.
void listening_socket::on_accepted(iocp::operation& completed, void* context) noexcept {
    slot& filled = *static_cast<slot*>(context);
    listening_socket& self = *filled.owner;
    filled.call = io::operation_owner::adopt(completed, self.service_);
    self.deliver(filled);
    self.end_call();
}

void listening_socket::deliver(slot& completed) noexcept {
    bool dropped = false;
    wait_ticket taker;
    claim how = claim::lost;
    {
        const std::lock_guard guard(lock_);
        dropped = closing();
        while (!dropped && how == claim::lost) {
            waiter* const first = acceptors_.pop_front();
            if (first == nullptr) {
                --active_;
                ready_.push(completed);
                break;
            }
            taker = first->ticket;
            how = taker.try_claim(wake_reason::notified);
            if (how != claim::lost) {
                *static_cast<slot**>(first->slot) = &completed;
            }
        }
    }
    if (how != claim::lost) {
        taker.finish(how);
    } else if (dropped) {
        completed.accepted.close();
        completed.call = {};
    }
}

// ---- Accepting ---------------------------------------------------------------------------------------------------

// A slot comes back to the idle list. When it was the last active one nothing will wake the acceptors that still wait:
// one of them looks again, finds that nothing can be armed, and reports why.
void listening_socket::became_idle(slot& emptied) noexcept {
    const std::lock_guard guard(lock_);
    --active_;
    idle_.push(emptied);
    if (active_ == 0 && ready_.empty()) {
        acceptors_.wake_one();
    }
}

listening_socket::slot* listening_socket::take(const wait_limit& limit, std::error_code& error) noexcept {
    for (;;) {
        const std::error_code unarmed = arm_idle_slots();
        slot* given = nullptr;
        waiter node;
        node.slot = static_cast<void*>(&given);
        wait waiting("accept", limit);
        {
            const std::lock_guard guard(lock_);
            if (closing()) {
                error = win::to_error(std::errc::operation_canceled);
                return nullptr;
            }
            if (slot* const ready = ready_.pop()) {
                ++active_;
                return ready;
            }
            if (active_ == 0) {
                if (unarmed) {
                    error = unarmed;
                    acceptors_.wake_one(); // it reports for itself
                    return nullptr;
                }
                continue; // slots came back meanwhile
            }
            node.ticket = waiting.ticket();
            acceptors_.push_back(node);
        }
        const wake_reason reason = waiting.suspend();
        if (reason != wake_reason::notified) {
            const std::lock_guard guard(lock_);
            acceptors_.remove(node);
            error = win::to_error(to_errc(reason));
            return nullptr;
        }
        if (given != nullptr) {
            return given;
        }
    }
}

// The call was made on the listener, whatever it accepts into: so the listener is asked.
std::error_code listening_socket::error_of(slot& completed) noexcept {
    const use open(*this);
    return open ? win::to_error(iocp::socket_error(*completed.call, socket_))
                : win::to_error(std::errc::operation_canceled);
}

stream_socket* listening_socket::make_stream(win::unique_socket accepted, std::error_code& error) noexcept {
    {
        const use open(*this);
        error = open ? iocp::finish_accept(accepted, socket_) : win::to_error(std::errc::operation_canceled);
    }
    if (!error) {
        error = service_.port.associate(accepted);
    }
    if (error) {
        return nullptr;
    }
    auto* const made = new (std::nothrow) stream_socket(std::move(accepted), service_);
    if (made == nullptr) {
        error = win::to_error(std::errc::not_enough_memory);
    }
    return made;
}

stream_socket* listening_socket::accept(const wait_limit& limit, std::error_code& error) {
    // The handle may be destroyed while this waits.
    retain();
    const std::unique_ptr<listening_socket, void (*)(listening_socket*)> kept(
        this, [](listening_socket* self) { self->release(); });
    for (net::patience others;; others.passed_over(limit)) {
        error = closing() ? win::to_error(std::errc::operation_canceled)
                          : io::may_begin(io::current_io(), runtime_id(), limit);
        if (error) {
            return nullptr;
        }
        slot* const taken = take(limit, error);
        if (taken == nullptr) {
            return nullptr;
        }
        const bool by_packet = taken->call->ended_by_packet();
        error = error_of(*taken);
        win::unique_socket accepted = std::move(taken->accepted);
        taken->call = {};
        became_idle(*taken);
        if (error && net::whose_failure(error, by_packet) == net::failure_of::socket) {
            return nullptr; // lack of resources, most likely: not tried again before somebody asks
        }
        static_cast<void>(arm_idle_slots()); // what fails now is reported when no call is outstanding any more
        if (!error) {
            stream_socket* const made = make_stream(std::move(accepted), error);
            if (!error || net::whose_failure(error, false) == net::failure_of::socket) {
                return made;
            }
        }
    }
}

} // namespace moor::detail
