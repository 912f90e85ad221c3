// Fills in the hooks that the scheduler calls for reports, so that the scheduler includes nothing of this layer.
#include "debug/runtime_reports.hpp"

#include <optional>

#include "debug/blocked_report.hpp"
#include "debug/circle_report.hpp"
#include "debug/crash_report.hpp"
#include "debug/end_report.hpp"
#include "debug/live_runtimes.hpp"
#include "debug/move_checks.hpp"
#include "debug/stack_audit.hpp"
#include "debug/stack_overflow.hpp"
#include "stack/allocator_room.hpp"
#include "win/process_registration.hpp"

namespace moor::debug {
namespace {

class runtime_reports final : public sched::reports {
public:
    explicit runtime_reports(const debug_switches& switches)
        : overflow_report_(stack_overflow_report()),
          suspensions_(switches.audit ? std::make_unique<suspension_addresses>() : nullptr) {
        if (!switches.crash_report_off) {
            crash_report_.emplace(crash_report());
        }
        if (switches.audit) {
            stack::clear_freed_blocks.store(true, std::memory_order_relaxed);
        }
    }

    void thread_begins() noexcept override { prepare_thread_for_end_report(); }
    void runtime_runs(detail::runtime_core& runtime) override { live_runtimes::add(runtime); }
    void runtime_ends(detail::runtime_core& runtime) noexcept override { live_runtimes::remove(runtime); }
    void left_at(const void* address) noexcept override { suspensions_->note(address); }
    void stack_moved(const sched::moved_stack& moved) noexcept override { check_move(moved, suspensions_.get()); }
    void all_blocked(detail::runtime_core& runtime, bool certain) noexcept override {
        write_blocked_report(runtime, certain);
    }
    void blocked_in_circle(std::span<const detail::coroutine* const> members, bool certain) noexcept override {
        circle_text text(certain);
        for (const detail::coroutine* const each : members) {
            text.add(*each);
        }
        text.write();
    }

private:
    const win::registration_user overflow_report_;
    std::optional<win::registration_user> crash_report_;
    const std::unique_ptr<suspension_addresses> suspensions_; // null without the audit
};

} // namespace

std::unique_ptr<sched::reports> make_runtime_reports(const debug_switches& switches) {
    return std::make_unique<runtime_reports>(switches);
}

} // namespace moor::debug
