// Reads headers, code sections and the table of functions of a loaded image once, so that queries need no system call
// (law 4).
#include "unwind/main_image.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "win/loader.hpp"

namespace moor::unwind {

namespace {

// The bytes from the start that are readable without a gap. Sections lie in a row, each at the next multiple of the
// alignment.
std::uint32_t readable_bytes(const image_headers& headers) noexcept {
    constexpr std::uint32_t page = 4096;
    std::uint32_t end = headers.headers.end;
    for (const image_section& each : headers.sections) {
        if (!each.readable || each.part.begin < end || (end + page - 1) / page * page != each.part.begin) {
            break;
        }
        end = each.part.end;
    }
    return std::min(end, headers.size);
}

} // namespace

code_image read_code_image(const void* loaded) {
    const auto* const image = static_cast<const std::byte*>(loaded);
    const auto base = reinterpret_cast<std::uint64_t>(image);
    const auto& start = *reinterpret_cast<const IMAGE_DOS_HEADER*>(image);
    const auto& stated = *reinterpret_cast<const IMAGE_NT_HEADERS64*>(image + start.e_lfanew);
    const auto headers = read_image_headers({image, stated.OptionalHeader.SizeOfHeaders});
    if (!headers) {
        return {base, {}, {}, {}};
    }
    const std::uint32_t readable = readable_bytes(*headers);
    const image_part table = headers->functions;
    const std::size_t count = (table.end - table.begin) / sizeof(function_entry);
    if (count == 0 || table.end > readable || table.begin % alignof(function_entry) != 0) {
        return {base, {image, readable}, {}, {}};
    }
    std::vector<image_part> code;
    for (const image_section& each : headers->sections) {
        if (each.executable && each.part.end <= readable) {
            code.push_back(each.part);
        }
    }
    const std::span functions{reinterpret_cast<const function_entry*>(image + table.begin), count};
    return {base, {image, readable}, std::move(code), function_table(functions)};
}

std::uint32_t size_of_image(const void* loaded) noexcept {
    const auto* const image = static_cast<const std::byte*>(loaded);
    const auto& start = *reinterpret_cast<const IMAGE_DOS_HEADER*>(image);
    return reinterpret_cast<const IMAGE_NT_HEADERS64*>(image + start.e_lfanew)->OptionalHeader.SizeOfImage;
}

main_image::main_image() : main_image(win::program_image()) {}

main_image::main_image(const void* loaded) : code_(read_code_image(loaded)), size_(size_of_image(loaded)) {}

machine_registers registers_of(const CONTEXT& context) noexcept {
    machine_registers registers;
    const std::uint64_t* const general = &context.Rax; // CONTEXT has them in the order of their numbers
    std::copy_n(general, registers.general.size(), registers.general.begin());
    registers.instruction = context.Rip;
    return registers;
}

} // namespace moor::unwind
