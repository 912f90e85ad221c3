// The system's calls by which one thread interrupts another, as one table of function pointers, so that a test can have
// them fail or report what cannot be brought about.
#pragma once

#include <atomic>

#include "win/windows.hpp"

namespace moor::preempt {

/// Signatures and contracts are the system's own (processthreadsapi.h).
struct thread_calls {
    DWORD(WINAPI* suspend)(HANDLE) = &::SuspendThread;
    DWORD(WINAPI* resume)(HANDLE) = &::ResumeThread;
    BOOL(WINAPI* get_context)(HANDLE, CONTEXT*) = &::GetThreadContext;
    BOOL(WINAPI* set_context)(HANDLE, const CONTEXT*) = &::SetThreadContext;
};

inline const thread_calls real_thread_calls;

/// The table in use. For tests: written while no runtime lives.
inline std::atomic<const thread_calls*> current_thread_calls{&real_thread_calls};

} // namespace moor::preempt
