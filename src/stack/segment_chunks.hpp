// The chunks of 64 KiB that the segment pool cuts segments from: which class each serves, which of its segments are
// free, and when its memory goes back to the system.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "stack/chunk_set.hpp"
#include "stack/committed_bytes.hpp"
#include "stack/segment_pool.hpp"
#include "stack/segment_space.hpp"
#include "win/virtual_memory.hpp"

namespace moor::stack {

/// A chunk is untouched, bare (it has lost its memory), unused (it has memory and no segment of it is out) or serves a
/// class; then it is open while some of its segments are free. Not thread safe: the pool's lock guards it.
class segment_chunks {
public:
    /// Adjacent chunks.
    struct run {
        std::byte* first = nullptr;
        std::size_t bytes = 0;
    };

    /// Chunks of `space`, which outlives this. Throws std::system_error not_enough_memory.
    segment_chunks(segment_space& space, const segment_pool_options& options);

    /// Fills `bases` with segments of a class as far as there are any and says how many. Lowest addresses first.
    [[nodiscard]] std::size_t take(std::size_t number, std::span<std::byte*> bases) noexcept;

    /// Takes one back. False, and nothing done, when no such segment is out.
    [[nodiscard]] bool give(std::size_t number, std::byte* base) noexcept;

    /// Whether so many unused chunks have gathered that some should lose their memory.
    [[nodiscard]] bool has_surplus() const noexcept { return unused_.size() > 2 * options_.kept_chunks; }

    /// Takes adjacent unused chunks out, from the highest address down to where `kept` are left. The caller decommits
    /// them, with or without the lock, and then calls put_back. Empty when there are no more than `kept`.
    [[nodiscard]] run take_out(std::size_t kept) noexcept;
    void put_back(const run& decommitted) noexcept;

    /// Free segments of a class, in chunks that serve it.
    [[nodiscard]] std::size_t free_segments(std::size_t number) const noexcept { return free_[number]; }
    [[nodiscard]] std::size_t unused_chunks() const noexcept { return unused_.size(); }
    [[nodiscard]] const committed_bytes& committed() const noexcept { return committed_; }

private:
    static constexpr std::uint8_t no_class = 0xff;

    struct chunk {
        std::uint64_t free = 0; // a bit for each free segment
        std::uint8_t number = no_class;
    };

    // Where the sets and the records of the chunks lie in the bookkeeping's own reservation.
    struct layout {
        explicit layout(std::size_t chunk_count) noexcept;
        std::size_t words_of_set;
        std::size_t sets_bytes;
        std::size_t records_bytes;
    };

    [[nodiscard]] std::uint64_t* words(std::size_t set) const noexcept;
    [[nodiscard]] std::byte* address(std::size_t index) const noexcept {
        return space_.address(index * segment_pool::chunk_size);
    }
    [[nodiscard]] std::size_t open_chunk(std::size_t number) noexcept;
    [[nodiscard]] std::size_t chunk_with_memory() noexcept;
    [[nodiscard]] std::size_t touch_chunks() noexcept;
    [[nodiscard]] bool has_records(std::size_t count) noexcept;

    segment_space& space_;
    const segment_pool_options options_;
    const std::size_t count_; // chunks of the space
    const layout layout_;
    committed_bytes committed_;
    win::address_space bookkeeping_;
    std::array<chunk_set, segment_classes> open_;
    chunk_set unused_;
    chunk_set bare_;
    chunk* records_;                    // of the chunks below touched_
    std::size_t records_committed_ = 0; // bytes
    std::size_t touched_ = 0;           // from here on no chunk has ever had memory
    std::array<std::size_t, segment_classes> free_{};
};

} // namespace moor::stack
