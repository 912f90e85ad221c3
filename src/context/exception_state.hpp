// The C++ runtime's per-thread exception state: which exceptions are being handled and how many are in flight. It
// belongs to the running stack, and no C++ runtime swaps it for a stackful coroutine. One section per runtime, nothing
// else here.
#pragma once

#if defined(_MSC_VER)

#include <cstddef>
#include <span>

#include "win/error.hpp"

// vcruntime's per-thread places; declared here because the header that has them is not public. The runtime library
// exports them for its own modules (vcruntime_exception.h names the first three).
extern "C" void** __cdecl __current_exception();
extern "C" void** __cdecl __current_exception_context();
extern "C" int* __cdecl __processing_throw();
extern "C" void* __cdecl _CreateFrameInfo(void* frame, void* exception);
extern "C" void __cdecl _FindAndUnlinkFrame(void* frame);

namespace moor::context {

/// What a suspended coroutine keeps.
struct exception_state {
    void* current = nullptr;
    void* frame = nullptr;
    int in_flight = 0;
    void* catch_frames = nullptr; ///< the innermost active catch block's record, which lies on the coroutine's stack
};

/// The calling thread's own places; stable for the thread's life, so that workers look them up once.
class exception_place {
public:
    /// Ends the process when this vcruntime does not keep its catch frames where they are looked for.
    exception_place() noexcept
        : current_(__current_exception()), frame_(__current_exception_context()), in_flight_(__processing_throw()),
          catch_frames_(find_catch_frames(current_)) {
        if (catch_frames_ == nullptr) {
            win::fatal("this C++ runtime keeps the list of its active catch blocks where moor does not find it: a "
                       "catch block that suspends would end the process later. Please report the version of "
                       "vcruntime140.dll, or of the Visual Studio that linked it.");
        }
    }

    [[nodiscard]] exception_state load() const noexcept { return {*current_, *frame_, *in_flight_, *catch_frames_}; }

    void store(const exception_state& state) const noexcept {
        *current_ = state.current;
        *frame_ = state.frame;
        *in_flight_ = state.in_flight;
        *catch_frames_ = state.catch_frames;
    }

private:
    // Every active catch block has a record in a list of its thread. When the block is left, vcruntime looks its record
    // up there and calls abort() when it is not found, which it is not when the block suspended and goes on on another
    // thread, or after another coroutine has entered one. Nothing names the place of the list's head, but it lies in
    // the same object as the current exception: a record that is added shows up there. (__vcrt_ptd in the runtime's
    // sources, which come with Visual Studio.)
    static void** find_catch_frames(void** first) noexcept {
        struct record {
            void* exception;
            record* next;
        };
        constexpr std::size_t words = 12; // of that object, from the current exception on
        record probe{};
        _CreateFrameInfo(&probe, nullptr);
        void** found = nullptr;
        for (void*& word : std::span(first, words)) {
            if (word == &probe) {
                found = &word;
            }
        }
        _FindAndUnlinkFrame(&probe);
        return found;
    }

    void** current_;
    void** frame_;
    int* in_flight_;
    void** catch_frames_;
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
