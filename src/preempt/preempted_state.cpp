// Makes the record for the registers as large as XSAVE needs on this processor. For preempt_verify, sums over stack and
// record.
#include "preempt/preempted_state.hpp"

#include <cstring>

#include "win/compiler.hpp"
#include "win/error.hpp"

namespace moor::preempt {
namespace {

constexpr std::uint32_t features_leaf = 1;
constexpr std::uint32_t has_osxsave = 1u << 27; // in ecx of that leaf
constexpr std::uint32_t extended_state_leaf = 0xd;

// FNV-1a, by words.
std::uint64_t sum_of(const std::byte* first, const std::byte* top) noexcept {
    constexpr std::uint64_t prime = 0x100000001b3;
    std::uint64_t sum = 0xcbf29ce484222325;
    for (; first != top; first += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, first, sizeof word);
        sum = (sum ^ word) * prime;
        sum ^= sum >> 32;
    }
    return sum;
}

std::uint64_t sum_of_stack(const preempted_state& state, const std::byte* top) noexcept {
    return sum_of(reinterpret_cast<const std::byte*>(state.stack_pointer), top);
}

std::uint64_t sum_of_registers(const preempted_state& state) noexcept {
    return sum_of(reinterpret_cast<const std::byte*>(&state.instruction),
                  reinterpret_cast<const std::byte*>(&state.features));
}

} // namespace

bool preempted_state::possible() noexcept { return (win::cpuid(features_leaf, 0).ecx & has_osxsave) != 0; }

preempted_state::owner preempted_state::make() noexcept {
    // ebx: the bytes that XSAVE writes for all features that the system has enabled.
    static const std::size_t area = win::cpuid(extended_state_leaf, 0).ebx;
    const std::size_t bytes = area_offset + area;
    void* const memory = ::operator new (bytes, std::align_val_t{alignof(preempted_state)}, std::nothrow);
    if (memory == nullptr) {
        return {};
    }
    std::memset(memory, 0, bytes); // the area's header must be zero where XSAVE does not write it
    owner made(::new (memory) preempted_state);
    made->features = moor_extended_features();
    made->own_mxcsr = _mm_getcsr();
    made->own_control_word = moor_x87_control_word();
    return made;
}

void sum_up(preempted_state& state, const std::byte* top) noexcept {
    state.stack_sum = sum_of_stack(state, top);
    state.register_sum = sum_of_registers(state);
}

void check_stack(const preempted_state& state, const std::byte* top) noexcept {
    if (sum_of_stack(state, top) != state.stack_sum) {
        win::fatal("the stack of a coroutine changed while it was preempted");
    }
}

void check_registers(const preempted_state& state) noexcept {
    if (sum_of_registers(state) != state.register_sum) {
        win::fatal("the saved registers of a preempted coroutine changed");
    }
}

} // namespace moor::preempt
