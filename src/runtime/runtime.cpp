// moor::runtime and moor::work_guard: the public face of runtime_core, which it gives its reports.
#include <moor/runtime.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/loader.hpp"

namespace moor {

runtime::runtime(const runtime_options& options)
    : core_(new detail::runtime_core(options, &debug::make_runtime_reports)) {}

runtime::~runtime() = default;

// In a process that is ending, the dead threads may have left any lock of the heap locked.
void runtime::destroy_core::operator()(detail::runtime_core* core) const noexcept {
    if (!win::process_is_ending()) {
        delete core;
    }
}

void runtime::shutdown() noexcept { core_->shutdown(); }

unsigned runtime::workers() const noexcept { return static_cast<unsigned>(core_->workers.size()); }

runtime_metrics runtime::metrics() const noexcept { return core_->metrics(); }

work_guard::work_guard(runtime& owner) noexcept : core_(owner.core_.get()) { core_->work_guards.fetch_add(1); }

work_guard::work_guard() noexcept : core_(nullptr) {
    if (sched::worker* const here = sched::worker::current()) {
        core_ = &here->runtime();
        core_->work_guards.fetch_add(1);
    }
}

work_guard::~work_guard() {
    if (core_ != nullptr) {
        core_->work_guards.fetch_sub(1);
        core_->wake_worker(); // the last one gone may make blocked coroutines a deadlock, which a worker has to see
    }
}

} // namespace moor
