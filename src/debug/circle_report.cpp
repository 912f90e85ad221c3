// Builds the report of a circle member by member: adding one ends the line of the member before it.
#include "debug/circle_report.hpp"

#include <iterator>
#include <string_view>

#include "sched/coroutine.hpp"
#include "win/error.hpp"

namespace moor::debug {

void circle_text::add(const detail::coroutine& next) noexcept {
    const auto id = next.id.load(std::memory_order_relaxed);
    if (count_ == 0) {
        fmt::format_to(std::back_inserter(first_), "#{} '{}'", id, next.name());
    } else if (count_ < most_lines) {
        fmt::format_to(std::back_inserter(lines_), " for #{} '{}'\n", id, next.name());
    }
    if (count_++ < most_lines) {
        const char* const what = next.waiting_for.load(std::memory_order_relaxed);
        fmt::format_to(std::back_inserter(lines_), "moor:   #{} '{}' waits in {}", id, next.name(),
                       what != nullptr ? what : "(nothing known)");
    }
}

void circle_text::write() noexcept {
    fmt::memory_buffer text;
    if (count_ == 1) {
        fmt::format_to(std::back_inserter(text), "moor: a coroutine waits for itself");
    } else {
        fmt::format_to(std::back_inserter(text), "moor: {} coroutines wait for each other in a circle", count_);
    }
    fmt::format_to(std::back_inserter(text), ", for ever{}:\n", certain_ ? "" : " unless one is asked to stop");
    text.append(std::string_view(lines_.data(), lines_.size()));
    if (count_ > most_lines) {
        fmt::format_to(std::back_inserter(text), " for another\nmoor:   and {} more, the last", count_ - most_lines);
    }
    fmt::format_to(std::back_inserter(text), " for {}\n", std::string_view(first_.data(), first_.size()));
    win::write_error_stream({text.data(), text.size()});
}

} // namespace moor::debug
