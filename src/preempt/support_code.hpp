// What the compiler's own support library does in the program's image that must not be interrupted, although nobody
// calls it by name: one section per library, nothing else here.
#pragma once

#include <array>
#include <cstdint>

#include "unwind/function_address.hpp"

#if defined(__MINGW32__)

// libgcc's thread-local variables, those of the C++ library among them (every throw and catch). It takes a spin lock
// of the thread, which another coroutine of the worker would spin for.
extern "C" void* __emutls_get_address(void*);

namespace moor::preempt {

[[nodiscard]] inline std::array<std::uint64_t, 1> functions_with_locks() noexcept {
    return {unwind::without_jump(reinterpret_cast<const void*>(&__emutls_get_address))};
}

} // namespace moor::preempt

#else

namespace moor::preempt {

[[nodiscard]] inline std::array<std::uint64_t, 0> functions_with_locks() noexcept { return {}; }

} // namespace moor::preempt

#endif
