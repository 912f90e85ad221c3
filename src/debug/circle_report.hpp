// The report of coroutines that wait for each other in a circle.
#pragma once

#include <cstddef>

#include <fmt/format.h>

namespace moor::detail {
class coroutine;
}

namespace moor::debug {

/// One line per coroutine of the circle: id, name, what it waits in, and for whom, the next one. Written to standard
/// error as a whole.
class circle_text {
public:
    /// `certain`: no request to stop ends it either.
    explicit circle_text(bool certain) noexcept : certain_(certain) {}

    /// In the order of the circle. While they wait.
    void add(const detail::coroutine& next) noexcept;
    void write() noexcept;

private:
    static constexpr std::size_t most_lines = 200;

    const bool certain_;
    std::size_t count_ = 0;
    fmt::memory_buffer lines_;
    fmt::basic_memory_buffer<char, 64> first_;
};

} // namespace moor::debug
