// Law 6 for moor's own calls: each of them is made from every place at which code with stack checks can make it on a
// stack of 2 KiB, and must neither touch the segment below nor, where the stack stays, use up its own. Prints how much
// each call uses; room_to_wait and room_for_io (sched/stack_mover.hpp) are held by this.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>

#include "stack/memory.hpp"
#include "stack/on_movable.hpp"
#include "stack/room_probes.hpp"
#include "win/system_stack.hpp"
#include "win/teb.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::room::call_site;
using test::room::probe;
using test::room::surroundings;

constexpr std::size_t segment = 2048;
constexpr std::size_t chunk = std::size_t{64} * 1024; // what segments are cut from
constexpr std::byte paint{0xa5};
constexpr std::size_t end_word = sizeof(std::uint64_t); // the lowest, which is looked at

// A function whose frame is under 256 bytes compares its stack pointer before it takes the frame. So the lowest call is
// that of one that was entered just above the limit, at 8 modulo 16, with the largest such frame, 248 bytes.
constexpr std::size_t lowest_call = stack::memory::headroom + 8 - 248;

/// What one call did to the stack that it began on. On the heap.
struct observation {
    void (*action)(surroundings&, call_site&) = nullptr;
    surroundings* with = nullptr;
    std::byte* base = nullptr;
    call_site site;
    std::array<std::byte, segment> below{}; // the segment below as it was before
    bool possible = false;                  // the place lies below what the coroutine uses itself
    bool moved = false;
    bool neighbour_changed = false;
    std::size_t left = end_word; // bytes above the base that were never touched
};

// At the place that is tried, below the frames of the coroutine.
MOOR_TEST_UNCHECKED void paint_and_call(void* argument) {
    auto& seen = *static_cast<observation*>(argument);
    std::uintptr_t pointer = 0;
    asm volatile("mov %%rsp, %0" : "=r"(pointer));
    for (auto* byte = const_cast<volatile std::byte*>(seen.base) + end_word;
         byte < reinterpret_cast<std::byte*>(pointer - 64); ++byte) {
        *byte = paint;
    }
    seen.action(*seen.with, seen.site);
}

[[gnu::noinline]] void observe(observation& seen, std::size_t place) {
    seen.base = reinterpret_cast<std::byte*>(win::teb::read(win::teb::field::deallocation_stack));
    std::byte* pointer = nullptr;
    asm volatile("mov %%rsp, %0" : "=r"(pointer));
    std::byte* const target = seen.base + place;
    // Below this frame and what moor_call_on_stack saves: its return address and rbp.
    seen.possible = target + 16 <= pointer && reinterpret_cast<std::uintptr_t>(seen.base) % chunk != 0;
    if (!seen.possible) {
        return;
    }
    std::copy_n(seen.base - segment, segment, seen.below.begin());
    seen.site.lowest = reinterpret_cast<std::uintptr_t>(seen.base) + lowest_call;
    const std::uint64_t before = this_coroutine::stack_copies();
    moor_call_on_stack(target, paint_and_call, &seen);
    seen.moved = this_coroutine::stack_copies() != before;
    // Nobody else takes the segment meanwhile, so it is as it was left even when the stack has gone elsewhere.
    seen.neighbour_changed = std::memcmp(seen.base - segment, seen.below.data(), segment) != 0;
    while (seen.left < segment && seen.base[seen.left] == paint) {
        ++seen.left;
    }
}

struct summary {
    unsigned tried = 0;
    unsigned moved = 0;
    unsigned overruns = 0;
    std::size_t least_left = segment;
    std::size_t deepest = 0; // below the call, where the stack stayed
};

void try_at(const probe& what, std::size_t place, summary& into) {
    surroundings with;
    with.listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0), {.outstanding_accepts = 1});
    with.connection = test::connect_through(with.listener);
    with.place = with.listener.local_endpoint();
    with.datagrams = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
    with.other_datagrams = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
    with.other_place = with.other_datagrams.local_endpoint();
    with.datagrams.set_report_destination(true);
    with.options.source = endpoint::loopback(address_family::ipv4, 0);
    with.limit = wait_limit(1ms, with.stop.get_token());
    with.patience = wait_limit(10s, with.stop.get_token());
    what.prepare(with);
    const auto seen = std::make_unique<observation>();
    seen->action = what.action;
    seen->with = &with;
    auto call = spawn({.name = "probe", .stack = stack_kind::movable, .stack_size = segment},
                      [&seen = *seen, place] { observe(seen, place); });
    auto helper = spawn([&] { what.helper(with); });
    call.join();
    helper.join();
    if (with.held) {
        with.guard.unlock();
    }
    if (!seen->possible || seen->site.at == 0) {
        return;
    }
    ++into.tried;
    into.moved += seen->moved ? 1 : 0;
    into.overruns += seen->neighbour_changed || seen->left == end_word ? 1 : 0;
    into.least_left = std::min(into.least_left, seen->left);
    const auto used =
        static_cast<std::size_t>(seen->site.at - reinterpret_cast<std::uintptr_t>(seen->base)) - seen->left;
    if (!seen->moved) {
        into.deepest = std::max(into.deepest, used);
    }
}

TEST(room, every_call_stays_within_its_own) {
    const debug_switches& switches = test::switches();
    if (switches.force_move || switches.stack_poison_copy || switches.stack_fault_on_free || switches.stack_guard) {
        GTEST_SKIP() << "the segment that was left cannot be looked at with these switches";
    }
    test::in_runtime(1, [] {
        // Holds the first segment of the first chunk, so that each of the others has one below it.
        const channel<int> never(0);
        auto filler = spawn({.stack = stack_kind::movable, .stack_size = segment}, [never] { never.receive(); });
        this_coroutine::yield();
        std::printf("%-20s %10s %6s %10s %12s\n", "call", "places", "moved", "least left", "deepest use");
        for (const probe& each : test::room::all_probes()) {
            summary sums;
            for (std::size_t place = lowest_call; place < segment; place += 16) {
                try_at(each, place, sums);
            }
            std::printf("%-20s %10u %6u %10u %12u\n", each.name.data(), sums.tried, sums.moved,
                        static_cast<unsigned>(sums.least_left), static_cast<unsigned>(sums.deepest));
            EXPECT_GE(sums.tried, 1u) << each.name;
            EXPECT_EQ(sums.overruns, 0u) << each.name;
        }
        never.close();
        filler.join();
    });
}

} // namespace
} // namespace moor
