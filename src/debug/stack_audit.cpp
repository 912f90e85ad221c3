// Findings are gathered without any allocation, since a heap is locked while it is read, and reported afterwards.
#include "debug/stack_audit.hpp"

#include <algorithm>
#include <mutex>
#include <span>

#include <fmt/format.h>

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "stack/growth.hpp"
#include "win/error.hpp"
#include "win/loader.hpp"
#include "win/virtual_memory.hpp"
#include "win/windows.hpp"

namespace moor::debug {
namespace {

using detail::coroutine;
using sched::moved_stack;

std::uint64_t number(const void* address) noexcept { return reinterpret_cast<std::uint64_t>(address); }

// ---- What is found -------------------------------------------------------------------------------------------------

enum class place : std::uint8_t { heap_block, image_data, closure, data_stack, coroutine_stack, worker_stack };

// There a word may be what an earlier call has left behind, or a register that was saved and is not used any more.
constexpr bool is_stack(place where) noexcept {
    return where == place::coroutine_stack || where == place::worker_stack;
}

struct finding {
    place where = place::heap_block;
    std::uint64_t block = 0;
    std::uint64_t block_bytes = 0;
    std::uint64_t offset = 0; // of the word within it
    std::uint64_t from_top = 0;
    std::uint64_t owner = 0; // id of the coroutine that the closure, data stack or stack is of
};

struct region {
    place where;
    std::uint64_t address;
    std::uint64_t bytes;
    std::uint64_t owner = 0;
};

class findings {
public:
    findings(const moved_stack& moved, const suspension_addresses& suspensions) noexcept
        : lowest_(number(moved.first) + stack::saved_bytes), top_(number(moved.old.top())), suspensions_(suspensions) {}

    // Reads a region that stays readable meanwhile. `contents` is what to read instead of the region itself.
    void search(const region& searched, const std::byte* contents) noexcept {
        for (std::uint64_t offset = 0; offset + sizeof(std::uint64_t) <= searched.bytes; offset += 8) {
            const std::uint64_t word = load(contents + offset);
            if (word - lowest_ < top_ - lowest_ && !is_known(word, contents, offset)) {
                add(searched, offset, word);
            }
        }
    }
    void search(const region& searched) noexcept {
        search(searched, reinterpret_cast<const std::byte*>(searched.address));
    }

    // Takes back what was found last, all in one place, since `count` words were found in all.
    void forget_from(std::uint64_t count, bool on_stacks = false) noexcept {
        on_stacks_ -= on_stacks ? count_ - count : 0;
        count_ = count;
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t on_stacks() const noexcept { return on_stacks_; }
    [[nodiscard]] std::span<const finding> kept() const noexcept {
        return {kept_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(count_, kept_.size()))};
    }

private:
    // Others may write to it now: whole words, and each value is as good as another.
    static std::uint64_t load(const std::byte* from) noexcept {
        return *reinterpret_cast<const volatile std::uint64_t*>(from);
    }

    [[nodiscard]] bool is_known(std::uint64_t word, const std::byte* contents, std::uint64_t offset) const noexcept {
        return suspensions_.contains(word) || is_of_unwinder(contents, offset);
    }

    // Whether the word is one of the six that belong to the unwinder in the header of an exception: they follow the
    // exception's class, "GNUCC++" of libstdc++ or "CLNGC++" of libc++ with a last byte of 0 or 1, and one more word.
    [[nodiscard]] static bool is_of_unwinder(const std::byte* contents, std::uint64_t offset) noexcept {
        constexpr std::uint64_t gnu = 0x474e5543432b2b00;
        constexpr std::uint64_t clang = 0x434c4e47432b2b00;
        for (std::uint64_t back = 2; back <= 7 && back * 8 <= offset; ++back) {
            const std::uint64_t word = load(contents + offset - back * 8) & ~std::uint64_t{1};
            if (word == gnu || word == clang) {
                return true;
            }
        }
        return false;
    }

    void add(const region& searched, std::uint64_t offset, std::uint64_t word) noexcept {
        if (count_ < kept_.size()) {
            kept_[count_] = {searched.where, searched.address, searched.bytes, offset, top_ - word, searched.owner};
        }
        ++count_;
        on_stacks_ += is_stack(searched.where) ? 1 : 0;
    }

