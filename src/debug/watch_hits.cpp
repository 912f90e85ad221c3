// The handler of single-step exceptions, and its ring. Entries have a version that is odd while they are written, so
// that a reader notices an entry that changes under it.
#include "debug/watch_hits.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "debug/loaded_code.hpp"
#include "debug/vectored_handler.hpp"
#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"
#include "win/teb.hpp"

namespace moor::debug {

// ---- The ring ------------------------------------------------------------------------------------------------------

void hit_ring::keep(const raw_hit& hit) noexcept {
    entry& into = entries_[hit.number % capacity];
    std::uint64_t version = into.version.load(std::memory_order_relaxed);
    if (version % 2 != 0 || !into.version.compare_exchange_strong(version, version + 1, std::memory_order_acquire)) {
        return;
    }
    std::atomic_thread_fence(std::memory_order_release); // readers that see a new word see the odd version
    const auto contents = std::bit_cast<std::array<std::uint64_t, words>>(hit);
    for (std::size_t index = 0; index != words; ++index) {
        into.contents[index].store(contents[index], std::memory_order_relaxed);
    }
    into.version.store(version + 2, std::memory_order_release);
}

std::optional<raw_hit> hit_ring::read(std::uint64_t number) const noexcept {
    const entry& from = entries_[number % capacity];
    const std::uint64_t version = from.version.load(std::memory_order_acquire);
    if (version == 0 || version % 2 != 0) {
        return std::nullopt;
    }
    std::array<std::uint64_t, words> contents;
    for (std::size_t index = 0; index != words; ++index) {
        contents[index] = from.contents[index].load(std::memory_order_relaxed);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    if (from.version.load(std::memory_order_relaxed) != version) {
        return std::nullopt;
    }
    const auto hit = std::bit_cast<raw_hit>(contents);
    return hit.number == number ? std::optional(hit) : std::nullopt;
}

void hit_ring::clear() noexcept {
    count_.store(0, std::memory_order_relaxed);
    for (entry& each : entries_) {
        each.version.store(0, std::memory_order_relaxed);
    }
}

// ---- The handler ---------------------------------------------------------------------------------------------------

namespace {

std::uint64_t value_at(std::uint64_t address, std::size_t size) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(address), size);
    return value;
}

watched_stack stack_at(std::uint64_t stack_pointer, const sched::worker* here,
                       const detail::coroutine* running) noexcept {
    if (here == nullptr) {
        return watched_stack::thread;
    }
    if (running == nullptr || !running->stack.contains(reinterpret_cast<const void*>(stack_pointer))) {
        return watched_stack::worker;
    }
    return running->movement.movable ? watched_stack::movable : watched_stack::reserved;
}

void print(const raw_hit& hit, std::uint64_t address, std::size_t size, std::string_view name) noexcept {
    std::array<char, 320> line;
    const loaded_code::place in = code_at_start().place_of(hit.instruction);
    const auto end =
        fmt::format_to_n(line.data(), line.size(),
                         "moor: watch: {} bytes at {:#x} became {:#x}, written before {:#x} ({}{}{:#x}) by {} "
                         "#{} '{}' on thread {}\n",
                         size, address, hit.value, hit.instruction, in.file, in.sign, in.number,
                         hit.coroutine != 0 ? "coroutine" : "no coroutine", hit.coroutine, name,
                         static_cast<std::uint32_t>(hit.thread_and_stack));
    // Not write_error_stream, which may go to the worker's system stack: the thread may be just changing stacks.
    win::write_error_stream_here({line.data(), std::min(end.size, line.size())});
}

void record(watch_slot& hit_one, const CONTEXT& registers) noexcept {
    const std::uint64_t address = hit_one.address.load(std::memory_order_relaxed);
    const std::size_t size = hit_one.size.load(std::memory_order_relaxed);
    const sched::worker* const here = sched::worker::current();
    const detail::coroutine* const running = here != nullptr ? here->running_now() : nullptr;
    raw_hit hit;
    hit.number = hit_one.hits.begin_hit();
    hit.instruction = registers.Rip;
    hit.value = value_at(address, size);
    hit.thread_and_stack = std::uint64_t{win::teb::thread_id()} |
                           static_cast<std::uint64_t>(stack_at(registers.Rsp, here, running)) << 32u;
    if (running != nullptr) {
        static_assert(sizeof hit.name == sizeof running->name_storage);
        hit.coroutine = running->id.load(std::memory_order_relaxed);
        std::memcpy(hit.name.data(), running->name_storage.data(), sizeof hit.name);
    }
    hit_one.hits.keep(hit);
    if (hit_one.output.load(std::memory_order_relaxed) == watch_output::error_stream) {
        print(hit, address, size, running != nullptr ? running->name() : std::string_view{});
    }
}

// Whether the watch that the processor tells of is one of ours, or was a moment ago.
bool take(watch_slot& told_of, std::uint64_t watched_address, const CONTEXT& registers) noexcept {
    const auto state = told_of.state.load(std::memory_order_acquire);
    if (watched_address == reinterpret_cast<std::uint64_t>(&told_of.test_word)) {
        told_of.test_seen.store(true, std::memory_order_release);
        return true;
    }
    if (watched_address != told_of.address.load(std::memory_order_relaxed)) {
        return false;
    }
    if (state == watch_slot::use::armed) {
        record(told_of, registers);
    }
    return true;
}

LONG CALLBACK look_at_single_step(EXCEPTION_POINTERS* exception) noexcept {
    if (exception->ExceptionRecord->ExceptionCode != static_cast<DWORD>(EXCEPTION_SINGLE_STEP)) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    CONTEXT& registers = *exception->ContextRecord;
    const std::uint32_t last_error = win::teb::read_32(win::teb::field::last_error);
    constexpr std::uint64_t single_step = 1u << 14u; // in DR6: somebody steps through the code as well
    const std::array addresses{registers.Dr0, registers.Dr1, registers.Dr2, registers.Dr3};
    bool ours = false;
    for (std::size_t index = 0; index != most_watches; ++index) {
        if ((registers.Dr6 >> index & 1u) != 0 && take(watch_slots[index], addresses[index], registers)) {
            registers.Dr6 &= ~(std::uint64_t{1} << index);
            ours = true;
        }
    }
    win::teb::write_32(win::teb::field::last_error, last_error);
    return ours && (registers.Dr6 & (0xfu | single_step)) == 0 ? EXCEPTION_CONTINUE_EXECUTION
                                                               : EXCEPTION_CONTINUE_SEARCH;
}

vectored_handler handler; // guarded by the registration

void install() {
    static_cast<void>(code_at_start()); // for the lines that are printed
    handler.add(vectored_handler::place::first, &look_at_single_step);
}

void remove() noexcept { handler.remove(); }

} // namespace

win::process_registration& watch_handler() noexcept {
    static constinit win::process_registration watching(&install, &remove);
    return watching;
}

} // namespace moor::debug
