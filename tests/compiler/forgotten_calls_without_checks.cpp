#include "forgotten_calls.hpp"

#include <array>

#include <windows.h>

namespace {

template <std::size_t Bytes>
std::uint64_t use(std::uint64_t value) {
    std::array<volatile std::uint8_t, Bytes> frame;
    frame[value % Bytes] = 1;
    return frame[(value + 1) % Bytes] + value;
}

} // namespace

extern "C" {
std::uint64_t (*volatile told)(std::uint64_t) = small_leaf;

#define NOINLINE __attribute__((noinline))
NOINLINE std::uint64_t small_leaf(std::uint64_t value) { return use<64>(value); }
// As a stub that diverts begins: with the address of a place whose distance, 0x15ff00, has the bytes of a call through
// a pointer. It has no unwind data, and needs none.
asm(".globl small_stub\n"
    "small_stub:\n"
    "    leaq 0x15ff00(%rip), %r10\n"
    "    jmp small_leaf");
NOINLINE std::uint64_t small_chain(std::uint64_t value) { return small_leaf(use<500>(value)) + 1; }
NOINLINE std::uint64_t large_frame(std::uint64_t value) { return use<1200>(value); }
NOINLINE std::uint64_t large_chain(std::uint64_t value) { return small_chain(use<600>(value)) + 1; }
NOINLINE std::uint64_t other_half(std::uint64_t value) { return value == 0 ? 0 : circle(value - 1) + 1; }
NOINLINE std::uint64_t circle(std::uint64_t value) { return use<16>(other_half(value)) + 1; }
NOINLINE std::uint64_t itself(std::uint64_t value) {
    return value == 0 ? 0 : use<16>(itself(value / 2)) + itself(value - 1);
}
NOINLINE std::uint64_t through_pointer(std::uint64_t value) { return told(value) + 1; }
NOINLINE std::uint64_t into_dll(std::uint64_t value) { return ::GetTickCount64() + value; }
NOINLINE std::uint64_t varying(std::uint64_t value) {
    auto* const bytes = static_cast<volatile char*>(__builtin_alloca(value));
    bytes[0] = 1;
    return static_cast<std::uint64_t>(bytes[value / 2]);
}
NOINLINE std::uint64_t tail_call(std::uint64_t value) { return large_frame(value + 1); }
}
