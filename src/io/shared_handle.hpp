// A system handle that several coroutines use at a time and any of them may close. A handle's value must not be given
// back to the system while a call may still name it: the system would hand the same value to somebody else. And the
// object must not go while a packet refers to it. One word counts both.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>

#include <moor/wait_limit.hpp>

#include "iocp/io_service.hpp"
#include "win/socket.hpp"

namespace moor::io {

/// Base of sockets and other handles. Lives on the heap and deletes itself when nobody refers to it any more.
///
/// A use (enter … leave) keeps the system handle open; a reference keeps the object. close() ends the first kind: no
/// new use begins, calls that wait are cancelled, and the last use to leave closes the handle. Any thread may call any
/// of this. Belongs to a runtime, whose shutdown closes it at the latest; the object may outlive that.
class shared_handle : public iocp::open_handle {
public:
    /// Begins a use. False when the handle is closing or closed.
    [[nodiscard]] bool enter() noexcept;

    /// Ends a use. The object may be gone when it returns.
    void leave() noexcept;

    /// One more reference; the caller has one, or a use.
    void retain() noexcept { word_.fetch_add(reference, std::memory_order_relaxed); }

    /// One reference less, the last one only after close(). The object may be gone when it returns.
    void release() noexcept;

    /// A call whose packet nobody waits for with a use (a listener's): a reference from its submission, during a use,
    /// until its packet was dequeued. Until then the system may not be done with the handle, closed or not: under Wine
    /// a call that is pending keeps the port.
    void begin_call() noexcept {
        ends_due_.fetch_add(1, std::memory_order_relaxed);
        retain();
    }
    /// The object may be gone when it returns.
    void end_call() noexcept {
        note_end();
        release();
    }

    /// Whether close() was called. A call that has submitted an operation asks this afterwards and cancels the
    /// operation itself if so: either it sees the flag, or close() sees the operation.
    [[nodiscard]] bool closing() const noexcept { return (word_.load(std::memory_order_seq_cst) & closing_flag) != 0; }

    /// Cancels all calls; closes the handle now, or when the last use leaves. False when it was closed before. The
    /// caller has a reference.
    bool close() noexcept;

    /// close(), and waits until the system handle is closed and no call pending on it: its address, port or name is
    /// free then. Errors: timed_out, operation_canceled; the handle closes all the same, later.
    [[nodiscard]] std::error_code close_and_wait(const wait_limit& limit) noexcept;

    /// Whose handle it is; compared with an io_service's id, and good when that is long gone.
    [[nodiscard]] std::uint64_t runtime_id() const noexcept { return runtime_id_; }

    /// One use, as a scope.
    class use {
    public:
        explicit use(shared_handle& used) noexcept : used_(used.enter() ? &used : nullptr) {}
        ~use() {
            if (used_ != nullptr) {
                used_->leave();
            }
        }
        use(const use&) = delete;
        use& operator=(const use&) = delete;

        /// False when the handle is closing: nothing may be done with it.
        explicit operator bool() const noexcept { return used_ != nullptr; }

    private:
        shared_handle* used_;
    };

protected:
    /// Begins with one reference, its creator's, a coroutine of that runtime.
    explicit shared_handle(iocp::io_service& service) noexcept;
    ~shared_handle() override;

private:
    void retain_by_list() noexcept override { retain(); }
    void release_by_list() noexcept override { release(); }
    void close_by_list() noexcept override { close(); }
    /// One use more while others last.
    [[nodiscard]] bool enter_closing() noexcept override;
    void cancel_and_leave() noexcept override;

    /// The system handle; valid during a use.
    [[nodiscard]] virtual win::io_handle borrow() const noexcept = 0;
    /// Called once, by close(), when no new use begins any more and calls were cancelled: gives up what they brought.
    virtual void let_go() noexcept {}
    /// Called once, by the last use.
    virtual void close_handle() noexcept = 0;

    static constexpr std::uint64_t one_use = 1;
    static constexpr std::uint64_t uses_mask = (std::uint64_t{1} << 31) - 1;
    static constexpr std::uint64_t closing_flag = std::uint64_t{1} << 31;
    static constexpr std::uint64_t reference = std::uint64_t{1} << 32;

    // Uses in bits 0-30, the flag, references above. Since no use begins under the flag, a last use that sees itself
    // alone stays so. Leaving releases what was done with the handle, to whoever closes it.
    std::atomic<std::uint64_t> word_{reference};

    [[nodiscard]] std::error_code wait_closed(const wait_limit& limit) noexcept;
    /// The last of the handle's own end and of its calls' tells the list.
    void note_end() noexcept;

    std::atomic<std::uint32_t> ends_due_{1};
    iocp::open_handles& siblings_; // there until has_closed()
    const std::uint64_t runtime_id_;
};

/// For std::unique_ptr: closes and gives the reference back.
struct close_and_release {
    void operator()(shared_handle* owned) const noexcept {
        owned->close();
        owned->release();
    }
};

} // namespace moor::io
