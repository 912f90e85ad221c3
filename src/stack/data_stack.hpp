// The second stack of code that the compiler pass of src/compiler has covered: its local variables lie here, unless
// they are used by loads and stores alone. It never moves, so any address of a local is good until the local's life
// ends; what moves is the other stack, which has no addressable locals (docs/stacks.md). It is a chain of chunks,
// because nothing unwinds it: exceptions find frames on the control stack only.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "stack/segment_pool.hpp"
#include "win/virtual_memory.hpp"

namespace moor::stack {

/// Memory of a data stack: a segment of the pool, or pages of its own.
struct data_memory {
    std::byte* base = nullptr;
    std::size_t size = 0;
    win::address_space pages; ///< empty: it is a segment

    [[nodiscard]] segment as_segment() const noexcept { return {base, size}; }
};

/// Belongs to a coroutine, or to a thread's system stack; only whoever runs there uses it. The first two members are
/// known to the pass.
class data_stack {
public:
    /// The smallest chunk, and how much of each is the stack's own; bytes.
    static constexpr std::size_t smallest_chunk = smallest_segment;
    static constexpr std::size_t header_bytes = 64;
    static constexpr std::size_t frame_alignment = 16;

    data_stack() noexcept = default;
    data_stack(const data_stack&) = delete;
    data_stack& operator=(const data_stack&) = delete;

    [[nodiscard]] bool empty() const noexcept { return newest_ == nullptr; }
    [[nodiscard]] std::byte* pointer() const noexcept { return pointer_; }

    /// Bytes of all its chunks.
    [[nodiscard]] std::size_t size() const noexcept { return newest_ != nullptr ? newest_->size_so_far : 0; }

    /// Takes a frame of `bytes`, a multiple of frame_alignment. Null when the newest chunk has no room for it.
    [[nodiscard]] std::byte* take(std::size_t bytes) noexcept {
        if (newest_ == nullptr || bytes > static_cast<std::size_t>(pointer_ - limit_)) {
            return nullptr;
        }
        return pointer_ -= bytes;
    }

    /// How large a chunk for a frame of `bytes` is to be: twice as large as the newest one, within segments.
    [[nodiscard]] std::size_t next_size(std::size_t bytes) const noexcept {
        const std::size_t twice =
            newest_ != nullptr ? std::min(2 * newest_->memory.size, largest_segment) : smallest_chunk;
        return std::max(twice, std::bit_ceil(bytes + header_bytes));
    }

    /// Makes that memory the newest chunk.
    void add(data_memory&& memory) noexcept {
        std::byte* const top = memory.base + memory.size - header_bytes;
        const std::size_t all = size() + memory.size;
        newest_ = std::construct_at(reinterpret_cast<chunk*>(top), newest_, pointer_, all, std::move(memory));
        pointer_ = top;
        limit_ = newest_->memory.base;
    }

    /// Goes back to where `pointer()` was `mark`, and hands all chunks that have become free to give(data_memory&&).
    /// Null was the pointer of a stack without chunks; of these one is kept.
    template <class Give>
    void rewind(std::byte* mark, Give&& give) noexcept {
        if (mark == nullptr) {
            while (newest_ != nullptr && newest_->older != nullptr) {
                give(drop_newest());
            }
            if (newest_ != nullptr) {
                pointer_ = start();
            }
            return;
        }
        const chunk* holds = newest_;
        while (holds != nullptr && !holds->contains(mark)) {
            holds = holds->older;
        }
        if (holds == nullptr) {
            return; // the start of a chunk that was given back empty: what lies above it was there already
        }
        while (newest_ != holds) {
            give(drop_newest());
        }
        pointer_ = mark;
    }

    /// At a suspension: gives the newest chunk back when nothing of it is used and it is not worth keeping. It has been
    /// found so a number of times in a row, since it may be needed again at once.
    template <class Give>
    void trim(Give&& give) noexcept {
        if (newest_ == nullptr) {
            return;
        }
        if (pointer_ != start() || (newest_->older == nullptr && newest_->memory.size == smallest_chunk)) {
            newest_->found_empty = 0;
        } else if (++newest_->found_empty == patience) {
            give(drop_newest());
        }
    }

    /// Calls visit(const std::byte* first, std::size_t bytes) for what is in use of each chunk.
    template <class Visit>
    void for_each_used(Visit&& visit) const {
        const std::byte* from = pointer_;
        for (const chunk* each = newest_; each != nullptr; each = each->older) {
            visit(from, static_cast<std::size_t>(reinterpret_cast<const std::byte*>(each) - from));
            from = each->pointer_before;
        }
    }

    /// Gives everything back.
    template <class Give>
    void clear(Give&& give) noexcept {
        while (newest_ != nullptr) {
            give(drop_newest());
        }
    }

private:
    static constexpr std::uint32_t patience = 16;

    // At the top of each chunk.
    struct chunk {
        chunk(chunk* before, std::byte* left_at, std::size_t all, data_memory&& of) noexcept
            : older(before), pointer_before(left_at), size_so_far(all), memory(std::move(of)) {}

        [[nodiscard]] bool contains(const std::byte* frame) const noexcept {
            return frame >= memory.base && frame <= reinterpret_cast<const std::byte*>(this);
        }

        chunk* older;
        std::byte* pointer_before; // in `older`
        std::size_t size_so_far;   // bytes of this and all older ones
        data_memory memory;
        std::uint32_t found_empty = 0; // suspensions in a row
    };
    static_assert(sizeof(chunk) <= header_bytes && alignof(chunk) <= frame_alignment);

    [[nodiscard]] std::byte* start() const noexcept { return reinterpret_cast<std::byte*>(newest_); }

    data_memory drop_newest() noexcept {
        data_memory dropped = std::move(newest_->memory);
        pointer_ = newest_->pointer_before;
        chunk* const older = newest_->older;
        std::destroy_at(newest_);
        newest_ = older;
        limit_ = older != nullptr ? older->memory.base : no_limit();
        return dropped;
    }

    // No frame is above it, so that a stack without chunks asks for one.
    static std::byte* no_limit() noexcept { return reinterpret_cast<std::byte*>(~std::uintptr_t{0}); }

    std::byte* pointer_ = nullptr;  // the lowest byte in use
    std::byte* limit_ = no_limit(); // the lowest of the newest chunk
    chunk* newest_ = nullptr;
};

} // namespace moor::stack

extern "C" {
// What covered code calls; the first two keep all registers but r11 and the result's (data_stack_gas.S).
/// A frame of `bytes`, for which the newest chunk has no room; makes the thread's own data stack first if it has none.
std::byte* moor_data_enter(std::size_t bytes) noexcept;
/// Gives back the frame of `bytes` at `frame`, and whatever is newer.
void moor_data_leave(std::byte* frame, std::size_t bytes) noexcept;
/// In a landing pad: gives back whatever is newer than when moor's pointer was `mark`.
void moor_data_rewind(std::byte* mark) noexcept;
/// `bytes` until the calling function returns, for alloca and arrays of variable length.
std::byte* moor_data_allocate(std::size_t bytes, std::size_t alignment) noexcept;
/// The arguments of a variadic function, which lie on the control stack from `arguments` on: where they do not move.
/// For as long as moor_data_allocate's.
std::byte* moor_data_variadic(std::byte* arguments) noexcept;
/// Null; read for a cell by a thread that has none.
extern void* const moor_no_data_cell;
}
