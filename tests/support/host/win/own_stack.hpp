// Stands in for src/win/own_stack.hpp where pure tests are built for the host, on stacks with room for everything.
#pragma once

#include <utility>

namespace moor::win {

template <class Function>
auto with_room(Function&& function) noexcept {
    return std::forward<Function>(function)();
}

} // namespace moor::win
