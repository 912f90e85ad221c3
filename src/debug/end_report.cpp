// The handlers run on the stack of whoever called terminate or abort, which has had room for a throw.
#include "debug/end_report.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>

#include "debug/report_text.hpp"
#include "sched/runtime_core.hpp"
#include "win/windows.hpp"

namespace moor::debug {
namespace {

report_text text; // whoever has `told` writes it
std::atomic<bool> told{false};
std::atomic<bool> installed{false};

using signal_handler = void (*)(int);

// Guarded by the registration, and read by the handlers.
std::atomic<std::terminate_handler> terminate_before{nullptr};
std::atomic<signal_handler> abort_before{SIG_DFL};

// Once in a process, since terminate calls abort.
void tell(const char* what_was_called, const char* exception) noexcept {
    const sched::worker* const here = sched::worker::current();
    const detail::coroutine* const self = here != nullptr ? here->running_now() : nullptr;
    if (self == nullptr || self->runtime->options.debug.crash_report_off || told.exchange(true)) {
        return;
    }
    text.add("moor: ");
    text.add(what_was_called);
    text.add(" was called in a coroutine and ends the process\n");
    text.line("in coroutine #{} '{}' on worker {}", self->id.load(std::memory_order_relaxed), self->name(),
              here->index());
    if (exception != nullptr) {
        text.line("the exception: {}", exception);
    }
    CONTEXT registers{};
    ::RtlCaptureContext(&registers);
    text.calls(registers);
    text.write();
}

void on_terminate() {
    const std::exception_ptr error = std::current_exception();
    if (error == nullptr) {
        tell("std::terminate", nullptr);
    } else {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& thrown) {
            tell("std::terminate", thrown.what());
        } catch (...) {
            tell("std::terminate", "one that is no std::exception");
        }
    }
    if (const auto before = terminate_before.load(std::memory_order_acquire)) {
        before();
    }
    std::abort();
}

void on_abort(int number) {
    tell("abort", nullptr);
    const signal_handler before = abort_before.load(std::memory_order_acquire);
    std::signal(SIGABRT, before);
    if (before != SIG_DFL && before != SIG_IGN) {
        before(number);
    }
}

} // namespace

void install_end_report() noexcept {
    if (const auto before = std::set_terminate(&on_terminate); before != &on_terminate) {
        terminate_before.store(before, std::memory_order_release);
    }
    if (const signal_handler before = std::signal(SIGABRT, &on_abort); before != &on_abort && before != SIG_ERR) {
        abort_before.store(before, std::memory_order_release);
    }
    installed.store(true, std::memory_order_release);
}

bool remove_end_report() noexcept {
    bool removed = true;
    installed.store(false, std::memory_order_release);
    if (const auto last = std::set_terminate(terminate_before.load()); last != &on_terminate) {
        std::set_terminate(last);
        removed = false;
    }
    if (const signal_handler last = std::signal(SIGABRT, abort_before.load()); last != &on_abort && last != SIG_ERR) {
        std::signal(SIGABRT, last);
        removed = false;
    }
    return removed;
}

void prepare_thread_for_end_report() noexcept {
    if (installed.load(std::memory_order_acquire) && std::get_terminate() != &on_terminate) {
        std::set_terminate(&on_terminate);
    }
}

} // namespace moor::debug
