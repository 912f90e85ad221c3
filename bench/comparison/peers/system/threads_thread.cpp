// See threads_thread.hpp.
#include "peers/system/threads_thread.hpp"

#include <string>
#include <system_error>
#include <utility>

#include "peers/support/peer.hpp"
#include "win/windows.hpp"

#include <process.h>

namespace moor::bench::peers {

struct system_thread::state {
    explicit state(std::function<void()> run) : body(std::move(run)) {}
    ~state() {
        if (handle != nullptr) {
            ::WaitForSingleObject(handle, INFINITE);
            ::CloseHandle(handle);
        }
    }
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    static unsigned __stdcall run(void* argument) {
        auto& self = *static_cast<state*>(argument);
        try {
            self.body();
        } catch (...) {
            self.error = std::current_exception();
        }
        return 0;
    }

    std::function<void()> body;
    std::exception_ptr error;
    HANDLE handle = nullptr;
};

system_thread::system_thread(std::function<void()> body, std::size_t stack)
    : state_(std::make_unique<state>(std::move(body))) {
    const std::uintptr_t made = ::_beginthreadex(nullptr, static_cast<unsigned>(stack), &state::run, state_.get(),
                                                 STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
    if (made == 0) {
        throw std::system_error(errno, std::generic_category(), "_beginthreadex");
    }
    state_->handle = reinterpret_cast<HANDLE>(made);
}

system_thread::~system_thread() = default;
system_thread::system_thread(system_thread&&) noexcept = default;

void system_thread::join() {
    const std::unique_ptr<state> ended = std::move(state_);
    ::WaitForSingleObject(ended->handle, INFINITE);
    if (ended->error) {
        std::rethrow_exception(ended->error);
    }
}

void refuse_too_many(std::uint64_t threads) {
    constexpr std::uint64_t most = 5'000;
    if (threads > most) {
        throw cannot("more than " + std::to_string(most) + " threads are not tried");
    }
}

void join_all(std::vector<system_thread>& threads) {
    std::exception_ptr first;
    for (auto& thread : threads) {
        try {
            thread.join();
        } catch (...) {
            if (!first) {
                first = std::current_exception();
            }
        }
    }
    threads.clear();
    if (first) {
        std::rethrow_exception(first);
    }
}

} // namespace moor::bench::peers
