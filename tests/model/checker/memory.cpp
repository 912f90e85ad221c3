// Which stores a load may see, and what happens before what.
#include "memory.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace moor::model {
namespace {

bool acquires(std::memory_order order) noexcept {
    return order == std::memory_order_acquire || order == std::memory_order_consume ||
           order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}

bool releases(std::memory_order order) noexcept {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}

std::uint64_t value_in_memory(std::uintptr_t address, std::uint8_t size) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(address), size);
    return value;
}

// Whether two accesses by different threads must be ordered.
bool conflict(bool first_writes, bool first_is_atomic, bool second_writes, bool second_is_atomic) noexcept {
    return (first_writes || second_writes) && !(first_is_atomic && second_is_atomic);
}

std::uint64_t hash_of(const location& of) noexcept { return mixed(of.address, of.order_hash); }

} // namespace

memory::memory() : locations_(most_locations), words_(std::size_t{1} << 12) {}

void memory::reset() noexcept {
    threads_ = {};
    used_locations_ = 0;
    fenced_ = {};
    locations_hash_ = 0;
    threads_hash_ = 0;
    order_of_fences_ = 0;
    writes_ = 0;
    used_words_ = 0;
    ++execution_;
}

// ---- Atomic objects --------------------------------------------------------------------------------------------

location& memory::at(std::uintptr_t address, std::uint8_t size, std::size_t thread) {
    for (std::size_t index = 0; index != used_locations_; ++index) {
        location& found = locations_[index];
        if (found.address == address) {
            if (found.stale || found.size != size) {
                found.size = size;
                renew(found);
            }
            return found;
        }
    }
    if (used_locations_ == locations_.size()) {
        std::fputs("a scenario uses too many atomic objects\n", stderr);
        std::abort();
    }
    location& fresh = locations_[used_locations_++];
    fresh.address = address;
    fresh.size = size;
    fresh.writer = static_cast<std::uint8_t>(thread);
    fresh.written_at = 0;
    word& place = word_at(address / 8);
    place.has_atomic = true;
    for (std::uint8_t index = 0; index != place.count; ++index) {
        const access_record& before = place.records[index];
        if (before.kind == access_kind::write && (before.bytes >> address % 8 & 1) != 0) {
            fresh.writer = before.thread; // the last one: all writes are ordered
            fresh.written_at = before.event;
        }
    }
    fresh.order_hash = 0;
    renew(fresh);
    return fresh;
}

// What is in memory is the first store.
void memory::renew(location& of) noexcept {
    locations_hash_ -= hash_of(of) * (of.order_hash != 0);
    of.stale = false;
    of.after_last_seq = 0;
    of.history.clear();
    store first;
    first.value = value_in_memory(of.address, of.size);
    first.thread = of.writer;
    first.event = of.written_at;
    of.history.push_back(first);
    of.order_hash = mixed(mixed(of.order_hash, of.writer), of.written_at) | 1;
    locations_hash_ += hash_of(of);
    const auto number = static_cast<std::size_t>(&of - locations_.data());
    for (thread_view& each : threads_) {
        if (number < each.floor.size()) {
            each.floor[number] = 0;
        }
    }
}

std::size_t memory::first_visible(const location& of, std::size_t thread, std::memory_order order) const noexcept {
    const thread_view& view = threads_[thread];
    const auto number = static_cast<std::size_t>(&of - locations_.data());
    std::size_t least = number < view.floor.size() ? view.floor[number] : 0;
    vector_clock known = view.now;
    known.join(view.visible);
    if (order == std::memory_order_seq_cst) {
        least = std::max(least, of.after_last_seq);
        known.join(fenced_);
    }
    for (std::size_t index = of.history.size(); index-- > least;) {
        const store& each = of.history[index];
        if (known.covers(each.thread, each.event)) {
            return index;
        }
        for (std::size_t reader = 0; reader != most_threads; ++reader) {
            if (each.read_at[reader] != 0 && known.covers(reader, each.read_at[reader])) {
                return index;
            }
        }
    }
    return least;
}

void memory::set_history(std::size_t thread, std::uint64_t hash) noexcept {
    threads_hash_ -= mixed(thread + 1, threads_[thread].history);
    threads_[thread].history = hash;
    threads_hash_ += mixed(thread + 1, hash);
}

