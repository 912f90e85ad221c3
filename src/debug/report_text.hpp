// The text of a report about the end of the process: one buffer, filled without allocating and written by one call.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "debug/fault_reach.hpp"
#include "debug/loaded_code.hpp"
#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor::debug {

/// What does not fit is left out.
class report_text {
public:
    template <class... Values>
    void line(fmt::format_string<Values...> format, Values&&... values) noexcept {
        add("moor:   ");
        const auto end = fmt::format_to_n(text_.data() + used_, left(), format, std::forward<Values>(values)...);
        used_ += std::min(end.size, left());
        add("\n");
    }
    void add(std::string_view more) noexcept {
        const std::size_t count = std::min(more.size(), left());
        std::memcpy(text_.data() + used_, more.data(), count);
        used_ += count;
    }
    /// The calls that led to those registers, on the stack that the TEB describes, as far as they can be followed.
    void calls(const CONTEXT& registers) noexcept {
        const std::size_t found = calls_to(registers, calls_);
        line("the calls that led there, the innermost first:");
        for (std::size_t index = 0; index != found; ++index) {
            const loaded_code::place at = code_at_start().place_of(calls_[index]);
            line("  {}{}{:#x}", at.file, at.sign, at.number);
        }
        if (found == calls_.size()) {
            line("  ...");
        }
    }
    void clear() noexcept { used_ = 0; }
    /// By the system alone, on the stack that the caller is on.
    void write() const noexcept { win::write_error_stream_here({text_.data(), used_}); }

private:
    [[nodiscard]] std::size_t left() const noexcept { return text_.size() - used_; }

    std::array<char, std::size_t{16} * 1024> text_{};
    std::array<std::uint64_t, 48> calls_{};
    std::size_t used_ = 0;
};

} // namespace moor::debug
