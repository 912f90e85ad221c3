// See coroutine_life.hpp.
#include "sched/coroutine_life.hpp"

#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "sched/runtime_core.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"

namespace moor::detail {
namespace {

// The end of a coroutine that was asked to stop and did.
bool is_ordinary_stop(const coroutine& ended, const std::exception_ptr& error) noexcept {
    if (!ended.stop_requested.load(std::memory_order_relaxed)) {
        return false;
    }
    try {
        std::rethrow_exception(error);
    } catch (const std::system_error& stopped) {
        return stopped.code() == std::errc::operation_canceled;
    } catch (...) {
        return false;
    }
}

[[noreturn]] void end_process_for(const coroutine& failed, const std::exception_ptr& error) noexcept {
    const char* what = "an exception that is no std::exception";
    std::exception_ptr kept; // keeps what() valid
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
        what = thrown.what();
        kept = std::current_exception();
    } catch (...) {
    }
    fmt::basic_memory_buffer<char, 512> text;
    fmt::format_to(std::back_inserter(text), "an exception left coroutine #{} '{}', which nobody joins: {}",
                   failed.id.load(), failed.name(), what);
    win::fatal({text.data(), text.size()});
}

} // namespace

void body::fail() noexcept { error_ = std::current_exception(); }

void end_body(coroutine& self) noexcept {
    sched::worker::current()->ended.add(1); // before the joiner can look
    {
        const std::lock_guard guard(self.end_lock);
        self.ended = true;
        while (waiter* const joiner = self.joiners.pop_front()) {
            const wait_ticket ticket = joiner->ticket; // a copy: the node is gone as soon as the joiner runs
            if (joiner->index != 0) {
                self.runtime->outside_joiners.fetch_sub(1); // here, since the thread may yet be long in waking
            }
            ticket.wake(wake_reason::notified);
        }
    }
    if (self.references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        destroy_body(self);
        self.runner_was_last = true;
    }
}

void settle_finished(coroutine& left) noexcept {
    // Acquire-release: the second of the two sees all that the first did to the block.
    if (left.runner_was_last ||
        left.use.exchange(coroutine::block_use::settled, std::memory_order_acq_rel) == coroutine::block_use::released) {
        left.runtime->recycle(left);
    }
}

void destroy_body(coroutine& unreferenced) noexcept {
    body& work = *unreferenced.work;
    if (const std::exception_ptr& error = work.untaken_error(); error && !is_ordinary_stop(unreferenced, error)) {
        end_process_for(unreferenced, error);
    }
    work.~body();
    unreferenced.work = nullptr;
    unreferenced.free_large_body();
}

void coroutine_reference::release(coroutine* dropped) noexcept {
    // Whoever has the last reference, or comes second, is alone: no interlocked operation then.
    if (dropped->references.load(std::memory_order_acquire) == 1) {
        dropped->references.store(0, std::memory_order_relaxed);
    } else if (dropped->references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
        return;
    }
    destroy_body(*dropped);
    if (dropped->use.load(std::memory_order_acquire) == coroutine::block_use::settled ||
        dropped->use.exchange(coroutine::block_use::released, std::memory_order_acq_rel) ==
            coroutine::block_use::settled) {
        dropped->runtime->recycle(*dropped);
    }
}

} // namespace moor::detail