// Reads one of the stores, in an event that has begun.
void memory::take_over(location& from, std::size_t index, std::size_t thread, std::memory_order order) noexcept {
    thread_view& view = threads_[thread];
    store& seen = from.history[index];
    if (seen.read_at[thread] == 0) {
        seen.read_at[thread] = view.now.at[thread];
    }
    (acquires(order) ? view.now : view.to_acquire).join(seen.released);
    note(thread, mixed(mixed(from.address, seen.thread), seen.event));
}

std::uint64_t memory::load(location& from, std::size_t index, std::size_t thread, std::memory_order order) noexcept {
    begin_event(thread);
    take_over(from, index, thread, order);
    return from.history[index].value;
}

void memory::append(location& to, std::uint64_t value, std::size_t thread, std::memory_order order,
                    const vector_clock* continued) noexcept {
    const thread_view& view = threads_[thread];
    store added;
    added.value = value;
    added.thread = static_cast<std::uint8_t>(thread);
    added.event = view.now.at[thread];
    added.released = releases(order) ? view.now : view.fence_release;
    if (continued != nullptr) {
        added.released.join(*continued);
    }
    locations_hash_ -= hash_of(to);
    to.order_hash = mixed(mixed(to.order_hash, thread + 1), added.event) | 1;
    locations_hash_ += hash_of(to);
    if (order == std::memory_order_seq_cst) {
        to.after_last_seq = to.history.size();
    }
    to.history.push_back(added);
    std::memcpy(reinterpret_cast<void*>(to.address), &value, to.size);
    ++writes_;
    note(thread, mixed(to.address, value));
}

void memory::write(location& to, std::uint64_t value, std::size_t thread, std::memory_order order) noexcept {
    begin_event(thread);
    append(to, value, thread, order, nullptr);
}

void memory::read_modify_write(location& of, std::uint64_t value, std::size_t thread,
                               std::memory_order order) noexcept {
    begin_event(thread);
    take_over(of, of.history.size() - 1, thread, order);
    const vector_clock continued = of.history.back().released; // it goes on with the release sequence
    append(of, value, thread, order, &continued);
}

void memory::fence(std::size_t thread, std::memory_order order) noexcept {
    begin_event(thread);
    thread_view& view = threads_[thread];
    if (acquires(order)) {
        view.now.join(view.to_acquire);
    }
    if (order == std::memory_order_seq_cst) {
        order_of_fences_ -= view.fences;
        view.visible.join(fenced_);
        view.floor.resize(std::max(view.floor.size(), used_locations_));
        std::uint64_t hash = 0;
        for (std::size_t number = 0; number != used_locations_; ++number) {
            view.floor[number] = std::max(view.floor[number], locations_[number].after_last_seq);
            hash += view.floor[number] * mixed(1, locations_[number].address);
        }
        fenced_.join(view.now);
        for (const std::uint16_t event : view.visible.at) {
            hash = mixed(hash, event);
        }
        view.fences = mixed(thread + 1, hash);
        order_of_fences_ += view.fences;
        std::uint64_t all = 0;
        for (const std::uint16_t event : fenced_.at) {
            all = mixed(all, event);
        }
        note(thread, all);
    }
    if (releases(order)) {
        view.fence_release = view.now;
    }
    note(thread, static_cast<std::uint64_t>(order) + 17);
}

void memory::catch_up(std::size_t thread) noexcept {
    for (std::size_t other = 0; other != most_threads; ++other) {
        threads_[thread].visible.at[other] =
            std::max(threads_[thread].visible.at[other], threads_[other].now.at[other]);
        note(thread, threads_[thread].visible.at[other]);
    }
}

void memory::start(std::size_t thread, std::size_t from) noexcept {
    begin_event(from);
    threads_[thread] = {};
    threads_[thread].now = threads_[from].now;
    note(thread, mixed(thread, threads_[from].history));
    begin_event(from); // what it does from here on does not happen before
}

void memory::join(std::size_t thread, std::size_t into) noexcept {
    begin_event(thread);
    threads_[into].now.join(threads_[thread].now);
}

// ---- Plain memory ----------------------------------------------------------------------------------------------

memory::word& memory::word_at(std::uintptr_t eighth) {
    if (used_words_ * 2 > words_.size()) {
        grow();
    }
    const std::size_t mask = words_.size() - 1;
    for (std::size_t place = mixed(0, eighth) & mask;; place = (place + 1) & mask) {
        word& found = words_[place];
        if (found.execution != execution_) {
            found.address = eighth;
            found.execution = execution_;
            found.has_atomic = false;
            found.freed = 0;
            found.count = 0;
            ++used_words_;
            return found;
        }
        if (found.address == eighth) {
            return found;
        }
    }
}

