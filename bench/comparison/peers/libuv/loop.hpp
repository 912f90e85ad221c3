// A libuv loop as a job uses it. What callbacks find wrong ends the run and is thrown by it, since an exception must
// not pass through libuv, which is C; and a timer watches that something happens, so that no run hangs.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include <uv.h>

#include "peers/support/peer.hpp"

namespace moor::bench::peers {

/// Throws failed for an error number of libuv. Not in callbacks.
void check(int result, const char* what);

/// One thread at a time uses it. The handles on it must live longer than it does.
class event_loop {
public:
    event_loop();
    /// Closes all handles.
    ~event_loop();
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

    [[nodiscard]] uv_loop_t* get() noexcept { return &loop_; }
    [[nodiscard]] static event_loop& of(const void* handle) noexcept {
        return *static_cast<event_loop*>(static_cast<const uv_handle_t*>(handle)->loop->data);
    }

    /// Handles callbacks until one of them calls stop(). Throws what one of them has failed with, and failed when
    /// nothing was done() for longer than twice that.
    void run(std::uint64_t patience_ms = 10'000);

    // For callbacks.

    void stop() noexcept { uv_stop(&loop_); }
    void done() noexcept { ++done_; }
    void fail(const std::string& what) noexcept { fail(std::make_exception_ptr(failed(what))); }
    void fail(std::exception_ptr what) noexcept;
    /// Calls `work`, and keeps what it throws for run().
    template <class function>
    void guard(const function& work) noexcept {
        try {
            work();
        } catch (...) {
            fail(std::current_exception());
        }
    }
    /// The same as check() outside of callbacks. Returns whether there was no error.
    [[nodiscard]] bool succeeded(int result, const char* what) noexcept;
    /// Handles are being closed by the destructor: no callback has to begin anything.
    [[nodiscard]] bool closing() const noexcept { return closing_; }

private:
    uv_loop_t loop_{};
    uv_timer_t watch_{};
    std::uint64_t done_ = 0;
    std::uint64_t done_before_ = 0; // when watch_ looked
    bool closing_ = false;
    std::exception_ptr failure_;
};

/// A port of the loopback interface that is free, as an address.
[[nodiscard]] const sockaddr* any_loopback_port() noexcept;

} // namespace moor::bench::peers
