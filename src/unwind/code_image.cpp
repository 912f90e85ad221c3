// Each query checks every offset against the bytes it was given: damaged unwind data ends the query, not the process.
#include "unwind/code_image.hpp"

#include <utility>

namespace moor::unwind {

code_image::code_image(std::uint64_t base, std::span<const std::byte> bytes, std::vector<image_part> code,
                       function_table functions) noexcept
    : base_(base), bytes_(bytes), code_(std::move(code)), functions_(std::move(functions)) {}

bool code_image::contains_code(std::uint64_t address) const noexcept {
    for (const image_part& each : code_) {
        if (each.contains(address - base_)) { // an address below the image becomes a huge number
            return true;
        }
    }
    return false;
}

const function_entry* code_image::function_at(std::uint64_t address) const noexcept {
    const std::uint64_t rva = address - base_;
    return rva < bytes_.size() && rva <= UINT32_MAX ? functions_.find(static_cast<std::uint32_t>(rva)) : nullptr;
}

std::optional<code_image::located_info> code_image::unwind_info_of(const function_entry& entry) const noexcept {
    function_entry stated = entry;
    for (unsigned links = 0; (stated.unwind & 1u) != 0; ++links) {
        const auto next = read<function_entry>(stated.unwind & ~1u);
        if (!next || links == longest_chain) {
            return std::nullopt;
        }
        stated = *next;
    }
    const auto info = read<unwind_info>(stated.unwind);
    if (!info || info->version() < 1 || info->version() > 2) {
        return std::nullopt;
    }
    return located_info{*info, stated.unwind};
}

std::optional<function_entry> code_image::whole_function(const function_entry& part) const noexcept {
    function_entry whole = part;
    for (unsigned links = 0; links <= longest_chain; ++links) {
        const auto at = unwind_info_of(whole);
        if (!at) {
            return std::nullopt;
        }
        if (!at->info.is_chained()) {
            return whole;
        }
        const auto next = chained_to(*at);
        if (!next) {
            return std::nullopt;
        }
        whole = *next;
    }
    return std::nullopt;
}

// By a distance, or through a register or memory with a displacement of none, 8 or 32 bits, with an index or without
// (Intel's manual, volume 2, CALL).
bool follows_call(const code_image& image, std::uint64_t address) noexcept {
    constexpr std::uint8_t near_call = 0xe8;
    constexpr std::uint8_t indirect = 0xff;
    const auto byte = [&](unsigned before) {
        return image.read<std::uint8_t>(address - before - image.base()).value_or(0);
    };
    if (byte(5) == near_call) {
        return true;
    }
    for (unsigned length = 2; length <= 7; ++length) {
        constexpr unsigned call = 2; // the middle three bits of the byte that follows
        if (byte(length) == indirect && ((byte(length - 1) >> 3u) & 7u) == call) {
            return true;
        }
    }
    return false;
}

} // namespace moor::unwind
