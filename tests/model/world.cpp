// What stands in for the scheduler and for the system, under the files that are modelled.
#include "world.hpp"

#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <sys/mman.h>

#include <moor/detail/clock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/this_coroutine.hpp>

#include "iocp/overlapped_calls.hpp"
#include "sched/stack_mover.hpp"
#include "sched/stop_wait.hpp"
#include "system.hpp"
#include "win/error.hpp"
#include "win/system_calls.hpp"
#include "win/virtual_memory.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

// By the model's thread; each looks at its own alone.
std::array<sched::worker*, model::most_threads> running;

// Threads in WaitOnAddress, and for which address.
struct sleeper {
    std::atomic<const volatile void*> address{nullptr};
};
std::array<sleeper, model::most_threads> sleepers;

// Reserved once, used by each execution from the beginning.
constexpr std::size_t most_address_space = std::size_t{64} * 1024 * 1024 * 1024;
std::byte* const all_address_space = static_cast<std::byte*>(
    ::mmap(nullptr, most_address_space, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
std::size_t taken_address_space = 0;

// Of the documented kind: the value is compared when the thread can be woken already, and whoever wakes it has a
// barrier behind what it has stored before.
BOOL wait_on_address(volatile void* address, void* undesired, std::uintptr_t bytes, DWORD) {
    auto& own = sleepers[model::current_thread()].address;
    own.store(address, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    model::require(bytes == sizeof(std::uint64_t), "a word of a wait has eight bytes");
    const auto& word = *static_cast<const volatile std::atomic<std::uint64_t>*>(address);
    if (word.load(std::memory_order_relaxed) == *static_cast<std::uint64_t*>(undesired)) {
        model::block_while_equal(&own, sizeof own, reinterpret_cast<std::uint64_t>(address));
    }
    own.store(nullptr, std::memory_order_relaxed);
    return 1;
}

void wake_all_by_address(void* address) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (auto& each : sleepers) {
        const volatile void* expected = address;
        each.address.compare_exchange_strong(expected, nullptr, std::memory_order_relaxed);
    }
}

DWORD queue_apc(void (*)(ULONG_PTR), HANDLE thread, ULONG_PTR) {
    auto& target = *static_cast<sched::worker*>(thread);
    target.runtime().io.port.call(target.index());
    return 1;
}

} // namespace

const win::system_calls& win::system() noexcept {
    static constexpr system_calls calls{&wait_on_address, &wake_all_by_address, &queue_apc};
    return calls;
}

// It stands still.
detail::wait_clock::time_point detail::now() noexcept { return wait_clock::time_point(std::chrono::hours(1)); }

win::address_space::address_space(std::size_t bytes) : base_(all_address_space + taken_address_space), size_(bytes) {
    taken_address_space += bytes;
    model::require(taken_address_space <= most_address_space, "the scenario has address space");
}

win::address_space win::address_space::at(std::byte* place, std::size_t bytes) noexcept { return {place, bytes}; }
win::address_space::~address_space() = default;
std::byte* win::likely_free_place(std::size_t bytes) noexcept {
    return all_address_space + std::exchange(taken_address_space, taken_address_space + bytes);
}
// The system's memory is zero when it is new.
bool win::commit(std::byte* first, std::size_t bytes) noexcept { return ::madvise(first, bytes, MADV_DONTNEED) == 0; }
bool win::commit_guard(std::byte*, std::size_t) noexcept { return true; }
void win::decommit(std::byte*, std::size_t) noexcept {}

namespace model {

fresh_address_space::fresh_address_space() noexcept { taken_address_space = 0; }

world::world(std::size_t count) {
    running = {};
    for (sleeper& each : sleepers) {
        each.address.store(nullptr, std::memory_order_relaxed);
    }
    for (sched::worker& each : workers) {
        each.runs.runtime = &runtime;
        each.runs.id.store(static_cast<std::uint64_t>(&each - workers.data()) + 1, std::memory_order_relaxed);
        if (runtime.workers.size() != count) {
            runtime.workers.push_back(&each);
        }
    }
}

as_coroutine::as_coroutine(sched::worker& of) noexcept { running[current_thread()] = &of; }
as_coroutine::~as_coroutine() { running[current_thread()] = nullptr; }

} // namespace model

sched::worker::worker(runtime_core& runtime, unsigned index) noexcept : runtime_(runtime), index_(index) {}

void sched::worker::push_last(coroutine& item) noexcept {
    if (!ring_.push(item)) {
        push_full_ring(item);
    }
}

sched::coroutine* sched::worker::choose_fairly() noexcept {
    if (coroutine* const pinned = pinned_.pop()) {
        return pinned;
    }
    if (coroutine* const next = next_.exchange(nullptr, std::memory_order_acq_rel)) {
        return next;
    }
    if (coroutine* const queued = ring_.pop()) {
        return queued;
    }
    return runtime_.shared.pop();
}

void detail::runtime_core::wake_worker() noexcept {
    if (idle.claim_wakeup()) {
        io.port.post_wake();
    }
}

sched::worker* sched::worker::current() noexcept { return running[model::current_thread()]; }

void sched::worker::suspend(departure) noexcept {
    worker& here = *current();
    if (!here.runs.park()) {
        return;
    }
    while (here.resumed.exchange(0, std::memory_order_acquire) == 0) {
        model::block_while_equal(&here.resumed, sizeof here.resumed, 0);
    }
}

void detail::runtime_core::make_ready(coroutine& ready) noexcept {
    for (sched::worker* const each : workers) {
        if (&each->runs == &ready) {
            // Release and acquire are what every queue of the scheduler gives.
            model::require(each->resumed.exchange(1, std::memory_order_release) == 0,
                           "a coroutine is made runnable once");
        }
    }
}

void detail::runtime_core::recycle(coroutine& unused) noexcept {
    model::require(unused.work == nullptr, "a recycled block has no body");
    unused.id.store(0, std::memory_order_release);
    ++recycled;
}

// No scenario starts a coroutine in the middle.
detail::coroutine& detail::runtime_core::create(const spawn_options&, const unstarted_coroutine::body_layout&) {
    std::abort();
}
void detail::runtime_core::discard(coroutine&) noexcept {}
void detail::runtime_core::start(coroutine&) noexcept {}
void this_coroutine::yield() noexcept {}

void sched::prepare_stack(std::size_t) noexcept {}

// The table of stop tokens is one of the process, and outlives an execution; a token is good for nothing here.
sched::stop_wait::stop_wait(const std::stop_token&, detail::wait_ticket ticket) noexcept
    : ticket_(ticket), bucket_(0) {}
sched::stop_wait::~stop_wait() = default;

std::error_code win::to_error(std::uint32_t code) noexcept { return {static_cast<int>(code), std::system_category()}; }

void win::fatal(std::string_view text, unsigned) noexcept {
    model::require(false, text.data());
    __builtin_trap();
}

void iocp::cancel(operation& call, win::io_handle) noexcept { model::kernel::last_made->cancel(&call); }
void iocp::cancel_all(win::io_handle) noexcept { model::kernel::last_made->cancel(nullptr); }

const iocp::operation_pool* iocp::pool_of_caller() noexcept { return nullptr; }

} // namespace moor

ULONG RtlNtStatusToDosError(NTSTATUS status) { return static_cast<ULONG>(status & 0xffff); }
