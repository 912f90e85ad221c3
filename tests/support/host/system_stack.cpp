// The host has no worker whose stack a call could go to.
#include <moor/stack.hpp>

namespace moor::detail {

void call_on_system_stack(void (*function)(void*), void* argument) noexcept { function(argument); }

} // namespace moor::detail
