// The options of both programs: strict, without a library. Each option is taken once by name; what is left over at the
// end was misspelt. Every complaint names the option and what it wants.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace frame_relay {

/// Thrown for a command line that the program does not understand; what() is for the user.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct number_range {
    std::uint64_t least;
    std::uint64_t most;
};

class command_line {
public:
    command_line(int count, const char* const* words) : words_(words + 1, words + count) {}

    /// Takes `--name`; whether it was there.
    [[nodiscard]] bool take_flag(std::string_view name);

    /// Takes `--name VALUE`; empty when it was not there.
    [[nodiscard]] std::optional<std::string> take_text(std::string_view name);

    /// Takes `--name NUMBER`, decimal and within `range`; `fallback` when it was not there.
    [[nodiscard]] std::uint64_t take_number(std::string_view name, std::uint64_t fallback, number_range range);

    /// Takes `--name LEAST-MOST`, both within `range` and in order.
    [[nodiscard]] number_range take_range(std::string_view name, number_range fallback, number_range range);

    /// After all options were taken: throws when a word is left.
    void expect_end() const;

private:
    std::vector<std::string> words_;
};

} // namespace frame_relay
