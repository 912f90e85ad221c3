// Runs on the stack that the fault was on: one buffer for the whole process, small frames, one system call. A movable
// stack has room for it with the switch exception_room.
#include "debug/crash_report.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "debug/end_report.hpp"
#include "debug/fault_reach.hpp"
#include "debug/loaded_code.hpp"
#include "debug/report_text.hpp"
#include "debug/vectored_handler.hpp"
#include "sched/runtime_core.hpp"
#include "win/error.hpp"
#include "win/loader.hpp"
#include "win/teb.hpp"

namespace moor::debug {
namespace {

report_text text; // whoever has `reporting` writes it
std::atomic<bool> reporting{false};
std::atomic<std::uint64_t> last_reported{0};

struct crash {
    const EXCEPTION_RECORD& fault;
    const CONTEXT& registers;
    sched::worker* here;              // null: on no worker
    const detail::coroutine* running; // null: on no coroutine
};

// ---- The lines -----------------------------------------------------------------------------------------------------

using place = loaded_code::place;

place place_of(std::uint64_t address) noexcept { return code_at_start().place_of(address); }

const char* name_of(ULONG_PTR access) noexcept {
    switch (access) {
    case 0: return "reading";
    case 1: return "writing";
    case 8: return "executing";
    default: return "using";
    }
}

void tell_damage(const char* what, std::uint64_t word, std::uint64_t restored) noexcept {
    const place at = place_of(restored);
    text.line("{}: {:#018x}: the lower half is code, the upper half is not: {:#x} ({}{}{:#x}), with its upper half "
              "overwritten by {:#x}",
              what, word, restored, at.file, at.sign, at.number, word >> 32u);
}

void tell_fault(const crash& of) noexcept {
    const auto at = reinterpret_cast<std::uint64_t>(of.fault.ExceptionAddress);
    const place in = place_of(at);
    if (of.fault.NumberParameters >= 2) {
        text.line("exception {:08x}, {} {:#x}, by the instruction at {:#x} ({}{}{:#x}), on thread {}",
                  of.fault.ExceptionCode, name_of(of.fault.ExceptionInformation[0]), of.fault.ExceptionInformation[1],
                  at, in.file, in.sign, in.number, win::teb::thread_id());
    } else {
        text.line("exception {:08x} at the instruction {:#x} ({}{}{:#x}), on thread {}", of.fault.ExceptionCode, at,
                  in.file, in.sign, in.number, win::teb::thread_id());
    }
    if (const std::uint64_t restored = code_at_start().with_upper_half_restored(of.registers.Rip)) {
        tell_damage("the instruction pointer", of.registers.Rip, restored);
    }
}

// A stale address, perhaps.
void tell_owner_of_address(const crash& of) noexcept {
    if (of.here == nullptr || of.fault.NumberParameters < 2) {
        return;
    }
    const auto address = reinterpret_cast<const void*>(of.fault.ExceptionInformation[1]);
    of.here->runtime().coroutines.for_each([&of, address](const detail::coroutine& each) {
        const std::uint64_t id = each.id.load(std::memory_order_acquire);
        if (id != 0 && &each != of.running && each.stack.contains(address)) {
            text.line("the address lies on the stack of coroutine #{} '{}'", id, each.name());
        }
    });
}

void tell_coroutine(const crash& of) noexcept {
    if (of.running == nullptr) {
        text.line("outside of any coroutine{}", of.here != nullptr ? ", on a worker's system stack" : "");
        return;
    }
    const stack::memory& stack = of.running->stack;
    const stack::movement& movement = of.running->movement;
    const bool on_it = stack.contains(reinterpret_cast<const void*>(of.registers.Rsp));
    text.line("in coroutine #{} '{}' on worker {}{}", of.running->id.load(std::memory_order_relaxed),
              of.running->name(), of.here->index(), on_it ? "" : ", not on its own stack");
    text.line("its stack: {}, {} bytes from {} to {}, moved {} times", movement.movable ? "movable" : "reserved",
              stack.size, fmt::ptr(stack.lowest), fmt::ptr(stack.top()), movement.copies);
    if (movement.copies != 0) {
        text.line("its last move: from {} bytes at {}", movement.left.size, fmt::ptr(movement.left.lowest));
    }
    text.line("rsp {:#x}, {} bytes of {} below its top", of.registers.Rsp,
              reinterpret_cast<std::uint64_t>(stack.top()) - of.registers.Rsp,
              on_it ? "this stack" : "another stack, not");
}

// Above the stack pointer: what is below, the system has overwritten to tell of the fault.
void tell_damaged_words(const crash& of) noexcept {
    constexpr std::uint64_t most_bytes = 8192;
    const std::uint64_t first = of.registers.Rsp & ~std::uint64_t{7};
    const std::uint64_t top = win::teb::read(win::teb::field::stack_base);
    const std::uint64_t limit = win::teb::read(win::teb::field::stack_limit);
    if (first < limit || first >= top) {
        text.line("rsp does not lie on the stack: its words are not looked at");
        return;
    }
    const std::uint64_t end = std::min(top, first + most_bytes) & ~std::uint64_t{7};
    unsigned found = 0;
    for (std::uint64_t at = first; at + sizeof(std::uint64_t) <= end; at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, reinterpret_cast<const void*>(at), sizeof word);
        const std::uint64_t restored = code_at_start().with_upper_half_restored(word);
        constexpr unsigned most = 8;
        if (restored != 0 && found++ < most) {
            std::array<char, 40> where{};
            fmt::format_to_n(where.data(), where.size() - 1, "the word at {:#x}", at);
            tell_damage(where.data(), word, restored);
        }
    }
    text.line("of the {} bytes from rsp on, {} words look like return addresses with an overwritten upper half",
              end - first, found);
}

void tell_operations(const crash& of) noexcept {
    unsigned found = 0;
    of.here->runtime().io.pool.for_each([&found](const iocp::operation& each) {
        const char* const stage = each.in_flight();
        constexpr unsigned most = 16;
        if (stage == nullptr || found++ >= most) {
            return;
        }
        const iocp::kernel_parameters& of_call = each.parameters;
        text.line("operation {} is {}: OVERLAPPED {}, address {}, its length {}, first buffer {} of {} bytes",
                  fmt::ptr(&each), stage, fmt::ptr(&of_call.overlapped), fmt::ptr(&of_call.address),
                  fmt::ptr(&of_call.address_length), fmt::ptr(of_call.buffers[0].buf), of_call.buffers[0].len);
    });
    text.line("{} operations of its runtime are in flight", found);
}

void write(const crash& of) noexcept {
    text.clear();
    text.add("moor: a fault that nobody handled ends the process\n");
    tell_fault(of);
    tell_owner_of_address(of);
    tell_coroutine(of);
    text.calls(of.registers);
    tell_damaged_words(of);
    if (of.here != nullptr) {
        tell_operations(of);
    }
    text.write();
}

// ---- Whether, and where --------------------------------------------------------------------------------------------

// What the processor raises, at an instruction that cannot go on.
bool is_fault(DWORD code) noexcept {
    constexpr std::array faults{
        STATUS_ACCESS_VIOLATION,     STATUS_GUARD_PAGE_VIOLATION,    STATUS_ILLEGAL_INSTRUCTION,
        STATUS_IN_PAGE_ERROR,        STATUS_PRIVILEGED_INSTRUCTION,  STATUS_DATATYPE_MISALIGNMENT,
        STATUS_INTEGER_OVERFLOW,     STATUS_INTEGER_DIVIDE_BY_ZERO,  STATUS_ARRAY_BOUNDS_EXCEEDED,
        STATUS_FLOAT_DIVIDE_BY_ZERO, STATUS_FLOAT_INVALID_OPERATION, STATUS_FLOAT_OVERFLOW,
        STATUS_FLOAT_UNDERFLOW,      STATUS_FLOAT_INEXACT_RESULT,    STATUS_FLOAT_DENORMAL_OPERAND};
    return std::any_of(faults.begin(), faults.end(), [code](auto each) { return static_cast<DWORD>(each) == code; });
}

// Whether an exception that nobody has handled ends the process: every warning and error, but not what merely tells a
// debugger something, nor a C++ exception, for which the C++ runtime calls std::terminate (winnt.h: the two highest
// bits are the severity).
bool ends_process(DWORD code) noexcept {
    constexpr DWORD cpp_exception = 0xe06d'7363; // MSVC's; that of GCC is no warning
    return code >> 30u >= 2 && code != cpp_exception;
}

// One report for each fault, although several of those below learn of it.
bool is_reported(const EXCEPTION_RECORD& fault) noexcept {
    const std::uint64_t key = reinterpret_cast<std::uint64_t>(fault.ExceptionAddress) ^
                              std::uint64_t{win::teb::thread_id()} << 40u ^ std::uint64_t{fault.ExceptionCode} << 8u;
    return last_reported.exchange(key, std::memory_order_relaxed) == key;
}

void report(const EXCEPTION_RECORD& fault, const CONTEXT& registers) noexcept {
    // Also true when the report itself has a fault.
    if (is_reported(fault) || reporting.exchange(true, std::memory_order_acquire)) {
        return;
    }
    sched::worker* const here = sched::worker::current();
    const detail::coroutine* const running = here != nullptr ? here->running_now() : nullptr;
    const crash of{fault, registers, here, running};
    if (here == nullptr || !here->runtime().options.debug.crash_report_off) {
        write(of);
    }
    reporting.store(false, std::memory_order_release);
}

LONG CALLBACK look_at_fault(EXCEPTION_POINTERS* exception) noexcept {
    if (is_fault(exception->ExceptionRecord->ExceptionCode) && sched::worker::current_coroutine() != nullptr &&
        reach_of_fault(*exception->ContextRecord) == fault_reach::nobody) {
        report(*exception->ExceptionRecord, *exception->ContextRecord);
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

std::atomic<LPTOP_LEVEL_EXCEPTION_FILTER> filter_before{nullptr};

LONG WINAPI look_at_unhandled(EXCEPTION_POINTERS* exception) {
    if (ends_process(exception->ExceptionRecord->ExceptionCode)) {
        report(*exception->ExceptionRecord, *exception->ContextRecord);
    }
    const auto before = filter_before.load(std::memory_order_acquire);
    return before != nullptr ? before(exception) : EXCEPTION_CONTINUE_SEARCH;
}

// Guarded by the registration.
vectored_handler handler;
bool filter_is_set = false;

void install() {
    static_cast<void>(code_at_start());
    handler.add(vectored_handler::place::last, &look_at_fault);
    if (!std::exchange(filter_is_set, true)) {
        filter_before.store(::SetUnhandledExceptionFilter(&look_at_unhandled), std::memory_order_release);
    }
    install_end_report();
}

// What somebody was told of and may call stays.
void remove() noexcept {
    handler.remove();
    bool removed = remove_end_report();
    const LPTOP_LEVEL_EXCEPTION_FILTER last = ::SetUnhandledExceptionFilter(filter_before.load());
    if (last == &look_at_unhandled) {
        filter_is_set = false;
    } else {
        ::SetUnhandledExceptionFilter(last);
        removed = false;
    }
    if (!removed) {
        win::pin_module();
    }
}

} // namespace

win::process_registration& crash_report() noexcept {
    static constinit win::process_registration report(&install, &remove);
    return report;
}

} // namespace moor::debug

EXCEPTION_DISPOSITION moor_unhandled_on_coroutine(EXCEPTION_RECORD* fault, void*, CONTEXT* registers, void*) noexcept {
    constexpr DWORD unwinding = 2 | 4; // EXCEPTION_UNWINDING, EXCEPTION_EXIT_UNWIND
    if ((fault->ExceptionFlags & unwinding) == 0 && moor::debug::ends_process(fault->ExceptionCode)) {
        moor::debug::report(*fault, *registers);
    }
    return ExceptionContinueSearch;
}
