// Who can wake a blocked coroutine? Another coroutine, a timer or a completed operation: runtime_core::is_deadlocked
// says that there is none. Then only a thread that is none of the runtime's. Which primitives it shares with coroutines
// nobody knows, so the question is whether there is one: as long as any thread lives that does not itself wait for a
// coroutine's end, nothing is certain. A thread that the system makes (for Ctrl-C, say) cannot be foreseen, but what it
// does is to request a stop, and a wait that takes a stop token is taken to be ended by it.
#include "sched/deadlock_watch.hpp"

#include <algorithm>

#include <tlhelp32.h>

#include "sched/runtime_core.hpp"
#include "win/error.hpp"
#include "win/handle.hpp"

namespace moor::sched {
namespace {

// The threads of this process; more than there can be when the system does not say.
unsigned threads_of_process() noexcept {
    const HANDLE list = ::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    if (list == INVALID_HANDLE_VALUE) {
        return ~0u;
    }
    const win::unique_handle owned(list);
    const DWORD process = ::GetCurrentProcessId();
    unsigned count = 0;
    THREADENTRY32 each{};
    each.dwSize = sizeof each;
    for (BOOL more = ::Thread32First(list, &each); more != FALSE; more = ::Thread32Next(list, &each)) {
        count += each.th32OwnerProcessID == process ? 1 : 0;
    }
    return count != 0 ? count : ~0u;
}

DWORD milliseconds(detail::wait_clock::duration time) noexcept {
    const auto whole = std::chrono::ceil<std::chrono::milliseconds>(time).count();
    return static_cast<DWORD>(std::clamp<std::int64_t>(whole, 1, 60'000));
}

} // namespace

DWORD deadlock_watch::look() noexcept {
    if (!lock_.try_lock()) {
        return milliseconds(first_look_after); // another worker looks, that was the last to sleep a moment ago
    }
    const struct unlock {
        detail::spin_lock& lock;
        ~unlock() { lock.unlock(); }
    } at_end{lock_};
    if (!runtime_.is_deadlocked()) {
        suspected_ = false;
        return INFINITE;
    }
    const auto now = detail::now();
    if (!suspected_) {
        suspected_ = true;
        suspected_waits_ = 0;
        suspected_since_ = now;
        return milliseconds(first_look_after);
    }
    const auto elapsed = now - suspected_since_;
    if (elapsed < first_look_after) {
        return milliseconds(first_look_after - elapsed);
    }
    const std::uint64_t seen = waits();
    if (suspected_waits_ != seen) { // the first time, too: looking at all of them costs more than looking at the clock
        suspected_waits_ = seen;
        suspected_since_ = now;
        reported_ = false;
        return milliseconds(first_look_after);
    }
    if (waits_for_outside()) {
        return INFINITE;
    }
    // Workers, monitor, and those that wait for an end that does not come: before the list is made, so that a thread
    // which begins to wait meanwhile is one too many, and none that stops waiting is one too few.
    const auto waiting = static_cast<unsigned>(runtime_.workers.size()) + 1 + runtime_.outside_joiners.load();
    const unsigned threads = threads_of_process();
    const bool certain = threads <= waiting && runtime_.is_deadlocked() && waits() == seen;
    if (certain && !reported_) {
        reported_ = true;
        report(true);
    } else if (!certain && !reported_unsure_ && elapsed >= unsure_after) {
        reported_unsure_ = true;
        report(false);
    }
    return milliseconds(elapsed < unsure_after ? unsure_after - elapsed : std::chrono::milliseconds(10'000));
}

// Each coroutine has a number for each of its waits: none has run as long as the sum does not change.
std::uint64_t deadlock_watch::waits() const noexcept {
    std::uint64_t sum = 1;
    runtime_.coroutines.for_each([&sum](const detail::coroutine& each) {
        if (const std::uint64_t id = each.id.load(std::memory_order_acquire)) {
            sum += each.parked_wait() * (2 * id + 1) + id;
        }
    });
    return sum;
}

bool deadlock_watch::waits_for_outside() const noexcept {
    bool found = false;
    runtime_.coroutines.for_each([&found](const detail::coroutine& each) {
        found = found || (each.id.load(std::memory_order_acquire) != 0 &&
                          each.woken_from_outside.load(std::memory_order_relaxed));
    });
    return found;
}

void deadlock_watch::report(bool certain) noexcept {
    runtime_.reports->all_blocked(runtime_, certain);
    if (certain && runtime_.options.on_deadlock == deadlock_action::end_process) {
        win::fatal("deadlock");
    }
}

} // namespace moor::sched