void memory::grow() {
    std::vector<word> before(words_.size() * 2);
    before.swap(words_);
    const std::size_t mask = words_.size() - 1;
    for (const word& each : before) {
        if (each.execution == execution_) {
            std::size_t place = mixed(0, each.address) & mask;
            while (words_[place].execution == execution_) {
                place = (place + 1) & mask;
            }
            words_[place] = each;
        }
    }
}

// Whether whatever conflicts with an access of the kind `before` conflicts with one of the kind `later`, too.
bool memory::stands_for(access_kind later, access_kind before) noexcept {
    return later == before || later == access_kind::write ||
           (before == access_kind::atomic_read && later != access_kind::write);
}

std::optional<violation> memory::access(word& to, std::uint8_t bytes, access_kind kind, std::size_t thread) {
    const auto writes = [](access_kind of) { return of == access_kind::write || of == access_kind::atomic_write; };
    const auto is_atomic = [](access_kind of) { return of >= access_kind::atomic_read; };
    const std::uintptr_t address = to.address * 8;
    if ((to.freed & bytes) != 0) {
        return violation{"memory is used that was freed", address};
    }
    const vector_clock& now = threads_[thread].now;
    const access_record added{static_cast<std::uint16_t>(now.at[thread] + 1), static_cast<std::uint8_t>(thread), bytes,
                              kind};
    std::uint8_t kept = 0;
    for (std::uint8_t index = 0; index != to.count; ++index) {
        const access_record& before = to.records[index];
        const bool is_ordered = before.thread == thread || now.covers(before.thread, before.event);
        if ((before.bytes & bytes) != 0 && !is_ordered &&
            conflict(writes(before.kind), is_atomic(before.kind), writes(kind), is_atomic(kind))) {
            return violation{"two threads use the same memory at the same time, and one of them writes", address};
        }
        // What is not ordered with this one is not ordered with the one that is added, which is found instead.
        if (!is_ordered || (before.bytes & ~bytes) != 0 || !stands_for(kind, before.kind)) {
            to.records[kept++] = before;
        }
    }
    if (kept == to.records.size()) {
        std::fputs("too many threads use the parts of a word\n", stderr);
        std::abort();
    }
    to.records[kept++] = added;
    to.count = kept;
    return std::nullopt;
}

std::optional<violation> memory::access_all(std::uintptr_t address, std::size_t bytes, access_kind kind,
                                            std::size_t thread) {
    for (const std::uintptr_t end = address + bytes; address < end;) {
        const std::uintptr_t first = address % 8;
        const std::uintptr_t count = std::min<std::uintptr_t>(8 - first, end - address);
        word& place = word_at(address / 8);
        if (kind == access_kind::write && place.has_atomic) {
            note_plain_write(address, address + count, thread);
        }
        const auto mask = static_cast<std::uint8_t>((0xffu >> (8 - count)) << first);
        if (const auto wrong = access(place, mask, kind, thread)) {
            return wrong;
        }
        address += count;
    }
    return std::nullopt;
}

// Atomic objects that are written plainly, as by a constructor, begin anew.
void memory::note_plain_write(std::uintptr_t first, std::uintptr_t end, std::size_t thread) noexcept {
    for (std::size_t number = 0; number != used_locations_; ++number) {
        location& each = locations_[number];
        if (each.address < end && each.address + each.size > first) {
            each.stale = true;
            each.writer = static_cast<std::uint8_t>(thread);
            each.written_at = static_cast<std::uint16_t>(threads_[thread].now.at[thread] + 1);
        }
    }
}

std::optional<violation> memory::plain_read(std::uintptr_t address, std::size_t bytes, std::size_t thread) noexcept {
    return access_all(address, bytes, access_kind::read, thread);
}

std::optional<violation> memory::plain_write(std::uintptr_t address, std::size_t bytes, std::size_t thread) noexcept {
    return access_all(address, bytes, access_kind::write, thread);
}

std::optional<violation> memory::atomic_access(const location& of, bool writes, std::size_t thread) noexcept {
    word_at(of.address / 8).has_atomic = true;
    return access_all(of.address, of.size, writes ? access_kind::atomic_write : access_kind::atomic_read, thread);
}

void memory::freed(std::uintptr_t address, std::size_t bytes) noexcept {
    for (std::size_t offset = 0; offset != bytes; ++offset) {
        word& place = word_at((address + offset) / 8);
        place.freed = static_cast<std::uint8_t>(place.freed | 1u << (address + offset) % 8);
    }
}

} // namespace moor::model
