// Law 6 for moor's own calls: each of them is made from every place at which code with stack checks can make it on a
// stack of 2 KiB, and must neither touch the segment below nor, where the stack stays, use up its own. Prints how much
// each call uses; room_to_wait and room_for_io (sched/stack_movement.hpp) are held by this.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

#include <moor/moor.hpp>

#include "stack/on_movable.hpp"
#include "support/tcp_pair.hpp"
#include "win/own_stack.hpp"
#include "win/teb.hpp"

#define UNCHECKED __attribute__((no_split_stack))

namespace moor {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t segment = 2048;
constexpr std::size_t chunk = std::size_t{64} * 1024; // what segments are cut from
constexpr std::byte paint{0xa5};

// Code with checks leaves 1024 bytes, but a function whose frame is under 256 bytes compares its stack pointer before
// it takes the frame. Entered just above the limit, at 8 modulo 16, with the largest such frame, 248 bytes.
constexpr std::size_t lowest_call = 1024 + 8 - 248;

/// What the calls are made on. Lives in the frame of a coroutine with a reserved stack.
struct surroundings {
    mutex guard;
    shared_mutex shared;
    semaphore units;
    channel<int> passage{0};
    channel<int> other_passage{0};
    wait_group pending{1};
    condition_variable changed;
    once loaded;
    std::stop_source stop;
    wait_limit limit;    // a deadline that comes soon, and a token
    wait_limit patience; // one that does not, and a token
    std::error_code error;
    std::optional<int> value;
    join_handle<void> handle;
    tcp_listener listener;
    test::tcp_pair connection;
    tcp_stream made;
    endpoint place;
    std::array<std::byte, 100> buffer{};
    bool held = false;
};

/// Where an action calls the library from.
struct call_site {
    std::uintptr_t lowest = 0; // no code with checks can be below this
    std::uintptr_t at = 0;     // 0 when the action found itself below it, and did nothing

    [[gnu::always_inline]] bool reachable() noexcept {
        std::uintptr_t pointer = 0;
        asm volatile("mov %%rsp, %0" : "=r"(pointer));
        at = pointer >= lowest ? pointer : 0;
        return at != 0;
    }
};

struct probe {
    std::string_view name;
    void (*prepare)(surroundings&);            // on a reserved stack, before
    void (*action)(surroundings&, call_site&); // the call, on the stack of 2 KiB
    void (*helper)(surroundings&);             // on a reserved stack, while the action waits or after it
};

void nothing(surroundings&) {}

const probe probes[] = {
    {"yield", nothing,
     [](surroundings&, call_site& site) UNCHECKED {
         if (site.reachable()) this_coroutine::yield();
     },
     nothing},
    {"sleep", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) this_coroutine::sleep_until(with.limit.deadline());
     },
     nothing},
    {"sleep, token", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) this_coroutine::sleep_until(with.patience.deadline(), with.limit, with.error);
     },
     nothing},
    {"sleep, stopped", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) this_coroutine::sleep_until(with.patience.deadline(), with.patience, with.error);
     },
     [](surroundings& with) { with.stop.request_stop(); }},
    {"mutex, free", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) {
             with.guard.lock();
             with.guard.unlock();
         }
     },
     nothing},
    {"mutex, held",
     [](surroundings& with) {
         with.guard.lock();
         with.held = true;
     },
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.guard.lock(with.limit, with.error);
     },
     nothing},
    {"shared_mutex", [](surroundings& with) { with.shared.lock_shared(); },
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.shared.lock(with.limit, with.error);
     },
     [](surroundings& with) {
         this_coroutine::sleep_for(3ms);
         with.shared.unlock_shared();
     }},
    {"semaphore acquire", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.units.acquire(1, with.patience, with.error);
     },
     [](surroundings& with) { with.units.release(1); }},
    {"semaphore release", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.units.release(1);
     },
     [](surroundings& with) { static_cast<void>(with.units.acquire(1, with.limit, with.error)); }},
    {"channel send", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.passage.send(7, with.patience, with.error);
     },
     [](surroundings& with) { with.value = with.passage.receive(with.limit, with.error); }},
    {"channel receive", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.value = with.passage.receive(with.patience, with.error);
     },
     [](surroundings& with) { with.passage.send(7, with.limit, with.error); }},
    {"select", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) {
             select(with.limit, with.error, on_receive(with.passage, [](std::optional<int>) {}),
                    on_receive(with.other_passage, [](std::optional<int>) {}));
         }
     },
     nothing},
    {"wait_group", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.pending.wait(with.patience, with.error);
     },
     [](surroundings& with) { with.pending.done(); }},
    {"wait_group done", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.pending.done();
     },
     nothing},
    {"once", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.loaded.call([] { this_coroutine::yield(); });
     },
     nothing},
    {"spawn, movable", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable())
             with.handle = spawn({.name = "b", .stack = stack_kind::movable, .stack_size = 4096}, [] {});
     },
     nothing},
    {"spawn, reserved", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.handle = spawn({.name = "another"}, [] {});
     },
     nothing},
    {"spawn, odd size", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.handle = spawn({.stack_size = 100'000}, [] {});
     },
     nothing},
    {"join", [](surroundings& with) { with.handle = spawn([] { this_coroutine::yield(); }); },
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.handle.wait(with.patience, with.error);
     },
     nothing},
    {"join, late", [](surroundings& with) { with.handle = spawn([] { this_coroutine::sleep_for(4ms); }); },
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.handle.wait(with.limit, with.error);
     },
     nothing},
    {"request_stop", [](surroundings& with) { with.handle = spawn([] { this_coroutine::yield(); }); },
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.handle.request_stop();
     },
     nothing},
    {"detach",
     [](surroundings& with) {
         with.handle = spawn([] {});
         this_coroutine::sleep_for(1ms);
     },
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.handle.detach();
     },
     nothing},
    {"tcp read, parks", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.connection.client.read_some(with.buffer, with.patience, with.error);
     },
     [](surroundings& with) { with.connection.server.write(with.buffer); }},
    {"tcp read, at hand",
     [](surroundings& with) {
         with.connection.server.write(with.buffer);
         this_coroutine::sleep_for(1ms);
     },
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.connection.client.read_some(with.buffer, with.patience, with.error);
     },
     nothing},
    {"tcp read, late", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.connection.client.read_exactly(with.buffer, with.limit, with.error);
     },
     nothing},
    {"tcp readable", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.connection.client.wait_readable(with.limit, with.error);
     },
     nothing},
    {"tcp write", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.connection.client.write(with.buffer, with.patience, with.error);
     },
     nothing},
    {"tcp accept", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.made = with.listener.accept(with.patience, with.error);
     },
     [](surroundings& with) {
         const auto client = tcp_stream::connect(with.place);
         this_coroutine::sleep_for(1ms);
     }},
    {"tcp connect", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.made = tcp_stream::connect(with.place, with.patience, with.error);
     },
     [](surroundings& with) { static_cast<void>(with.listener.accept(with.limit, with.error)); }},
    {"tcp bind, close", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.listener = tcp_listener::bind(with.place, {}, with.error);
     },
     nothing},
    {"tcp close", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.connection.client.close();
     },
     nothing},
    {"tcp options", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.connection.client.set_no_delay(true, with.error);
     },
     nothing},
    {"tcp endpoint", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.place = with.connection.client.remote_endpoint();
     },
     nothing},
    {"endpoint parse", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) with.place = endpoint::parse("[fe80::1:2%4]:8080", with.error);
     },
     nothing},
    {"endpoint text", nothing,
     [](surroundings& with, call_site& site) UNCHECKED {
         if (site.reachable()) static_cast<void>(with.place.to_string());
     },
     nothing},
    {"ensure_stack", nothing,
     [](surroundings&, call_site& site) UNCHECKED {
         if (site.reachable()) ensure_stack(10'000);
     },
     nothing},
    {"pin_stack", nothing,
     [](surroundings&, call_site& site) UNCHECKED {
         if (site.reachable()) {
             const pin_stack pinned(5000);
         }
     },
     nothing},
    {"on_system_stack", nothing,
     [](surroundings&, call_site& site) UNCHECKED {
         if (site.reachable()) on_system_stack([]() noexcept {});
     },
     nothing},
    {"operator new", nothing,
     [](surroundings&, call_site& site) UNCHECKED {
         if (site.reachable()) ::operator delete(::operator new(5000));
     },
     nothing},
};

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
    std::size_t left = 0; // bytes above the base that were never touched
};

