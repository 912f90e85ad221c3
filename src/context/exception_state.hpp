// The C++ runtime's per-thread exception state: which exceptions are being handled and how many are in flight. It
// belongs to the running stack, and no C++ runtime swaps it for a stackful coroutine. One section per runtime, nothing
// else here.
#pragma once

#if defined(_MSC_VER)

// vcruntime's per-thread places; declared here because the header that has them is not public. The runtime library
// exports them for its own modules (vcruntime_exception.h names all three).
extern "C" void** __cdecl __current_exception();
extern "C" void** __cdecl __current_exception_context();
extern "C" int* __cdecl __processing_throw();

namespace moor::context {

/// What a suspended coroutine keeps.
struct exception_state {
    void* current = nullptr;
    void* frame = nullptr;
    int in_flight = 0;
};

/// The calling thread's own places; stable for the thread's life, so that workers look them up once.
class exception_place {
public:
    exception_place() noexcept
        : current_(__current_exception()), frame_(__current_exception_context()), in_flight_(__processing_throw()) {}

    [[nodiscard]] exception_state load() const noexcept { return {*current_, *frame_, *in_flight_}; }

    void store(const exception_state& state) const noexcept {
        *current_ = state.current;
        *frame_ = state.frame;
        *in_flight_ = state.in_flight;
    }

private:
    void** current_;
    void** frame_;
    int* in_flight_;
};

} // namespace moor::context

#else

#include <cxxabi.h>

namespace moor::context {

/// Laid out as the Itanium C++ ABI lays out __cxa_eh_globals (section 2.2.2), which libstdc++ and libc++abi follow.
struct exception_state {
    void* caught = nullptr;
    unsigned in_flight = 0;
};

/// The calling thread's own place; stable for the thread's life, so that workers look it up once.
class exception_place {
public:
    exception_place() noexcept : place_(reinterpret_cast<exception_state*>(__cxxabiv1::__cxa_get_globals())) {}

    [[nodiscard]] exception_state load() const noexcept { return *place_; }
    void store(const exception_state& state) const noexcept { *place_ = state; }

private:
    exception_state* place_;
};

} // namespace moor::context

#endif
