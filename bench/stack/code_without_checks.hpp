// What code without stack checks does in these benchmarks: something that is called, and nearly nothing. In a file of
// its own, compiled as a static library's would be, and not in namespace moor, whose functions nobody diverts.
#pragma once

#include <cstdint>

namespace without_checks {

void count_up(std::uint64_t* count) noexcept;
void count_up_by(std::uint64_t* count, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                 std::uint64_t more) noexcept;

/// Where on its stack it was called.
[[nodiscard]] std::uintptr_t place_of_call() noexcept;

} // namespace without_checks
