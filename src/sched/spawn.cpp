// Starting and joining coroutines: what the templates in moor/spawn.hpp call.
#include <moor/spawn.hpp>

#include <mutex>

#include "sched/coroutine_life.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"

namespace moor::detail {
namespace {

runtime_core& runtime_of_caller(runtime_core* named) {
    if (named != nullptr) {
        return *named;
    }
    coroutine* const caller = sched::worker::current_coroutine();
    if (caller == nullptr) {
        throw std::system_error(win::to_error(win::misuse::outside_coroutine), "moor: spawn");
    }
    return *caller->runtime;
}

} // namespace

unstarted_coroutine::unstarted_coroutine(runtime_core* where, const spawn_options& options, const body_layout& of)
    : runtime_(runtime_of_caller(where)), coroutine_(&runtime_.create(options, of)),
      storage_(coroutine_->large_body != nullptr ? coroutine_->large_body : coroutine_->body_storage.data()) {}

unstarted_coroutine::~unstarted_coroutine() {
    if (coroutine_ != nullptr) {
        runtime_.discard(*coroutine_);
    }
}

coroutine_reference unstarted_coroutine::start() noexcept {
    coroutine* const started = std::exchange(coroutine_, nullptr);
    started->work = body_;
    runtime_.start(*started);
    // The reference that create() has counted keeps the block, and the id.
    return {started, started->id.load(std::memory_order_relaxed)};
}

std::error_code wait_for_end(const coroutine_reference& target, const wait_limit& limit, end_use use) noexcept {
    coroutine* const joined = target.get();
    if (joined == nullptr) {
        return win::to_error(win::misuse::no_coroutine);
    }
    coroutine* const caller = sched::worker::current_coroutine();
    if (caller == joined) {
        return win::to_error(std::errc::resource_deadlock_would_occur);
    }
    // A plain thread that waits for ever makes "all coroutines are blocked" a deadlock; see
    // runtime_core::is_deadlocked.
    const bool blocks_a_thread = caller == nullptr && !limit.has_deadline() && !limit.token().stop_possible();
    wait waiting("join", limit);
    joiner node;
    node.ticket = waiting.ticket();
    node.use = use;
    node.blocks_a_thread = blocks_a_thread;
    runtime_core* runtime = nullptr;
    {
        const std::lock_guard guard(joined->end_lock);
        using end_state = coroutine::end_state;
        if (const end_state seen = joined->end_of(target.id()); seen != end_state::running) {
            if (use == end_use::wait_only) {
                return {};
            }
            if (seen == end_state::taken) {
                return win::to_error(win::misuse::result_is_taken);
            }
            joined->end.store(end_state::taken, std::memory_order_relaxed);
            return {};
        }
        joined->joiners.push_back(node);
        runtime = joined->runtime;
        if (blocks_a_thread) {
            runtime->outside_joiners.fetch_add(1);
        }
    }
    if (blocks_a_thread) {
        runtime->wake_worker(); // the workers may all sleep already, and none of them looks again by itself
    }
    const bool of_another = caller != nullptr && caller->runtime != runtime;
    if (of_another) {
        caller->woken_from_outside.store(true, std::memory_order_relaxed);
    }
    const wake_reason reason = waiting.suspend({.coroutine = target.id()});
    if (of_another) {
        caller->woken_from_outside.store(false, std::memory_order_relaxed);
    }
    if (reason == wake_reason::notified) {
        // Another waiter may have taken the result, and the control block with it.
        return use == end_use::take_result && !node.has_result ? win::to_error(win::misuse::result_is_taken)
                                                               : std::error_code{};
    }
    const std::lock_guard guard(joined->end_lock);
    joined->joiners.remove(node);
    return win::to_error(to_errc(reason));
}

bool has_ended(const coroutine_reference& target) noexcept {
    coroutine* const asked = target.get();
    if (asked == nullptr) {
        return false;
    }
    const std::lock_guard guard(asked->end_lock);
    return asked->end_of(target.id()) != coroutine::end_state::running;
}

body& body_of(const coroutine_reference& target) noexcept { return *target.get()->work; }

void request_stop(const coroutine_reference& target) noexcept {
    if (coroutine* const asked = target.get()) {
        // Under the lock, in which it does not end: afterwards the block may be another coroutine's.
        const std::lock_guard guard(asked->end_lock);
        if (asked->end_of(target.id()) == coroutine::end_state::running) {
            asked->request_stop();
        }
    }
}

} // namespace moor::detail
