// An image made by hand for the unwinder's tests: functions with the code bytes and the unwind data that a test says.
// Laid out as an image is: the code in a part of its own, then the unwind data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "unwind/code_image.hpp"

namespace moor::unwind::test {

using byte_list = std::vector<std::uint8_t>;

// Register numbers.
inline constexpr std::uint8_t rax = 0, rcx = 1, rdx = 2, rbx = 3, rsp = 4, rbp = 5, rsi = 6, rdi = 7, r8 = 8, r12 = 12,
                              r13 = 13, r14 = 14, r15 = 15;

struct unwind_description {
    unsigned version = 1;
    unsigned prologue = 0;
    byte_list codes = {}; // as they lie in memory: the last instruction's first
    unsigned frame_register = 0;
    unsigned frame_offset = 0; // in units of 16
    std::optional<function_entry> chained_to = {};
};

/// One unwind code with its operands.
inline byte_list code(unsigned offset, unwind::unwind_operation operation, unsigned info,
                      std::initializer_list<unsigned> operands = {}) {
    byte_list bytes{static_cast<std::uint8_t>(offset),
                    static_cast<std::uint8_t>(static_cast<unsigned>(operation) | info << 4u)};
    for (const unsigned each : operands) {
        bytes.push_back(static_cast<std::uint8_t>(each & 255u));
        bytes.push_back(static_cast<std::uint8_t>(each >> 8u));
    }
    return bytes;
}

inline byte_list join(std::initializer_list<byte_list> parts) {
    byte_list all;
    for (const byte_list& each : parts) {
        all.insert(all.end(), each.begin(), each.end());
    }
    return all;
}

class hand_made_image {
public:
    static constexpr std::uint64_t base = 0x140000000;
    static constexpr std::uint32_t code_begin = 0x1000;
    static constexpr std::uint32_t unwind_begin = 0x2000;
    static constexpr std::uint32_t size = 0x3000;

    hand_made_image() : bytes_(size) {}

    /// Functions lie in the order in which they are added.
    function_entry add(const byte_list& instructions, const unwind_description& unwind) {
        const function_entry entry{next_code_, next_code_ + static_cast<std::uint32_t>(instructions.size()),
                                   next_unwind_};
        put(next_code_, instructions);
        next_code_ += static_cast<std::uint32_t>(instructions.size());
        put_unwind(unwind);
        entries_.push_back(entry);
        return entry;
    }
    /// Code of which no entry says anything.
    std::uint32_t add_leaf(const byte_list& instructions) {
        const std::uint32_t at = next_code_;
        put(at, instructions);
        next_code_ += static_cast<std::uint32_t>(instructions.size());
        return at;
    }
    void put(std::uint32_t at, const byte_list& what) { std::memcpy(bytes_.data() + at, what.data(), what.size()); }
    /// Where the unwind data of the next function goes.
    [[nodiscard]] std::uint32_t next_unwind() const { return next_unwind_; }
    std::vector<function_entry>& entries() { return entries_; }

    /// Uses what this holds, so it may not outlive it, nor may a function be added.
    [[nodiscard]] code_image image() const {
        return {base, bytes_, {{code_begin, next_code_}}, function_table(entries_)};
    }

private:
    void put_unwind(const unwind_description& what) {
        byte_list bytes{
            static_cast<std::uint8_t>(what.version | (what.chained_to ? unwind::unwind_info::chained << 3u : 0u)),
            static_cast<std::uint8_t>(what.prologue), static_cast<std::uint8_t>(what.codes.size() / 2),
            static_cast<std::uint8_t>(what.frame_register | what.frame_offset << 4u)};
        bytes.insert(bytes.end(), what.codes.begin(), what.codes.end());
        bytes.resize((bytes.size() + 3) / 4 * 4);
        if (what.chained_to) {
            byte_list entry(sizeof(function_entry));
            std::memcpy(entry.data(), &*what.chained_to, entry.size());
            bytes.insert(bytes.end(), entry.begin(), entry.end());
        }
        put(next_unwind_, bytes);
        next_unwind_ += static_cast<std::uint32_t>(bytes.size());
    }

    std::vector<std::byte> bytes_;
    std::vector<function_entry> entries_;
    std::uint32_t next_code_ = code_begin;
    std::uint32_t next_unwind_ = unwind_begin;
};

} // namespace moor::unwind::test
