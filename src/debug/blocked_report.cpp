// Lists the coroutines of a runtime in which all are blocked: id, name and what each waits in, at most 200 lines.
#include "debug/blocked_report.hpp"

#include <cstddef>

#include <fmt/format.h>

#include "sched/runtime_core.hpp"
#include "win/error.hpp"

namespace moor::debug {

void write_blocked_report(detail::runtime_core& runtime, bool certain) noexcept {
    constexpr std::size_t most_lines = 200;
    fmt::memory_buffer text;
    fmt::format_to(
        std::back_inserter(text),
        "moor: all {} coroutines are blocked, and no timer, I/O or work_guard is pending that could wake one:\n",
        runtime.alive());
    std::size_t lines = 0;
    runtime.coroutines.for_each([&](detail::coroutine& each) {
        const auto id = each.id.load(std::memory_order_acquire);
        if (id == 0 || !each.is_living(id) || ++lines > most_lines) {
            return;
        }
        const char* const what = each.waiting_for.load(std::memory_order_relaxed);
        fmt::format_to(std::back_inserter(text), "moor:   #{} '{}' waits in {}\n", id, each.name(),
                       what != nullptr ? what : "(nothing known)");
    });
    if (lines > most_lines) {
        fmt::format_to(std::back_inserter(text), "moor:   and {} more\n", lines - most_lines);
    }
    if (!certain) {
        fmt::format_to(std::back_inserter(text), "moor: other threads live in this process. Unless one of them wakes a "
                                                 "coroutine, this is a deadlock; one that will shall hold a "
                                                 "moor::work_guard.\n");
    }
    win::write_error_stream({text.data(), text.size()});
}

} // namespace moor::debug
