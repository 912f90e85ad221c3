// The handshakes at the end of a coroutine: joiners get the result, the last reference destroys the body, and the
// second of two that are done with the block recycles it.
#include "sched/coroutine_life.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
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

void coroutine::begin(runtime_core& of, const spawn_options& wanted) noexcept {
    if (of.options.debug.audit) {
        body_storage.fill({}); // the closure that was there before is no place where an address is kept
    }
    runtime = &of;
    state = {};
    state.check_limit = stack.kind == stack::memory::form::segment && of.options.debug.force_move ? ~std::uint64_t{0}
                                                                                                  : stack.check_limit();
    std::byte* const highest = stack.top();
    state.resume_at =
        context::make_context(highest, static_cast<std::size_t>(highest - stack.deallocation()), &moor_coroutine_base);
    pinned_worker = wanted.worker ? static_cast<std::int32_t>(*wanted.worker) : -1;
    const std::size_t length = std::min(wanted.name.size(), longest_name);
    std::memcpy(name_storage.data(), wanted.name.data(), length);
    name_storage[length] = '\0';
    stop_shields = 0;
    cpu_bound = false;
    preemptible = wanted.preemptible;
    preemptible_scopes.store(0, std::memory_order_relaxed);
    preemption_bans.store(0, std::memory_order_relaxed);
    yield_wanted.store(false, std::memory_order_relaxed);
    group.store(nullptr, std::memory_order_relaxed);
    end.store(end_state::running, std::memory_order_release); // with the load in end_of()
    destroyed_its_body = false;
    use.store(block_use::running, std::memory_order_relaxed);
    stop_requested.store(false, std::memory_order_relaxed);
    references.store(1, std::memory_order_relaxed);
}

void body::fail() noexcept { error_ = std::current_exception(); }

void end_body(coroutine& self) noexcept {
    sched::worker::current()->ended.add(1); // before the joiner can look
    bool unreferenced = false;
    {
        const std::lock_guard guard(self.end_lock);
        self.end.store(coroutine::end_state::ended, std::memory_order_relaxed);
        unreferenced = self.references.load(std::memory_order_relaxed) == 0;
        while (waiter* const first = self.joiners.pop_front()) {
            auto& waiting = static_cast<joiner&>(*first);
            if (waiting.blocks_a_thread) {
                self.runtime->outside_joiners.fetch_sub(1); // here, since the thread may yet be long in waking
            }
            const wait_ticket ticket = waiting.ticket; // a copy: the node is gone as soon as the joiner runs
            const claim how = ticket.try_claim(wake_reason::notified);
            if (how == claim::lost) {
                continue;
            }
            if (waiting.use == end_use::take_result) {
                waiting.has_result = self.end.load(std::memory_order_relaxed) != coroutine::end_state::taken;
                self.end.store(coroutine::end_state::taken, std::memory_order_relaxed);
            }
            ticket.finish(how);
        }
    }
    if (unreferenced) {
        destroy_body(self);
        self.destroyed_its_body = true;
    }
}

coroutine_reference another_reference(coroutine& of) noexcept {
    const std::lock_guard guard(of.end_lock);
    of.references.store(of.references.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return {&of, of.id.load(std::memory_order_relaxed)};
}

void retire(coroutine& left) noexcept {
    // Acquire-release: the second of the two sees all that the first did to the block.
    if (left.destroyed_its_body ||
        left.use.exchange(coroutine::block_use::retired, std::memory_order_acq_rel) == coroutine::block_use::released) {
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
    // The last reference to a coroutine whose last switch is finished, as after most joins: nobody else is left to use
    // the block, and no interlocked operation is needed. Acquire pairs with the release below.
    if (dropped->use.load(std::memory_order_acquire) == coroutine::block_use::retired &&
        dropped->references.load(std::memory_order_acquire) == 1) {
        dropped->references.store(0, std::memory_order_relaxed);
    } else {
        const std::lock_guard guard(dropped->end_lock);
        const std::uint32_t left = dropped->references.load(std::memory_order_relaxed) - 1;
        dropped->references.store(left, std::memory_order_release);
        if (left != 0 || dropped->end.load(std::memory_order_relaxed) == coroutine::end_state::running) {
            return; // another one has it, or the coroutine will see that none has
        }
    }
    destroy_body(*dropped);
    if (dropped->use.load(std::memory_order_acquire) == coroutine::block_use::retired ||
        dropped->use.exchange(coroutine::block_use::released, std::memory_order_acq_rel) ==
            coroutine::block_use::retired) {
        dropped->runtime->recycle(*dropped);
    }
}

} // namespace moor::detail