// At the place that is tried, below the frames of the coroutine.
UNCHECKED void paint_and_call(void* argument) {
    auto& seen = *static_cast<observation*>(argument);
    std::uintptr_t pointer = 0;
    asm volatile("mov %%rsp, %0" : "=r"(pointer));
    for (auto* byte = const_cast<volatile std::byte*>(seen.base); byte < reinterpret_cast<std::byte*>(pointer - 64);
         ++byte) {
        *byte = paint;
    }
    seen.action(*seen.with, seen.site);
}

[[gnu::noinline]] void observe(observation& seen, std::size_t place) {
    seen.base = reinterpret_cast<std::byte*>(win::teb::read(win::teb::field::deallocation_stack));
    std::byte local{};
    test::keep(local);
    std::byte* const target = seen.base + place;
    seen.possible = target + 192 < &local && reinterpret_cast<std::uintptr_t>(seen.base) % chunk != 0;
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
    into.overruns += seen->neighbour_changed || seen->left == 0 ? 1 : 0;
    into.least_left = std::min(into.least_left, seen->left);
    const auto used =
        static_cast<std::size_t>(seen->site.at - reinterpret_cast<std::uintptr_t>(seen->base)) - seen->left;
    if (!seen->moved) {
        into.deepest = std::max(into.deepest, used);
    }
}

TEST(room, every_call_stays_within_its_own) {
    const debug_switches& switches = test::switches();
    if (switches.force_move || switches.stack_poison_copy || switches.stack_fault_on_free) {
        GTEST_SKIP() << "the segment that was left cannot be looked at with these switches";
    }
    test::in_runtime(1, [] {
        // Holds the first segment of the first chunk, so that each of the others has one below it.
        const channel<int> never(0);
        auto filler = spawn({.stack = stack_kind::movable, .stack_size = segment}, [never] { never.receive(); });
        this_coroutine::yield();
        std::printf("%-20s %10s %6s %10s %12s\n", "call", "places", "moved", "least left", "deepest use");
        for (const probe& each : probes) {
            summary sums;
            for (std::size_t place = lowest_call; place < segment; place += 16) {
                try_at(each, place, sums);
            }
            std::printf("%-20s %10u %6u %10u %12u\n", each.name.data(), sums.tried, sums.moved,
                        static_cast<unsigned>(sums.least_left), static_cast<unsigned>(sums.deepest));
            EXPECT_GE(sums.tried, 5u) << each.name;
            EXPECT_EQ(sums.overruns, 0u) << each.name;
        }
        never.close();
        filler.join();
    });
}

} // namespace
} // namespace moor
