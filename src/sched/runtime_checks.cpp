// Checks and completes runtime_options in one place, so that the rest of the library need not.
#include "sched/runtime_checks.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <system_error>

#include <moor/debug.hpp>

#include "preempt/preempted_state.hpp"
#include "stack/memory.hpp"
#include "stack/reserved_stack.hpp"
#include "stack/segment_pool.hpp"
#include "win/error.hpp"
#include "win/processors.hpp"
#include "win/shadow_stacks.hpp"
#include "win/windows.hpp"

namespace moor::sched {
namespace {

constexpr unsigned most_workers = 1024;
constexpr std::chrono::hours longest_time_slice{24}; // one of microseconds::max() overflows where it is reckoned with

[[noreturn]] void refuse(const char* what) {
    throw std::system_error(win::to_error(std::errc::invalid_argument), what);
}

} // namespace

runtime_options checked(runtime_options options) {
    if (options.workers == 0) {
        options.workers = std::min(win::usable_processors(), most_workers);
    }
    if (options.workers > most_workers) {
        refuse("moor: runtime_options::workers is over 1024");
    }
    if (options.stack_size > stack::largest_reserved_stack) {
        refuse("moor: runtime_options::stack_size is over 1 GiB");
    }
    if (options.time_slice <= std::chrono::microseconds::zero()) {
        refuse("moor: runtime_options::time_slice must be positive");
    }
    options.stack_size = stack::rounded_stack_size(options.stack_size);
    if (options.movable_stack_size > stack::largest_segment) {
        refuse("moor: runtime_options::movable_stack_size is over 64 KiB");
    }
    if (options.largest_movable_stack > stack::largest_reserved_stack) {
        refuse("moor: runtime_options::largest_movable_stack is over 1 GiB");
    }
    if (const char* const switches = std::getenv("MOOR_DEBUG")) {
        parse_debug_switches(switches, options.debug);
    }
    options.movable_stack_size = stack::rounded_segment_size(options.debug.stack_min != 0 ? options.debug.stack_min
                                                                                          : options.movable_stack_size);
    if (options.debug.exception_room) {
        stack::memory::keep_room_for_exceptions();
        options.movable_stack_size =
            std::max(options.movable_stack_size, stack::rounded_segment_size(stack::memory::kept_free()));
    }
    options.largest_movable_stack =
        stack::rounded_stack_size(std::max(options.largest_movable_stack, 2 * stack::largest_segment));
    if (win::user_shadow_stacks_enabled()) {
        throw std::system_error(win::to_error(std::errc::not_supported),
                                "moor: this process has user shadow stacks (CET), where no coroutine can run; "
                                "link it with /CETCOMPAT:NO");
    }
    options.preemption = options.preemption && !options.debug.async_preempt_off;
    if (options.debug.slice_us != 0) {
        options.time_slice = std::chrono::microseconds(options.debug.slice_us);
    }
    options.time_slice = std::min<std::chrono::microseconds>(options.time_slice, longest_time_slice);
    if (options.preemption && !preempt::preempted_state::possible()) {
        refuse("moor: this processor or system has no XSAVE: runtime_options::preemption must be false");
    }
    return options;
}

} // namespace moor::sched
