// See loop.hpp.
#include "peers/libuv/loop.hpp"

#include <utility>

#include <fmt/format.h>

namespace moor::bench::peers {
namespace {

std::string explained(int result, const char* what) { return fmt::format("{}: {}", what, uv_strerror(result)); }

} // namespace

void check(int result, const char* what) {
    if (result < 0) {
        throw failed(explained(result, what));
    }
}

event_loop::event_loop() {
    check(uv_loop_init(&loop_), "uv_loop_init");
    loop_.data = this;
    uv_timer_init(&loop_, &watch_);
    uv_unref(reinterpret_cast<uv_handle_t*>(&watch_));
}

event_loop::~event_loop() {
    closing_ = true;
    const auto close = [](uv_handle_t* handle, void*) {
        if (uv_is_closing(handle) == 0) {
            uv_close(handle, nullptr);
        }
    };
    uv_walk(&loop_, close, nullptr);
    // What stop() was called for after the last run would end this one early.
    while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
    }
    uv_loop_close(&loop_);
}

void event_loop::run(std::uint64_t patience_ms) {
    const auto look = [](uv_timer_t* timer) {
        event_loop& self = of(timer);
        if (std::exchange(self.done_before_, self.done_) == self.done_) {
            self.fail("nothing comes any more");
        }
    };
    done_before_ = done_++;
    check(uv_timer_start(&watch_, look, patience_ms, patience_ms), "uv_timer_start");
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_timer_stop(&watch_);
    if (failure_) {
        std::rethrow_exception(std::exchange(failure_, nullptr));
    }
}

void event_loop::fail(std::exception_ptr what) noexcept {
    failure_ = failure_ ? failure_ : std::move(what);
    stop();
}

bool event_loop::succeeded(int result, const char* what) noexcept {
    if (result < 0) {
        fail(explained(result, what));
    }
    return result >= 0;
}

const sockaddr* any_loopback_port() noexcept {
    static const sockaddr_in address = [] {
        sockaddr_in made{};
        uv_ip4_addr("127.0.0.1", 0, &made);
        return made;
    }();
    return reinterpret_cast<const sockaddr*>(&address);
}

} // namespace moor::bench::peers
