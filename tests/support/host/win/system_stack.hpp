// Stands in for src/win/system_stack.hpp where pure tests are built for the host, on stacks with room for everything.
#pragma once

#include <cstdint>
#include <utility>

namespace moor::win {

template <class Function>
auto call_on_system_stack(Function&& function) noexcept {
    return std::forward<Function>(function)();
}

/// No thread of the host is a worker.
struct system_stack {
    static constexpr std::uint32_t overflow_reserve = 16 * 1024;

    static system_stack* current() noexcept { return nullptr; }
    void begin_section() noexcept {}
    void end_section() noexcept {}
};

struct [[nodiscard]] runtime_section {
    runtime_section() noexcept {}
};

} // namespace moor::win
