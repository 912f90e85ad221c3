// With stack checks, without the plugin: each function calls one that was not diverted.
#include "forgotten_calls.hpp"

#define CALLER(callee)                                                                                                 \
    extern "C" __attribute__((noinline)) std::uint64_t calls_##callee(std::uint64_t value) {                           \
        std::uint64_t locals[40];                                                                                      \
        asm volatile("" : : "r"(locals) : "memory");                                                                   \
        return callee(value) + locals[value % 40];                                                                     \
    }
CALLER(small_leaf)
CALLER(small_stub)
CALLER(small_chain)
CALLER(large_frame)
CALLER(large_chain)
CALLER(circle)
CALLER(itself)
CALLER(through_pointer)
CALLER(into_dll)
CALLER(varying)
CALLER(tail_call)

int main(int count, char**) {
    const auto value = static_cast<std::uint64_t>(count);
    return static_cast<int>(calls_small_leaf(value) + calls_small_stub(value) + calls_small_chain(value) +
                            calls_large_frame(value) + calls_large_chain(value) + calls_circle(value) +
                            calls_itself(value) + calls_through_pointer(value) + calls_into_dll(value) +
                            calls_varying(value) + calls_tail_call(value));
}
