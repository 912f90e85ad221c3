// Law 1 for calls that the library does not know: their OVERLAPPED and scratch are an operation's.
#include <moor/overlapped.hpp>

#include <new>

#include <moor/stack.hpp>

#include "io/io_context.hpp"
#include "io/shared_handle.hpp"
#include "iocp/overlapped_calls.hpp"
#include "win/error.hpp"
#include "win/throwing.hpp"

namespace moor {

namespace detail {

class overlapped_file final : public io::shared_handle {
public:
    overlapped_file(win::unique_handle handle, bool skips_packet_on_success, iocp::io_service& service) noexcept
        : shared_handle(service), handle_(std::move(handle)), skips_packet_on_success_(skips_packet_on_success) {}

    std::uint32_t call(const overlapped_steps& steps, const wait_limit& limit, std::error_code& error) {
        error.clear();
        const use open(*this);
        if (!open) {
            error = win::to_error(std::errc::operation_canceled);
            return 0;
        }
        const io::io_context here = io::current_io();
        error = io::may_begin(here, runtime_id(), limit);
        if (error) {
            return 0;
        }
        const auto call = io::operation_owner::acquire(*here.service, error);
        if (!call) {
            return 0;
        }
        auto reason = wake_reason::notified;
        if (start(*call, steps) == iocp::submission::pending) {
            if (closing()) {
                iocp::cancel(*call, borrow());
            }
            reason = io::await(*call, borrow(), limit);
        } else {
            io::share_worker(here);
        }
        error = io::outcome(call->error(), reason, closing());
        if (steps.finish != nullptr) {
            on_system_stack([&] {
                steps.finish(
                    steps.finish_context,
                    std::span<const std::byte>(call->parameters.scratch).first(overlapped_handle::scratch_size));
            });
        }
        return call->transferred();
    }

    [[nodiscard]] HANDLE native_handle() noexcept {
        const use open(*this);
        return open ? handle_.get() : nullptr;
    }

private:
    // The caller's data may lie on the coroutine's stack, and the kernel has its address from the submission on. On the
    // thread's system stack `start` may call what it likes after it has submitted, and law 3 holds: nothing of the
    // library moves the other stack before the call has ended.
    iocp::submission start(iocp::operation& call, const overlapped_steps& steps) const noexcept {
        call.begin();
        OVERLAPPED& overlapped = call.parameters.overlapped;
        const std::uint32_t error = on_system_stack([&]() noexcept {
            return steps.start(steps.start_context, &overlapped,
                               std::span(call.parameters.scratch).first(overlapped_handle::scratch_size));
        });
        return call.returned(error, skips_packet_on_success_);
    }

    [[nodiscard]] win::io_handle borrow() const noexcept override {
        return win::io_handle(handle_.get(), skips_packet_on_success_);
    }
    void close_handle() noexcept override { handle_.close(); }

    win::unique_handle handle_;
    const bool skips_packet_on_success_;
};

void close_overlapped_file::operator()(overlapped_file* owned) const noexcept { io::close_and_release{}(owned); }

} // namespace detail

static_assert(overlapped_handle::scratch_size <= sizeof(iocp::kernel_parameters::scratch));

overlapped_handle::overlapped_handle(void* native_handle) {
    win::or_throw("moor: overlapped_handle", [&](std::error_code& error) { *this = adopt(native_handle, error); });
}

overlapped_handle overlapped_handle::adopt(void* native_handle, std::error_code& error) {
    error.clear();
    overlapped_handle made;
    win::unique_handle handle(native_handle);
    iocp::io_service* const service = io::current_io().service;
    if (service == nullptr) {
        error = win::to_error(win::misuse::outside_coroutine);
        return made;
    }
    bool skips = false;
    error = handle ? service->port.associate(handle.get(), skips) : win::to_error(ERROR_INVALID_HANDLE);
    if (!error) {
        made.file_.reset(new detail::overlapped_file(std::move(handle), skips, *service));
    }
    return made;
}

std::uint32_t overlapped_handle::call_throwing(const detail::overlapped_steps& steps, const wait_limit& limit) {
    return win::or_throw("moor: overlapped call",
                         [&](std::error_code& error) { return call_erased(steps, limit, error); });
}

std::uint32_t overlapped_handle::call_erased(const detail::overlapped_steps& steps, const wait_limit& limit,
                                             std::error_code& error) {
    if (!file_) {
        error = win::to_error(std::errc::bad_file_descriptor);
        return 0;
    }
    return file_->call(steps, limit, error);
}

void overlapped_handle::close() noexcept {
    if (file_) {
        file_->close();
    }
}

void overlapped_handle::close_and_wait(const wait_limit& limit, std::error_code& error) {
    error.clear();
    if (file_) {
        error = file_->close_and_wait(limit);
    }
}

void overlapped_handle::close_and_wait(const wait_limit& limit) {
    win::or_throw("moor: close_and_wait", [&](std::error_code& error) { close_and_wait(limit, error); });
}

bool overlapped_handle::is_open() const noexcept { return file_ && !file_->closing(); }

void* overlapped_handle::native_handle() const noexcept { return file_ ? file_->native_handle() : nullptr; }

} // namespace moor
