// Parsing by removal: each take_* erases the words that it used, so no option can be read twice or overlooked.
#include "command_line.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace frame_relay {
namespace {

bool parse(std::string_view text, number_range range, std::uint64_t& value) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= range.least && value <= range.most;
}

} // namespace

bool command_line::take_flag(std::string_view name) {
    const auto found = std::ranges::find(words_, name);
    if (found == words_.end()) {
        return false;
    }
    words_.erase(found);
    return true;
}

std::optional<std::string> command_line::take_text(std::string_view name) {
    const auto found = std::ranges::find(words_, name);
    if (found == words_.end()) {
        return std::nullopt;
    }
    if (found + 1 == words_.end()) {
        throw usage_error(fmt::format("{} needs a value", name));
    }
    std::string value = std::move(found[1]);
    words_.erase(found, found + 2);
    return value;
}

std::uint64_t command_line::take_number(std::string_view name, std::uint64_t fallback, number_range range) {
    const std::optional<std::string> text = take_text(name);
    std::uint64_t value = fallback;
    if (text && !parse(*text, range, value)) {
        throw usage_error(
            fmt::format("{} wants a number from {} to {}, not '{}'", name, range.least, range.most, *text));
    }
    return value;
}

number_range command_line::take_range(std::string_view name, number_range fallback, number_range range) {
    const std::optional<std::string> text = take_text(name);
    if (!text) {
        return fallback;
    }
    const std::string_view whole = *text;
    const std::size_t dash = whole.find('-');
    number_range value{};
    if (dash == std::string_view::npos || !parse(whole.substr(0, dash), range, value.least) ||
        !parse(whole.substr(dash + 1), range, value.most) || value.least > value.most) {
        throw usage_error(
            fmt::format("{} wants LEAST-MOST, both from {} to {}, not '{}'", name, range.least, range.most, whole));
    }
    return value;
}

void command_line::expect_end() const {
    if (!words_.empty()) {
        throw usage_error(fmt::format("unknown or repeated option '{}'", words_.front()));
    }
}

} // namespace frame_relay
