// Any other overlapped call as a blocking one: files, pipes, devices. The caller starts the call with an OVERLAPPED
// that the library owns, and the coroutine waits for its completion.
//
//     moor::overlapped_handle file(
//         ::CreateFileW(path, GENERIC_READ, 0, nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
//     const auto count = file.call([&](OVERLAPPED* overlapped, std::span<std::byte>) -> std::uint32_t {
//         overlapped->Offset = 4096;
//         return ::ReadFile(file.native_handle(), buffer.data(), size, nullptr, overlapped) ? 0 : ::GetLastError();
//     });
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <type_traits>

#include <moor/wait_limit.hpp>

struct _OVERLAPPED; // the Windows headers' OVERLAPPED

namespace moor {

namespace detail {

class overlapped_file;

struct close_overlapped_file {
    void operator()(overlapped_file* owned) const noexcept;
};

/// The caller's two functions, type-erased; both live in call()'s frame.
struct overlapped_steps {
    std::uint32_t (*start)(void* context, _OVERLAPPED* overlapped, std::span<std::byte> scratch) noexcept;
    void* start_context;
    void (*finish)(void* context, std::span<const std::byte> scratch); // may be null
    void* finish_context;
};

} // namespace detail

/// What starts an overlapped call: returns the call's Win32 error, 0 when it succeeded at once, ERROR_IO_PENDING, or
/// another.
template <class Start>
concept overlapped_start = std::is_invocable_r_v<std::uint32_t, Start&, _OVERLAPPED*, std::span<std::byte>>;

/// Owns a HANDLE that was opened for overlapped I/O, and makes its calls wait in the coroutine. Move-only; the handle
/// closes with it, by close(), or when its runtime ends. Any number of calls at a time.
class overlapped_handle {
public:
    /// Bytes that `start` gets as scratch.
    static constexpr std::size_t scratch_size = 256;

    /// Empty; every call reports bad_file_descriptor.
    overlapped_handle() noexcept = default;

    /// Takes over `native_handle` (opened with FILE_FLAG_OVERLAPPED, bound to no completion port) and closes it in the
    /// end, also when this throws. Only from a coroutine. Throws std::system_error: operation_not_permitted outside a
    /// coroutine, or the system's error, for an invalid handle too.
    explicit overlapped_handle(void* native_handle);
    /// The same without throwing but for std::bad_alloc: empty with `error` set, and the handle is closed then.
    [[nodiscard]] static overlapped_handle adopt(void* native_handle, std::error_code& error);

    /// Has `start(overlapped, scratch)` start one call on this handle, suspends the coroutine until it has completed,
    /// and returns the number of bytes transferred. A point where the coroutine can be stopped.
    ///
    /// `overlapped` is zeroed; `start` may set Offset and OffsetHigh and leaves hEvent alone. Every pointer
    /// through which the call reports something (a byte count, flags, a length) must be null or point into `scratch`,
    /// since the system may write there after the call has returned. The data buffer is the caller's and may be on its
    /// stack, which does not move before the call has ended. `start` runs on the worker's system stack
    /// (on_system_stack), so there is room for Win32; it must not throw, and must start exactly one call, or none and
    /// return an error. One that suspends ends the process with a message.
    ///
    /// What `start` returns need not say whether the call runs: ERROR_MORE_DATA, for one, is a warning, after which the
    /// system still reports completion. The library looks at the status in the OVERLAPPED.
    ///
    /// Errors: the call's own, in winsock_category(); timed_out and operation_canceled, after the call was cancelled
    /// and has completed; operation_canceled when the handle was closed, before or meanwhile; operation_not_permitted
    /// from anywhere but a coroutine of the handle's runtime; bad_file_descriptor for an empty object;
    /// not_enough_memory. The bytes transferred are returned with an error too (ERROR_MORE_DATA of a message pipe).
    template <overlapped_start Start>
    std::uint32_t call(Start&& start, const wait_limit& limit = no_limit) {
        return call_throwing(steps_of(start), limit);
    }
    template <overlapped_start Start>
    std::uint32_t call(Start&& start, const wait_limit& limit, std::error_code& error) {
        return call_erased(steps_of(start), limit, error);
    }

    /// The same, and `finish(scratch)` reads what the completed call left in the scratch bytes, whatever its error. It
    /// runs on the worker's system stack, too, and must not suspend; what it throws, call() throws.
    template <overlapped_start Start, std::invocable<std::span<const std::byte>> Finish>
    std::uint32_t call(Start&& start, Finish&& finish, const wait_limit& limit = no_limit) {
        return call_throwing(steps_of(start, finish), limit);
    }
    template <overlapped_start Start, std::invocable<std::span<const std::byte>> Finish>
    std::uint32_t call(Start&& start, Finish&& finish, const wait_limit& limit, std::error_code& error) {
        return call_erased(steps_of(start, finish), limit, error);
    }

    /// Closes the handle; calls in progress report operation_canceled. Does not suspend; any coroutine. A second call
    /// does nothing. The system's handle may stay open until those calls have ended: see close_and_wait.
    void close() noexcept;

    /// close(), and waits until the system has its handle back: its file or pipe can be opened again. close() itself
    /// cannot promise that, since calls in progress end first, each on its coroutine. Suspends; any coroutine but one
    /// inside a call on this object, or a plain thread, while the runtime lives. Errors: timed_out, operation_canceled;
    /// the handle closes all the same, later.
    void close_and_wait(const wait_limit& limit = no_limit);
    void close_and_wait(const wait_limit& limit, std::error_code& error);

    /// False for an empty object and after close(). Never suspends.
    [[nodiscard]] bool is_open() const noexcept;

    /// The HANDLE; stays owned by this object. Null when there is none, or it was closed.
    [[nodiscard]] void* native_handle() const noexcept;

private:
    template <class Start>
    static detail::overlapped_steps steps_of(Start& start) noexcept {
        return {[](void* context, _OVERLAPPED* overlapped, std::span<std::byte> scratch) noexcept -> std::uint32_t {
                    return (*static_cast<std::remove_reference_t<Start>*>(context))(overlapped, scratch);
                },
                address_of(start), nullptr, nullptr};
    }

    template <class Start, class Finish>
    static detail::overlapped_steps steps_of(Start& start, Finish& finish) noexcept {
        detail::overlapped_steps steps = steps_of(start);
        steps.finish = [](void* context, std::span<const std::byte> scratch) {
            (*static_cast<std::remove_reference_t<Finish>*>(context))(scratch);
        };
        steps.finish_context = address_of(finish);
        return steps;
    }

    template <class Function>
    static void* address_of(Function& function) noexcept {
        return const_cast<void*>(static_cast<const void*>(std::addressof(function)));
    }

    std::uint32_t call_throwing(const detail::overlapped_steps& steps, const wait_limit& limit);
    std::uint32_t call_erased(const detail::overlapped_steps& steps, const wait_limit& limit, std::error_code& error);

    std::unique_ptr<detail::overlapped_file, detail::close_overlapped_file> file_;
};

} // namespace moor
