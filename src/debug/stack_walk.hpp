// Walking a stack from frame to frame with the unwind data of the loaded images, and testing on the way that every
// return address lies in code. For the debugging switch check_frames, and for whoever wants to list or to judge the
// frames of a coroutine: one that is about to move, one that is suspended, or one that has crashed.
//
// It looks up unwind data by the system's functions, which may take locks of the loader. So the calling thread walks
// its own stacks or those of suspended coroutines, never that of a suspended thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "context/switch.hpp"
#include "stack/growth.hpp"
#include "win/windows.hpp"

namespace moor::debug {

/// The addresses of a stack.
struct stack_range {
    std::uint64_t lowest = 0;
    std::uint64_t top = 0; ///< the first address above it

    [[nodiscard]] bool contains(std::uint64_t address) const noexcept { return address >= lowest && address < top; }
};

/// Where a walk begins: what the processor's registers are when that code runs next.
struct walk_start {
    std::uint64_t instruction = 0;
    std::uint64_t stack_pointer = 0;
    std::uint64_t rbx = 0;
    std::uint64_t rbp = 0;
    std::uint64_t rsi = 0;
    std::uint64_t rdi = 0;
    std::array<std::uint64_t, 4> r12_to_r15{};
    /// The function has not changed the stack pointer since it was entered.
    bool just_entered = false;

    /// The code that called __morestack, from the registers that it saved: a prologue, or a call of the library.
    [[nodiscard]] static walk_start at_growth(const stack::saved_registers& saved) noexcept;
    /// A suspended coroutine that has run before: where it goes on. Nobody may resume it during the walk.
    [[nodiscard]] static walk_start of_suspended(context::fcontext_t resume_at) noexcept;
    /// What the system or RtlCaptureContext says.
    [[nodiscard]] static walk_start of_context(const CONTEXT& registers) noexcept;
};

struct frame {
    std::uint64_t instruction = 0;   ///< goes on here
    std::uint64_t stack_pointer = 0; ///< as it is then
};

/// Why a walk ended.
enum class walk_end : std::uint8_t {
    not_yet,
    complete,       ///< at the last function
    no_code,        ///< the last frame's instruction lies in no code
    off_the_stacks, ///< the last frame's stack pointer lies on none of the stacks, or between two words
    frame_lost,     ///< the last frame's frame pointer lies on none of the stacks
    not_rising,     ///< the last frame is not above the one that it called
};

/// What is wrong, to follow "the last frame"; empty for the ends that are none.
[[nodiscard]] const char* describe(walk_end end) noexcept;

/// A walk from the innermost frame outwards.
///
///     stack_walk walk(start, stacks, &outermost_function);
///     while (walk.next()) { use(walk.current()); }
///     if (walk.end() != walk_end::complete) { ... }
///
/// A chain of frames may cross from one of the stacks to another one, as it does where a callback runs on the worker's
/// own stack: the frame pointer that leads there is taken as it is, and counted.
class stack_walk {
public:
    /// `stacks` outlives this; all of their used parts are readable. The walk is complete at a frame of the function
    /// that begins at `last_function`.
    stack_walk(const walk_start& start, std::span<const stack_range> stacks, const void* last_function) noexcept;

    /// Goes to the next frame; the first time to the innermost one. False at the end. A frame with which something is
    /// wrong is still gone to.
    [[nodiscard]] bool next() noexcept;

    [[nodiscard]] const frame& current() const noexcept { return current_; }
    [[nodiscard]] walk_end end() const noexcept { return end_; }
    [[nodiscard]] std::size_t frames() const noexcept { return frames_; }
    [[nodiscard]] std::size_t crossings() const noexcept { return crossings_; }

private:
    void arrive() noexcept;
    [[nodiscard]] bool unwind() noexcept;
    [[nodiscard]] const stack_range* stack_of(std::uint64_t address) const noexcept;
    [[nodiscard]] bool is_code(std::uint64_t address) noexcept;

    std::span<const stack_range> stacks_;
    std::uint64_t last_function_;
    CONTEXT registers_{};
    frame current_;
    const stack_range* on_ = nullptr; // the stack of the current frame
    stack_range code_;                // where code was found last
    walk_end end_ = walk_end::not_yet;
    bool just_entered_;
    std::size_t frames_ = 0;
    std::size_t crossings_ = 0;
};

/// Whether instructions can lie at `address`: in an executable section of a loaded image, or in other memory that may
/// be executed. `found` becomes the part that it lies in.
[[nodiscard]] bool find_code(std::uint64_t address, stack_range& found) noexcept;

} // namespace moor::debug
