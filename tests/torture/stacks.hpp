// The kinds of stack that this compiler's code can run on.
#pragma once

#include <array>

#include <moor/spawn.hpp>

namespace moor::test {

#if MOOR_TEST_MOVABLE_STACKS
inline constexpr std::array stack_kinds{stack_kind::reserved, stack_kind::movable};
#else
inline constexpr std::array stack_kinds{stack_kind::reserved};
#endif

[[nodiscard]] constexpr const char* name_of(stack_kind kind) noexcept {
    return kind == stack_kind::movable ? "movable" : "reserved";
}

} // namespace moor::test
