// The code of an image as the unwinder sees it: bytes that it may read, the parts that are code, and the functions in
// them. Built once; all queries are for the monitor while it keeps a thread suspended (law 4), so they take no lock,
// allocate nothing, call nothing of the system's, and read nothing outside the bytes that they were given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "unwind/function_table.hpp"
#include "unwind/image_headers.hpp"

namespace moor::unwind {

class code_image {
public:
    /// `bytes` are the image's from its start, readable as long as this lives; `base` is the address at which their
    /// first one is taken to lie. `code` are the executable parts.
    code_image(std::uint64_t base, std::span<const std::byte> bytes, std::vector<image_part> code,
               function_table functions) noexcept;

    [[nodiscard]] std::uint64_t base() const noexcept { return base_; }
    [[nodiscard]] const function_table& functions() const noexcept { return functions_; }

    [[nodiscard]] bool contains_code(std::uint64_t address) const noexcept;
    /// Null: it is outside the image, or nothing is said of that code.
    [[nodiscard]] const function_entry* function_at(std::uint64_t address) const noexcept;
    /// The entry of the whole function that `part` belongs to: compilers put parts of functions elsewhere. Nothing
    /// when the unwind data makes no sense.
    [[nodiscard]] std::optional<function_entry> whole_function(const function_entry& part) const noexcept;

    /// The value that many bytes from the start; nothing when it is not inside the readable bytes.
    template <class T>
    [[nodiscard]] std::optional<T> read(std::uint64_t rva) const noexcept {
        return read_at<T>(bytes_, rva);
    }
    /// The unwind data of an entry, and where it lies; nothing when there is none that makes sense.
    struct located_info {
        unwind_info info;
        std::uint32_t rva;
    };
    [[nodiscard]] std::optional<located_info> unwind_info_of(const function_entry& entry) const noexcept;
    /// The entry that `of` is chained to.
    [[nodiscard]] std::optional<function_entry> chained_to(const located_info& of) const noexcept {
        return read<function_entry>(std::uint64_t{of.rva} + of.info.chained_at());
    }

    /// How many parts a function may be chained through. More is taken for a circle.
    static constexpr unsigned longest_chain = 32;

private:
    std::uint64_t base_;
    std::span<const std::byte> bytes_;
    std::vector<image_part> code_;
    function_table functions_;
};

/// Whether the bytes before `address` are those of a call, as they are before each return address. Some other bytes
/// look like one, too.
[[nodiscard]] bool follows_call(const code_image& image, std::uint64_t address) noexcept;

} // namespace moor::unwind
