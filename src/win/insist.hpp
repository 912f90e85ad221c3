// The one rule for system calls on which somebody waits: those that wake a worker, end a wait or cancel a call. One
// that was refused and forgotten is a coroutine that hangs for ever without a word. So what the system may grant later
// is asked for again, and what it will not grant ends the process with its name.
#pragma once

#include <cstdint>
#include <optional>

#include <moor/detail/deadline.hpp>

#include "win/error.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {

/// Repeats of one call that was refused.
class insistence {
public:
    /// `call` is the function's name as Microsoft writes it, a string literal.
    explicit insistence(const char* call) noexcept : call_(call) {}

    /// After each refusal. Sleeps for a millisecond when the system lacked memory or quota, which may pass; when that
    /// lasts for half a minute, and for every other error, it ends the process.
    void refused(std::uint32_t error) noexcept;

private:
    const char* const call_;
    std::optional<detail::wait_clock::time_point> since_;
};

/// Makes the system call `function` until it returns anything but 0. `name` as above; `fine` is an error that is no
/// refusal. Where there is room for a system call, see call_on_system_stack. The caller may hold a lock under which
/// waiters are resumed (docs/hacking.md).
template <class Function>
void insist(const char* name, Function&& function, std::uint32_t fine = ERROR_SUCCESS) noexcept {
    const auto error_of = [&]() noexcept -> std::uint32_t {
        if (function() != 0) {
            return ERROR_SUCCESS;
        }
        const std::uint32_t error = last_error_number();
        return error != ERROR_SUCCESS ? error : ERROR_GEN_FAILURE;
    };
    std::uint32_t error = call_on_system_stack(error_of);
    for (insistence again(name); error != ERROR_SUCCESS && error != fine; error = call_on_system_stack(error_of)) {
        again.refused(error);
    }
}

} // namespace moor::win
