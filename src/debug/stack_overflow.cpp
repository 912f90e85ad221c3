// The handler runs on the exhausted stack, in the room that GuaranteedStackBytes keeps free for it
// (context/switch.hpp): small frames, no allocation, one system call, and no return to the broken coroutine.
#include "debug/stack_overflow.hpp"

#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "debug/vectored_handler.hpp"
#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor::debug {
namespace {

// Whether the fault means that this coroutine's stack is used up: the system says so, or the code ran into what lies
// below the program's part, of which the lower end is never committed. The guard page may be in there, too.
bool is_overflow(const EXCEPTION_RECORD& fault, const stack::memory& of) noexcept {
    if (fault.ExceptionCode == static_cast<DWORD>(STATUS_STACK_OVERFLOW)) {
        return true;
    }
    if (fault.ExceptionCode != static_cast<DWORD>(STATUS_ACCESS_VIOLATION) || fault.NumberParameters < 2) {
        return false;
    }
    const auto address = fault.ExceptionInformation[1];
    return address >= reinterpret_cast<ULONG_PTR>(of.deallocation()) &&
           address < reinterpret_cast<ULONG_PTR>(of.lowest) + 2 * win::page_size;
}

LONG CALLBACK report_overflow(EXCEPTION_POINTERS* fault) noexcept {
    const auto* const self = sched::worker::current_coroutine();
    if (self == nullptr || !is_overflow(*fault->ExceptionRecord, self->stack)) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    static std::array<char, 512> text; // the process ends here: nobody else needs it
    const char* const remedy = self->movement.movable
                                   ? "Let it have more with runtime_options::largest_movable_stack."
                                   : "Give it more with spawn_options::stack_size, or all of them with "
                                     "runtime_options::stack_size.";
    const auto end =
        fmt::format_to_n(text.data(), text.size(), "coroutine #{} '{}' has exhausted its stack of {} bytes. {}",
                         self->id.load(std::memory_order_relaxed), self->name(), self->stack.size, remedy);
    win::fatal({text.data(), static_cast<std::size_t>(end.out - text.data())},
               static_cast<unsigned>(STATUS_STACK_OVERFLOW));
}

vectored_handler handler; // guarded by the registration

void install() { handler.add(vectored_handler::place::first, &report_overflow); }

void remove() noexcept { handler.remove(); }

} // namespace

win::process_registration& stack_overflow_report() noexcept {
    static constinit win::process_registration report(&install, &remove);
    return report;
}

} // namespace moor::debug
