// The numbers are those of the PE format.
#include "unwind/image_headers.hpp"

namespace moor::unwind {
namespace {

// The end of a part; the format's fields may ask for more than 32 bits hold.
std::optional<image_part> part_at(std::uint32_t begin, std::uint32_t size) noexcept {
    if (size > UINT32_MAX - begin) {
        return std::nullopt;
    }
    return image_part{begin, begin + size};
}

std::optional<image_section> read_section(std::span<const std::byte> bytes, std::uint64_t at) noexcept {
    constexpr std::uint32_t may_execute = 0x20000000;
    constexpr std::uint32_t may_read = 0x40000000;
    const auto characteristics = read_at<std::uint32_t>(bytes, at + 36); // the last field
    if (!characteristics) {
        return std::nullopt;
    }
    const std::uint32_t loaded_size = *read_at<std::uint32_t>(bytes, at + 8);
    image_section section;
    section.name_storage = *read_at<std::array<char, 8>>(bytes, at);
    section.file_size = *read_at<std::uint32_t>(bytes, at + 16);
    section.file_offset = *read_at<std::uint32_t>(bytes, at + 20);
    section.executable = (*characteristics & may_execute) != 0;
    section.readable = (*characteristics & may_read) != 0;
    const auto part =
        part_at(*read_at<std::uint32_t>(bytes, at + 12), loaded_size != 0 ? loaded_size : section.file_size);
    if (!part) {
        return std::nullopt;
    }
    section.part = *part;
    return section;
}

} // namespace

std::optional<image_headers> read_image_headers(std::span<const std::byte> bytes) {
    constexpr std::uint16_t dos_signature = 0x5a4d;
    constexpr std::uint32_t signature = 0x4550;
    constexpr std::uint16_t amd64 = 0x8664;
    constexpr std::uint16_t pe32_plus = 0x20b;
    if (read_at<std::uint16_t>(bytes, 0) != dos_signature) {
        return std::nullopt;
    }
    const std::uint64_t start = read_at<std::uint32_t>(bytes, 0x3c).value_or(0);
    if (read_at<std::uint32_t>(bytes, start) != signature || read_at<std::uint16_t>(bytes, start + 4) != amd64) {
        return std::nullopt;
    }
    const std::uint64_t optional_header = start + 24;
    constexpr std::uint64_t directories = 112; // in the optional header
    if (read_at<std::uint16_t>(bytes, optional_header) != pe32_plus ||
        !read_at<std::uint32_t>(bytes, optional_header + directories - 4)) {
        return std::nullopt;
    }
    image_headers found;
    found.section_alignment = *read_at<std::uint32_t>(bytes, optional_header + 32);
    found.size = *read_at<std::uint32_t>(bytes, optional_header + 56);
    found.headers = {0, *read_at<std::uint32_t>(bytes, optional_header + 60)};
    constexpr std::uint32_t exception_directory = 3;
    if (*read_at<std::uint32_t>(bytes, optional_header + directories - 4) > exception_directory) {
        const std::uint64_t directory = optional_header + directories + std::uint64_t{8} * exception_directory;
        const auto size = read_at<std::uint32_t>(bytes, directory + 4);
        const auto part = size ? part_at(*read_at<std::uint32_t>(bytes, directory), *size) : std::nullopt;
        if (!part) {
            return std::nullopt;
        }
        found.functions = *part;
    }
    const unsigned sections = *read_at<std::uint16_t>(bytes, start + 6);
    const std::uint64_t first = optional_header + *read_at<std::uint16_t>(bytes, start + 20);
    for (unsigned index = 0; index != sections; ++index) {
        const auto section = read_section(bytes, first + std::uint64_t{40} * index);
        if (!section) {
            return std::nullopt;
        }
        found.sections.push_back(*section);
    }
    return found;
}

} // namespace moor::unwind
