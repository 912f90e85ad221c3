// What unwind data says of a frame that is suspended in a call, by the call's return address: how far up its caller's
// frame is, and where the registers lie that it has saved. A stack that moves is walked with it, frame by frame, to
// find saved frame pointers (sched/stack_mover.cpp, law 3); so what was read once is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "unwind/code_image.hpp"

namespace moor::unwind {

/// Whose code a frame is.
enum class frame_owner : std::uint8_t {
    covered,   ///< code that the pass of src/compiler has compiled: holds no address of its stack but saved frame
               ///< pointers
    base,      ///< functions of the library's in assembly, which hold none either
    outermost, ///< the first of these: nothing has called it
    other,     ///< other code of the image
    unknown,   ///< not in the image's code, or nothing sensible is said of it
};

struct frame_shape {
    static constexpr std::uint16_t not_saved = UINT16_MAX;
    /// The registers that functions save: by their numbers.
    static constexpr std::array<std::uint8_t, 8> registers{3, 5, 6, 7, 12, 13, 14, 15};
    static constexpr unsigned no_register = 0;

    std::uint64_t return_address = 0;
    std::uint32_t bytes = 0; ///< from the fixed place up to the function's own return address
    frame_owner owner = frame_owner::unknown;
    bool ends_by_exception = false; ///< an exception of the call runs no code of the function: it has no landing pad
    std::uint8_t frame_register = no_register;           ///< a number; the fixed place is found by it, else it is rsp
    std::uint8_t frame_offset = 0;                       ///< bytes from the fixed place up to what that register holds
    std::array<std::uint16_t, registers.size()> saved{}; ///< words from the fixed place up; in the order of `registers`
};

/// What of an image decides whose code a frame is. Lives as long as the process.
class movable_code {
public:
    /// Of the running program, in which `outermost` and `base` are functions. Allocates.
    movable_code(const void* outermost, std::span<const void* const> base);

    [[nodiscard]] frame_shape shape_at(std::uint64_t return_address) const noexcept;

    /// Whether the function at that address is covered code.
    [[nodiscard]] bool covers(std::uint64_t function) const noexcept {
        return covered_.contains(function - image_.base());
    }

private:
    [[nodiscard]] frame_owner owner_of(std::uint64_t function) const noexcept;

    code_image image_;
    image_part covered_;
    std::uint64_t outermost_;
    std::vector<std::uint64_t> base_functions_;
};

/// Reads the unwind data of the function that `return_address` lies in, all of whose prologue has run. Owner unknown
/// when it makes no sense; else `other`.
[[nodiscard]] frame_shape read_frame_shape(const code_image& image, std::uint64_t return_address) noexcept;

/// One thread's memory of shapes.
class frame_shape_cache {
public:
    explicit frame_shape_cache(const movable_code& code) noexcept : code_(code) {}

    [[nodiscard]] const frame_shape& at(std::uint64_t return_address) noexcept {
        // Return addresses of neighbouring calls differ in the lower bits.
        frame_shape& known = kept_[(return_address ^ return_address >> 9u) % kept_.size()];
        if (known.return_address != return_address) [[unlikely]] {
            known = code_.shape_at(return_address);
        }
        return known;
    }

private:
    const movable_code& code_;
    std::array<frame_shape, 1024> kept_{};
};

} // namespace moor::unwind
