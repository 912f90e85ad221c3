// See code_without_checks.hpp.
#include "stack/code_without_checks.hpp"

namespace without_checks {

void count_up(std::uint64_t* count) noexcept { ++*count; }

void count_up_by(std::uint64_t* count, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                 std::uint64_t more) noexcept {
    *count += more;
}

std::uintptr_t place_of_call() noexcept { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

} // namespace without_checks
