// See main_image.hpp.
#include "preempt/main_image.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace moor::preempt {

struct main_image::found_image {
    std::uint64_t base = 0;
    std::uint32_t size = 0;
    std::uint32_t readable = 0; // bytes from the start
    std::vector<win::image_part> code;
    std::span<const function_entry> functions;
};

namespace {

// The bytes from the start that are readable without a gap. Sections lie in a row, each at the next multiple of the
// alignment.
std::uint32_t readable_bytes(const win::image_headers& headers) noexcept {
    constexpr std::uint32_t page = 4096;
    std::uint32_t end = headers.headers.end;
    for (const win::image_section& each : headers.sections) {
        if (!each.readable || each.part.begin < end || (end + page - 1) / page * page != each.part.begin) {
            break;
        }
        end = each.part.end;
    }
    return std::min(end, headers.size);
}

} // namespace

main_image::found_image main_image::find() {
    const auto* const image = reinterpret_cast<const std::byte*>(::GetModuleHandleW(nullptr));
    const auto& start = *reinterpret_cast<const IMAGE_DOS_HEADER*>(image);
    const auto& stated = *reinterpret_cast<const IMAGE_NT_HEADERS64*>(image + start.e_lfanew);
    found_image found;
    found.base = reinterpret_cast<std::uint64_t>(image);
    found.size = stated.OptionalHeader.SizeOfImage;
    const auto headers = win::read_image_headers({image, stated.OptionalHeader.SizeOfHeaders});
    if (!headers) {
        return found;
    }
    found.readable = readable_bytes(*headers);
    const win::image_part table = headers->functions;
    const std::size_t count = (table.end - table.begin) / sizeof(function_entry);
    if (count == 0 || table.end > found.readable || table.begin % alignof(function_entry) != 0) {
        return found;
    }
    found.functions = {reinterpret_cast<const function_entry*>(image + table.begin), count};
    for (const win::image_section& each : headers->sections) {
        if (each.executable && each.part.end <= found.readable) {
            found.code.push_back(each.part);
        }
    }
    return found;
}

main_image::main_image() : main_image(find()) {}

main_image::main_image(found_image&& found)
    : code_(found.base, {reinterpret_cast<const std::byte*>(found.base), found.readable}, std::move(found.code),
            function_table(found.functions)),
      size_(found.size) {}

machine_registers registers_of(const CONTEXT& context) noexcept {
    machine_registers registers;
    const std::uint64_t* const general = &context.Rax; // CONTEXT has them in the order of their numbers
    std::copy_n(general, registers.general.size(), registers.general.begin());
    registers.instruction = context.Rip;
    return registers;
}

} // namespace moor::preempt
