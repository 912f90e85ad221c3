// The code of all images that were loaded at one moment: whether a word can be a return address, whether it would be
// one with another upper half, and whose code it is. Making it asks the system for its list of modules and allocates;
// the queries take no lock, allocate nothing and call nothing of the system's, for the crash report among others.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "unwind/code_image.hpp"

namespace moor::debug {

class loaded_code {
public:
    struct image {
        unwind::code_image code;
        std::uint64_t size = 0;
        std::array<char, 48> file{}; ///< its name, perhaps cut short
        /// What the linker took for the base, as addr2line and debuggers of the file do; 0: not known, as for the
        /// system's own. The system loads it elsewhere if it likes.
        std::uint64_t linked_base = 0;

        [[nodiscard]] bool contains(std::uint64_t address) const noexcept { return address - code.base() < size; }
        [[nodiscard]] std::string_view name() const noexcept { return {file.data()}; }
    };

    /// Of this moment. The images are taken to stay loaded as long as anything is asked.
    loaded_code();

    /// How a person or a tool finds an address of code, to be printed one after the other: "file.exe 0x140001234" with
    /// the address that the linker gave it, for addr2line; "file.dll+0x1234", where that is not known; "in no image".
    struct place {
        std::string_view file;
        std::string_view sign;
        std::uint64_t number = 0;
    };
    [[nodiscard]] place place_of(std::uint64_t address) const noexcept;

    /// Null: in none of them.
    [[nodiscard]] const image* image_of(std::uint64_t address) const noexcept;

    /// Null: there is none at all.
    [[nodiscard]] const image* any() const noexcept { return images_.empty() ? nullptr : images_.data(); }

    [[nodiscard]] bool is_code(std::uint64_t address) const noexcept {
        const image* const in = image_of(address);
        return in != nullptr && in->code.contains_code(address);
    }
    /// Whether a call is right before it.
    [[nodiscard]] bool is_return_address(std::uint64_t word) const noexcept {
        const image* const in = image_of(word);
        return in != nullptr && in->code.contains_code(word) && unwind::follows_call(in->code, word);
    }
    /// The return address that `word` becomes with the upper half of an image's addresses, when it is none itself but
    /// may have been one before somebody wrote to its upper half; 0 otherwise.
    [[nodiscard]] std::uint64_t with_upper_half_restored(std::uint64_t word) const noexcept;

private:
    std::vector<image> images_; // the program's own first
};

/// Those of the first call, which is at the start of the first runtime; kept for good.
[[nodiscard]] const loaded_code& code_at_start();

} // namespace moor::debug
