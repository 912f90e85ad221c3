// The code of the running program itself: the only code in which a thread may be diverted (law 4).
#pragma once

#include <cstdint>

#include "unwind/code_image.hpp"
#include "unwind/unwind.hpp"
#include "win/windows.hpp"

namespace moor::unwind {

/// The code of the image that is loaded at `loaded`, and stays so while the result is used. Allocates. An image that
/// cannot be read as the format demands, or has no table of functions, contains no code as far as the queries go.
[[nodiscard]] code_image read_code_image(const void* loaded);
/// Bytes of address space.
[[nodiscard]] std::uint32_t size_of_image(const void* loaded) noexcept;

/// Made when the runtime starts, never while a thread is suspended: making it may allocate. Its queries may be made by
/// any thread at any time; they take no lock, allocate nothing and call nothing of the system's. The program's own
/// image is never unloaded, so all stays valid.
class main_image {
public:
    /// An image that cannot be read as the format demands, or has no table of functions, contains no code as far as
    /// the queries go: then nothing is diverted.
    main_image();

    [[nodiscard]] std::uint64_t base() const noexcept { return code_.base(); }
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    /// For frame_walk.
    [[nodiscard]] const code_image& code() const noexcept { return code_; }

    [[nodiscard]] bool contains_code(std::uint64_t address) const noexcept { return code_.contains_code(address); }
    [[nodiscard]] const function_entry* function_at(std::uint64_t address) const noexcept {
        return code_.function_at(address);
    }
    /// False: the linker left the table of functions unsorted, and a sorted copy is used. To be reported once; the
    /// system's own search, and with it every exception, may fail in such a program.
    [[nodiscard]] bool was_sorted() const noexcept { return code_.functions().was_sorted(); }

private:
    explicit main_image(const void* loaded);

    code_image code_;
    std::uint32_t size_;
};

/// What the system says of a suspended thread; CONTEXT_CONTROL and CONTEXT_INTEGER are needed.
[[nodiscard]] machine_registers registers_of(const CONTEXT& context) noexcept;

} // namespace moor::unwind
