// The loop of the monitor: it looks at each worker in turn, and sleeps while all of them do. It waits for no worker,
// and allocates nothing while a thread is suspended (law 4).
#include "sched/monitor.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "preempt/suspension.hpp"
#include "preempt/target.hpp"
#include "sched/coroutine.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"
#include "win/system_calls.hpp"
#include "win/thread.hpp"

namespace moor::sched {
namespace {

// A worker as an attempt to preempt sees it.
class preempted_worker final : public preempt::target {
public:
    explicit preempted_worker(const worker& of) noexcept : worker_(of) {}

    [[nodiscard]] const win::unique_handle& thread() const noexcept override { return worker_.thread(); }
    [[nodiscard]] std::optional<preempt_refusal> refusal_at(std::uint64_t stack_pointer) const noexcept override {
        return worker_.refusal_at(stack_pointer);
    }
    [[nodiscard]] const std::byte* stack_top() const noexcept override { return worker_.running_now()->stack.top(); }
    [[nodiscard]] preempt::preempted_state& spare_state() const noexcept override { return *worker_.spare_state(); }
    [[nodiscard]] const void* system_stack() const noexcept override { return worker_.left_at(); }

private:
    const worker& worker_;
};

// From a moment to a later one, rounded up.
DWORD milliseconds_between(wait_limit::time_point now, wait_limit::time_point later) noexcept {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(later - now).count();
    return static_cast<DWORD>(std::clamp<std::int64_t>(left, 1, 60'000));
}

} // namespace

monitor::monitor(detail::runtime_core& runtime)
    : runtime_(runtime), preemption_(runtime.options.debug.preempt_verify) {}

monitor::~monitor() { join_thread(); }

void monitor::start_thread() {
    watched_.resize(runtime_.workers.size());
    if (runtime_.options.preemption) {
        preempt::prepare_process_exit();
        report_unsorted_table();
    }
    thread_ = win::start_thread(&monitor::thread_main, this);
    if (!thread_) {
        throw std::system_error(win::to_error(std::errc::resource_unavailable_try_again), "moor: starting the monitor");
    }
}

void monitor::join_thread() noexcept {
    if (thread_) {
        ending_.store(true, std::memory_order_release);
        wake();
        win::wait_for_end(thread_);
        thread_.close();
    }
}

// Once per process: it is the linker's fault, and exceptions may fail as well.
void monitor::report_unsorted_table() const noexcept {
    static std::atomic<bool> reported{false};
    if (!preemption_.table_is_sorted() && !reported.exchange(true)) {
        win::write_error_stream(
            "moor: the linker left this program's table of functions (.pdata) unsorted, against the "
            "format's rules; moor uses a sorted copy, but the system may lose exceptions\n");
    }
}

unsigned monitor::thread_main(void* self) noexcept {
    static_cast<monitor*>(self)->run();
    return 0;
}

void monitor::run() noexcept {
    // Windows lets a thread of their own priority wait for a quantum of the workers (20 to 180 ms) when these keep all
    // processors busy, which is when the monitor matters. It runs for microseconds at a time.
    win::run_before_others();
    while (!ending_.load(std::memory_order_acquire)) {
        // Read first: whoever wakes from here on changes it.
        const std::uint32_t wakes = wakes_.load(std::memory_order_acquire);
        if (idle_ && rest()) {
            last_look_ = rest_until_woken(wakes);
            idle_ = false;
        } else {
            wait(wakes, until_next_look());
            look();
        }
    }
}

// Whether all workers sleep and the next to wake will wake the monitor.
//
// Resting is announced before the last look at the workers, and a worker announces that it is awake before it looks
// here: one of the two sees the other. Not tried at every look: a worker that sleeps for microseconds between its
// packets would have to wake the monitor each time.
bool monitor::rest() noexcept {
    resting_.store(true, std::memory_order_seq_cst);
    return runtime_.all_workers_sleep() || !resting_.exchange(false);
}

// Returns when somebody wakes the monitor, or when it has to look by itself; and when that is. By the clock: a wait
// that has ended says nothing about the time.
monitor::steady::time_point monitor::rest_until_woken(std::uint32_t wakes) noexcept {
    const auto begun = detail::now();
    const auto end = longest_rest(begun);
    auto trim_at = begun + idle_before_trim;
    for (auto now = begun; now < end && wakes_.load(std::memory_order_acquire) == wakes; now = detail::now()) {
        if (now >= trim_at) {
            runtime_.segments.trim();
            trim_at = steady::time_point::max();
        }
        const auto until = std::min(end, trim_at);
        wait(wakes, until == steady::time_point::max() ? INFINITE : milliseconds_between(now, until));
    }
    return detail::now();
}

// Asked while it rests: what begins later wakes it.
monitor::steady::time_point monitor::longest_rest(steady::time_point now) const noexcept {
    const DWORD until_search = runtime_.circles.until_next_look(now);
    const auto search_at =
        until_search == INFINITE ? steady::time_point::max() : now + std::chrono::milliseconds(until_search);
    return runtime_.io.handles.are_closing() ? std::min(search_at, now + iocp::patience_with_cancelled) : search_at;
}

void monitor::end_rest() noexcept {
    if (resting_.exchange(false)) {
        wake();
    }
}

// Rejected: an event. Its waits end late under Wine, where the server has to end them: by a tick of the host's
// scheduler or two when all processors are busy, which is when the monitor matters.
void monitor::wait(std::uint32_t wakes, DWORD timeout) noexcept {
    win::system().wait_on_address(&wakes_, &wakes, sizeof wakes, timeout);
}

void monitor::wake() noexcept {
    wakes_.fetch_add(1, std::memory_order_release); // with the acquire in run()
    win::system().wake_one_by_address(&wakes_);
}

std::chrono::milliseconds monitor::share_of_slice(unsigned looks) const noexcept {
    using std::chrono::milliseconds;
    const auto share = std::chrono::duration_cast<milliseconds>(runtime_.options.time_slice) / static_cast<int>(looks);
    return std::clamp(share, milliseconds(1), longest_between_looks);
}

DWORD monitor::until_next_look() const noexcept {
    if (runtime_.options.debug.preempt_storm) {
        return 0;
    }
    const bool calm = calm_looks_ >= looks_until_calm;
    const auto most = share_of_slice(calm ? calm_looks_per_slice : looks_per_slice);
    const auto until_end = std::chrono::ceil<std::chrono::milliseconds>(slice_ends_ - detail::now());
    return static_cast<DWORD>(std::clamp(until_end, std::chrono::milliseconds(1), most).count());
}

// A worker that has begun no turn for a slice stays in one coroutine. Thieves are told, and one is woken.
void monitor::look() noexcept {
    bool help_needed = false;
    const bool storm = runtime_.options.debug.preempt_storm;
    const auto now = detail::now();
    const auto turns_begin = std::max(last_look_, now - share_of_slice(looks_per_slice));
    bool calm = true;
    bool idle = true;
    slice_ends_ = steady::time_point::max();
    for (std::size_t index = 0; index < watched_.size(); ++index) {
        worker& looked_at = *runtime_.workers[index];
        watched& seen = watched_[index];
        const std::uint32_t turn = looked_at.clock().turns();
        const std::uint32_t looks = looked_at.clock().times_maintained();
        if (looks == seen.looks && !looked_at.is_asleep()) {
            looked_at.maintain_soon();
        }
        seen.looks = looks;
        const bool unchanged = turn == seen.turn;
        const bool same = unchanged && !looked_at.is_asleep();
        calm = calm && !same;
        idle = idle && unchanged && !same;
        if (!same) {
            seen = {turn, looks, turns_begin, seen.attempted};
        }
        const bool stuck = same && now - seen.since >= runtime_.options.time_slice;
        looked_at.set_stuck(stuck);
        if (!stuck && !looked_at.is_asleep()) {
            slice_ends_ = std::min(slice_ends_, seen.since + runtime_.options.time_slice);
        }
        if (stuck) {
            report_trouble(looked_at, seen, now - seen.since);
        }
        help_needed = help_needed || (stuck && looked_at.has_work_for_others());
        const bool stormed = storm && now - seen.attempted >= storm_pause && !looked_at.is_asleep();
        if (stuck || stormed) {
            preempt(looked_at, seen);
        }
    }
    calm_looks_ = calm ? std::min(calm_looks_ + 1, looks_until_calm) : 0;
    idle_ = idle;
    last_look_ = now;
    if (help_needed) {
        runtime_.wake_worker();
    }
    runtime_.circles.look(now);
    if (runtime_.io.handles.are_closing() && now - cancelled_again_ >= iocp::patience_with_cancelled) {
        cancelled_again_ = now;
        runtime_.io.handles.cancel_again();
    }
}

// A worker whose thread is gone would keep its coroutines for ever, without a word. Wine ends a thread so when there is
// no room on its stack for the record of a fault; a program may, too.
void monitor::report_trouble(const worker& stuck, watched& seen, steady::duration lasting) const noexcept {
    const detail::coroutine* const running = stuck.running_now();
    if (lasting < thread_expected_alive || running == nullptr) {
        return;
    }
    std::array<char, 512> text;
    const auto say = [&text](auto end) { return std::string_view(text.data(), std::min(end.size, text.size())); };
    if (win::has_ended(stuck.thread())) {
        win::fatal(say(fmt::format_to_n(
            text.data(), text.size(),
            "the thread of worker {} has ended within coroutine #{} '{}', without a report: {}", stuck.index(),
            running->id.load(std::memory_order_relaxed), running->name(),
            running->movement.movable ? "its movable stack may have had no room for the system's record of a fault; "
                                        "MOOR_DEBUG=exception_room=1 keeps some"
                                      : "something ended the thread, or broke its stack")));
    }
    const detail::coroutine* const waiting = stuck.preempted_last();
    if (lasting < hang_reported_after || seen.hang_reported || stuck.preempted_waiting() == 0 || waiting == nullptr ||
        runtime_.options.debug.hang_report_off) {
        return;
    }
    seen.hang_reported = true;
    win::write_error_stream(say(fmt::format_to_n(
        text.data(), text.size(),
        "moor: worker {} has been in coroutine #{} '{}' for {} seconds, while coroutine #{} '{}', which was preempted, "
        "waits for that worker: if the one waits for a lock that the other holds, both do so for ever "
        "(docs/preemption.md)\n",
        stuck.index(), running->id.load(std::memory_order_relaxed), running->name(),
        std::chrono::duration_cast<std::chrono::seconds>(lasting).count(), waiting->id.load(std::memory_order_relaxed),
        waiting->name())));
}

// Of a coroutine in no preemptible scope nothing is tried: suspending its thread would be for nothing. What it read
// here is a moment old; the attempt itself looks again.
void monitor::preempt(worker& stuck, watched& seen) noexcept {
    detail::coroutine* const running = stuck.running_now();
    if (running == nullptr) {
        return;
    }
    running->yield_wanted.store(true, std::memory_order_relaxed);
    if (!runtime_.options.preemption || running->preemptible_scopes.load(std::memory_order_relaxed) == 0) {
        return;
    }
    if (seen.looks_to_wait != 0) {
        --seen.looks_to_wait;
        return;
    }
    const bool refused = preemption_.attempt(preempted_worker(stuck)).has_value();
    seen.attempted = detail::now();
    if (!refused) {
        seen.refused = 0;
        return;
    }
    constexpr unsigned most_doublings = 3;
    seen.looks_to_wait = runtime_.options.debug.preempt_storm ? 0 : (1u << std::min(seen.refused, most_doublings)) - 1;
    ++seen.refused;
}

} // namespace moor::sched