    std::uint64_t lowest_;
    std::uint64_t top_;
    const suspension_addresses& suspensions_;
    std::uint64_t count_ = 0;
    std::uint64_t on_stacks_ = 0; // of those
    std::array<finding, 32> kept_{};
};

// ---- Where is searched ---------------------------------------------------------------------------------------------

// A block of moor's own bookkeeping, which knows stacks by profession and holds left-overs where it is not filled. The
// runtime has the registers of the last thread that its monitor has suspended.
bool is_bookkeeping(const PROCESS_HEAP_ENTRY& block, const detail::runtime_core& runtime) noexcept {
    const auto* const first = static_cast<const std::byte*>(block.lpData);
    const auto* const core = reinterpret_cast<const std::byte*>(&runtime);
    if (core >= first && core < first + block.cbData) {
        return true;
    }
    return std::any_of(runtime.workers.begin(), runtime.workers.end(), [&](const auto& each) {
        return each->lies_in(static_cast<const std::byte*>(block.lpData), block.cbData);
    });
}

void search_heaps(const detail::runtime_core& runtime, findings& found) noexcept {
    std::array<HANDLE, 64> heaps{};
    const DWORD count = std::min<DWORD>(::GetProcessHeaps(heaps.size(), heaps.data()), heaps.size());
    for (DWORD index = 0; index != count; ++index) {
        if (::HeapLock(heaps[index]) == FALSE) {
            continue; // it is used by one thread only, and nobody else may look into it
        }
        PROCESS_HEAP_ENTRY block{};
        while (::HeapWalk(heaps[index], &block) != FALSE) {
            if ((block.wFlags & PROCESS_HEAP_ENTRY_BUSY) == 0) {
                continue;
            }
            const std::uint64_t before = found.count();
            found.search({place::heap_block, number(block.lpData), block.cbData});
            if (found.count() != before && is_bookkeeping(block, runtime)) {
                found.forget_from(before);
            }
        }
        ::HeapUnlock(heaps[index]);
    }
}

void search_image(const void* image, findings& found) noexcept {
    const auto base = number(image);
    const auto& start = *static_cast<const IMAGE_DOS_HEADER*>(image);
    const auto& headers = *reinterpret_cast<const IMAGE_NT_HEADERS*>(base + static_cast<std::uint64_t>(start.e_lfanew));
    const auto* const sections = IMAGE_FIRST_SECTION(&headers);
    for (unsigned index = 0; index != headers.FileHeader.NumberOfSections; ++index) {
        const IMAGE_SECTION_HEADER& each = sections[index];
        if ((each.Characteristics & IMAGE_SCN_MEM_WRITE) != 0) {
            found.search({place::image_data, base + each.VirtualAddress, each.Misc.VirtualSize});
        }
    }
}

void search_images(findings& found) noexcept {
    const void* const program = win::program_image();
    search_image(program, found);
    const void* const ours = win::image_of(reinterpret_cast<const void*>(&search_image));
    if (ours != nullptr && ours != program) {
        search_image(ours, found);
    }
}

// A stack that another worker may resume and give back any time: read through the system, which does not mind, and
// believed only when its coroutine has stayed parked.
void search_parked_stack(const coroutine& owner, const region& used, findings& found) noexcept {
    const std::uint64_t wait = owner.parked_wait();
    if (wait == 0) {
        return;
    }
    const std::uint64_t before = found.count();
    std::array<std::byte, 4096> contents;
    for (std::uint64_t offset = 0; offset < used.bytes; offset += contents.size()) {
        const std::uint64_t bytes = std::min<std::uint64_t>(contents.size(), used.bytes - offset);
        if (!win::read_memory(reinterpret_cast<const void*>(used.address + offset), std::span(contents).first(bytes))) {
            break;
        }
        found.search({used.where, used.address + offset, bytes, used.owner}, contents.data());
    }
    if (owner.parked_wait() != wait) {
        found.forget_from(before, true);
    }
}

// The closure of a coroutine that has ended is destroyed. A large one is in a heap.
void search_closure(coroutine& each, findings& found) noexcept {
    const std::lock_guard guard(each.end_lock);
    if (each.end.load(std::memory_order_relaxed) == coroutine::end_state::running && each.large_body == nullptr) {
        found.search({place::closure, number(each.body_storage.data()), each.body_storage.size(),
                      each.id.load(std::memory_order_relaxed)});
    }
}

void search_stack_of(const coroutine& each, bool is_alone, findings& found) noexcept {
    const void* const resumed_at = each.state.resume_at;
    if (!each.stack.contains(resumed_at)) {
        return;
    }
    const region used{place::coroutine_stack, number(resumed_at), number(each.stack.top()) - number(resumed_at),
                      each.id.load(std::memory_order_relaxed)};
    if (is_alone) {
        found.search(used);
    } else {
        search_parked_stack(each, used, found);
    }
}

void search_coroutines(const moved_stack& moved, findings& found) noexcept {
    auto& runtime = moved.on.runtime();
    const bool is_alone = runtime.workers.size() == 1; // then all others are suspended, and stay so meanwhile
    runtime.coroutines.for_each([&](coroutine& each) {
        if (each.id.load(std::memory_order_acquire) == 0) {
            return;
        }
        search_closure(each, found);
        if (&each != &moved.of) { // whose own has just been adjusted
            search_stack_of(each, is_alone, found);
        }
    });
}

// The variables of the functions on the stack that has moved. Those of others' do not know it: no address of a local
// variable is one of that stack.
void search_data_stack(const moved_stack& moved, findings& found) noexcept {
    const std::uint64_t id = moved.of.id.load(std::memory_order_relaxed);
    moved.of.data.for_each_used([&found, id](const std::byte* first, std::size_t bytes) {
        found.search({place::data_stack, number(first), bytes, id});
    });
}

void search_system_stack(const moved_stack& moved, findings& found) noexcept {
    const std::uint64_t left_at = number(moved.on.left_at()); // below it are our own frames
    const std::uint64_t top = win::teb::read(win::teb::field::stack_base);
    found.search({place::worker_stack, left_at, top - left_at});
}

// ---- The report ----------------------------------------------------------------------------------------------------

using line = fmt::basic_memory_buffer<char, 512>;

void describe(const finding& each, line& text) {
    const auto out = std::back_inserter(text);
    switch (each.where) {
    case place::heap_block: fmt::format_to(out, "the heap block"); break;
    case place::image_data: fmt::format_to(out, "the image's data"); break;
    case place::closure: fmt::format_to(out, "the closure of coroutine #{}", each.owner); break;
    case place::data_stack: fmt::format_to(out, "the data stack of coroutine #{}", each.owner); break;
    case place::coroutine_stack: fmt::format_to(out, "the stack of coroutine #{}", each.owner); break;
    case place::worker_stack: fmt::format_to(out, "the worker's system stack"); break;
    }
    fmt::format_to(out, " at {:#x} of {} bytes", each.block, each.block_bytes);
}

void report(const moved_stack& moved, const findings& found) noexcept {
    const std::uint64_t top = number(moved.old.top());
    const std::uint64_t distance = number(moved.copy) - number(moved.first);
    const std::uint64_t id = moved.of.id.load(std::memory_order_relaxed);
    for (const finding& each : found.kept()) {
        line text;
        fmt::format_to(std::back_inserter(text), "moor: audit: the stack of coroutine #{} '{}' has moved, but ", id,
                       moved.of.name());
        describe(each, text);
        fmt::format_to(std::back_inserter(text),
                       " still points into its old place{}: the word at offset {} is {:#x}, {} bytes below the top; "
                       "what was there is at {:#x} now\n",
                       is_stack(each.where) ? " (or an earlier call has left that there)" : "", each.offset,
                       top - each.from_top, each.from_top, top - each.from_top + distance);
        win::write_error_stream({text.data(), text.size()});
    }
    line text;
    fmt::format_to(std::back_inserter(text),
                   "moor: audit: {} words, {} of them on stacks, point into the old place of the stack of coroutine "
                   "#{} '{}' after move {}\n",
                   found.count(), found.on_stacks(), id, moved.of.name(), moved.of.movement.copies);
    win::write_error_stream({text.data(), text.size()});
}

} // namespace

// ---- Suspension addresses ------------------------------------------------------------------------------------------

namespace {

std::size_t first_slot(std::uint64_t address, std::size_t capacity) noexcept {
    return static_cast<std::size_t>((address >> 4u) * 0x9e3779b97f4a7c15u >> 32u) & (capacity - 1);
}

} // namespace

void suspension_addresses::note(const void* address) noexcept {
    const std::uint64_t value = number(address);
    const std::size_t first = first_slot(value, capacity);
    for (std::size_t probe = 0; probe != longest_probe; ++probe) {
        std::atomic<std::uint64_t>& slot = slots_[(first + probe) & (capacity - 1)];
        std::uint64_t there = slot.load(std::memory_order_relaxed);
        if (there == value || (there == 0 && slot.compare_exchange_strong(there, value, std::memory_order_relaxed)) ||
            there == value) {
            return;
        }
    }
    slots_[first].store(value, std::memory_order_relaxed);
}

bool suspension_addresses::contains(std::uint64_t address) const noexcept {
    const std::size_t first = first_slot(address, capacity);
    for (std::size_t probe = 0; probe != longest_probe; ++probe) {
        if (slots_[(first + probe) & (capacity - 1)].load(std::memory_order_relaxed) == address) {
            return true;
        }
    }
    return false;
}

// ---- All of it -----------------------------------------------------------------------------------------------------

std::uint64_t report_stale_addresses(const moved_stack& moved, const suspension_addresses& suspensions) noexcept {
    findings found(moved, suspensions);
    search_heaps(moved.on.runtime(), found);
    search_images(found);
    search_coroutines(moved, found);
    search_data_stack(moved, found);
    search_system_stack(moved, found);
    if (found.count() != 0) {
        report(moved, found);
    }
    return found.count() - found.on_stacks();
}

} // namespace moor::debug
