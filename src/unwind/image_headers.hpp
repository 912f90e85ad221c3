// Reading the headers of a PE image for amd64, in a file or as it was loaded: its sections and where its table of
// functions is. Nothing here needs Windows, so that a tool can look at any file on any system.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace moor::unwind {

/// Part of an image, in bytes from its start.
struct image_part {
    std::uint32_t begin = 0;
    std::uint32_t end = 0; ///< the first byte after it

    [[nodiscard]] bool contains(std::uint64_t rva) const noexcept { return rva >= begin && rva < end; }
    /// All of the `size` bytes at `rva`.
    [[nodiscard]] bool contains(std::uint64_t rva, std::uint64_t size) const noexcept {
        return rva >= begin && rva <= end && size <= end - rva;
    }
};

struct image_section {
    std::array<char, 8> name_storage{}; ///< padded with zeros; a longer name is only referred to here
    image_part part;
    std::uint32_t file_offset = 0;
    std::uint32_t file_size = 0; ///< what exceeds it in the loaded image is zero
    bool executable = false;
    bool readable = false;

    [[nodiscard]] std::string_view name() const noexcept {
        const std::string_view all(name_storage.data(), name_storage.size());
        return all.substr(0, all.find('\0'));
    }
};

struct image_headers {
    std::uint32_t size = 0; ///< of the loaded image
    std::uint32_t section_alignment = 0;
    image_part headers;
    image_part functions; ///< the exception directory; empty when there is none
    std::vector<image_section> sections;
};

/// The value at `offset`; nothing when it does not lie in `bytes`.
template <class T>
[[nodiscard]] std::optional<T> read_at(std::span<const std::byte> bytes, std::uint64_t offset) noexcept {
    if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// The headers at the beginning of `bytes`; nothing when these are not an amd64 PE image's or are cut short.
[[nodiscard]] std::optional<image_headers> read_image_headers(std::span<const std::byte> bytes);

} // namespace moor::unwind
