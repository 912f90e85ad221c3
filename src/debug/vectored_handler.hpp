// What the system calls for every exception of the process, before any frame of the thread is asked.
#pragma once

#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor::debug {

/// One such function, while it is added (AddVectoredExceptionHandler, Microsoft Learn). Never removed by its end: it
/// belongs to a registration. Not for two threads at once.
class vectored_handler {
public:
    enum class place : ULONG { last = 0, first = 1 }; // among all of the process

    /// Throws std::system_error.
    void add(place where, PVECTORED_EXCEPTION_HANDLER function) {
        handle_ = ::AddVectoredExceptionHandler(static_cast<ULONG>(where), function);
        if (handle_ == nullptr) {
            win::throw_last_error("moor: AddVectoredExceptionHandler");
        }
    }
    void remove() noexcept { ::RemoveVectoredExceptionHandler(handle_); }

private:
    void* handle_ = nullptr;
};

} // namespace moor::debug
