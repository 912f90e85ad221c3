// What is started, and waited for, through the table of system calls.
#include "win/thread.hpp"

#include <cstdint>

#include "win/insist.hpp"
#include "win/process.hpp"

namespace moor::win {

unique_handle start_thread(system_calls::thread_function function, void* argument) noexcept {
    const std::uintptr_t handle = system().start_thread(nullptr, 0, function, argument, 0, nullptr);
    return unique_handle(reinterpret_cast<HANDLE>(handle));
}

bool wait_for(const unique_handle& object, DWORD milliseconds) noexcept {
    DWORD result = WAIT_FAILED;
    insist("WaitForSingleObject", [&] {
        result = system().wait_for(object.get(), milliseconds);
        return result != WAIT_FAILED;
    });
    return result == WAIT_OBJECT_0;
}

void wait_for_end(const unique_handle& thread) noexcept { static_cast<void>(wait_for(thread, INFINITE)); }

bool has_ended(const unique_handle& thread) noexcept { return system().wait_for(thread.get(), 0) == WAIT_OBJECT_0; }

unique_handle handle_of_caller() noexcept {
    HANDLE copy = nullptr;
    if (::DuplicateHandle(this_process(), ::GetCurrentThread(), this_process(), &copy, 0, FALSE,
                          DUPLICATE_SAME_ACCESS) == FALSE) {
        return {};
    }
    return unique_handle(copy);
}

void run_before_others() noexcept { ::SetThreadPriority(::GetCurrentThread(), THREAD_PRIORITY_HIGHEST); }

} // namespace moor::win
