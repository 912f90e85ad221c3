// See test_clock.hpp.
#include "support/test_clock.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace moor::test {
namespace {

using std::chrono::nanoseconds;

constexpr DWORD longest_sleep = 1; // milliseconds

std::atomic<std::int64_t> tick_length{1}; // nanoseconds
std::atomic<std::int64_t> stands_at{0};   // nanoseconds since the clock's epoch; 0: it goes
std::atomic<std::int64_t> moved_on{0};    // nanoseconds
constexpr std::uint64_t cycles_per_nanosecond = 3;

std::int64_t system_time() noexcept { return nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::int64_t reading() noexcept {
    const std::int64_t still = stands_at.load();
    const std::int64_t at = (still != 0 ? still : system_time()) + moved_on.load();
    return at - at % tick_length.load();
}

test_clock::time_point read_time() noexcept { return test_clock::time_point(nanoseconds(reading())); }
std::uint64_t read_cycles() noexcept { return static_cast<std::uint64_t>(reading()) * cycles_per_nanosecond; }

win::clock_functions start(test_clock::duration wanted, bool stands_still) noexcept {
    tick_length = nanoseconds(wanted).count();
    moved_on = 0;
    stands_at = stands_still ? system_time() : 0;
    return {&read_time, &read_cycles};
}

BOOL WINAPI dequeue(HANDLE port, OVERLAPPED_ENTRY* entries, ULONG room, ULONG* count, DWORD timeout, BOOL alertable) {
    return win::real_system_calls.dequeue(port, entries, room, count, std::min(timeout, longest_sleep), alertable);
}

BOOL WINAPI wait_on_address(volatile void* address, void* undesired, SIZE_T size, DWORD timeout) {
    return win::real_system_calls.wait_on_address(address, undesired, size, std::min(timeout, longest_sleep));
}

} // namespace

test_clock::test_clock(duration tick, bool stands_still)
    : clock_(start(tick, stands_still)), short_sleeps_({.dequeue = &dequeue, .wait_on_address = &wait_on_address}) {}

void test_clock::move_on(duration by) noexcept { moved_on.fetch_add(nanoseconds(by).count()); }

test_clock::time_point test_clock::now() noexcept { return read_time(); }

} // namespace moor::test
