// The part of diverted calls (diverted_call_gas.S) that C++ can say: where covered code lies, what an exception does
// that leaves a diverted call, and that the assembly has the layout of system_stack right. Linked only into programs
// that were set up with moor_enable_movable_stacks.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>

#include <cxxabi.h>
#include <unwind.h>

#include "context/exception_state.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

extern "C" {
/// Where the program's covered code lies, for its indirect calls. Until initialisers run there is none: every such call
/// takes the long way, which is right, too.
extern std::uint64_t moor_covered_begin;
extern std::uint64_t moor_covered_size;

extern const IMAGE_DOS_HEADER __ImageBase; // the linker's: the image that this is a part of

void* moor_take_exception(_Unwind_Exception* thrown) noexcept;
[[noreturn]] void moor_throw_again(_Unwind_Exception* thrown);
}

namespace moor::win {

// Conditionally supported for a class with private members, and supported by the compilers that get here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
struct system_stack_layout {
    static_assert(offsetof(system_stack, left_at_) == 0);
    static_assert(offsetof(system_stack, fields_) + offsetof(stack_fields, base) == 8);
    static_assert(offsetof(system_stack, fields_) + offsetof(stack_fields, limit) == 16);
    static_assert(offsetof(system_stack, fields_) + offsetof(stack_fields, deallocation) == 24);
    static_assert(offsetof(system_stack, on_coroutine_stack_) == 56);
};
#pragma GCC diagnostic pop

} // namespace moor::win

namespace {

// The section that the compiler's plugin puts it in (src/compiler/divert_calls.cpp).
const IMAGE_SECTION_HEADER* covered_section() noexcept {
    const auto* const start = reinterpret_cast<const std::byte*>(&__ImageBase);
    const auto& headers = *reinterpret_cast<const IMAGE_NT_HEADERS*>(start + __ImageBase.e_lfanew);
    const auto* const first = IMAGE_FIRST_SECTION(&headers);
    const auto* const last = first + headers.FileHeader.NumberOfSections;
    const auto* const found = std::find_if(first, last, [](const IMAGE_SECTION_HEADER& each) {
        return std::memcmp(each.Name, ".movable", IMAGE_SIZEOF_SHORT_NAME) == 0; // all eight letters
    });
    return found != last ? found : nullptr;
}

// Counts those that are thrown and not caught yet ("Itanium C++ ABI: Exception Handling", 2.4.4). Others have no count.
void count_in_flight(const _Unwind_Exception& thrown, unsigned more) noexcept {
    constexpr std::uint64_t of_this_runtime = 0x474e5543432b2b; // "GNUCC++", and 0 or 1 in the lowest byte
    if (thrown.exception_class >> 8 == of_this_runtime) {
        const moor::context::exception_place place;
        auto state = place.load();
        state.in_flight += more;
        place.store(state);
    }
}

} // namespace

std::uint64_t moor_covered_begin = [] {
    const auto* const section = covered_section();
    return section != nullptr ? reinterpret_cast<std::uint64_t>(&__ImageBase) + section->VirtualAddress : 0;
}();
std::uint64_t moor_covered_size = [] {
    const auto* const section = covered_section();
    return section != nullptr ? std::uint64_t{section->Misc.VirtualSize} : 0;
}();

/// On the thread's system stack, at the end of a diverted call that throws. The exception is neither caught nor in
/// flight until it is thrown again, so that the coroutine's stack can move meanwhile: none of its frames is known to
/// it.
void* moor_take_exception(_Unwind_Exception* thrown) noexcept {
    count_in_flight(*thrown, static_cast<unsigned>(-1));
    return thrown;
}

/// On the coroutine's stack: what __cxa_throw does at its end.
void moor_throw_again(_Unwind_Exception* thrown) {
    count_in_flight(*thrown, 1);
    _Unwind_RaiseException(thrown);
    __cxxabiv1::__cxa_begin_catch(thrown); // nobody catches it
    std::terminate();
}
