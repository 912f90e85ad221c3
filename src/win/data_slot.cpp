// The TLS index, its place in the TEB for compiled code, and a callback that gives a thread's data stack back when the
// thread ends.
#include "win/data_slot.hpp"

#include <atomic>
#include <cstddef>
#include <utility>

#include "win/error.hpp"
#include "win/last_error_scope.hpp"
#include "win/process_registration.hpp"
#include "win/thread_slot.hpp"
#include "win/windows.hpp"

// NtTib's EnvironmentPointer (offset 0x38): of another subsystem, null in 64-bit processes.
constexpr std::uint32_t unused_field = 0x38;

extern "C" {
std::uint32_t moor_data_slot = unused_field;
}

namespace moor::win {
namespace {

constexpr DWORD slots_in_teb = 64;

DWORD index_in_teb() {
    const DWORD index = allocate_tls_index(); // the lowest that is free
    if (index >= slots_in_teb) {
        if (index != TLS_OUT_OF_INDEXES) {
            free_tls_index(index);
        }
        throw std::system_error(to_error(std::errc::resource_unavailable_try_again),
                                "moor: all 64 TLS indexes of the TEB are taken");
    }
    return index;
}

std::atomic<void (*)(void*) noexcept> release_function{nullptr};

void NTAPI end_of_thread(void* value) {
    if (auto* const release = release_function.load(std::memory_order_acquire);
        release != nullptr && value != nullptr) {
        data_slot::set(nullptr);
        release(value);
    }
}

} // namespace

process_registration& data_slot::registration() noexcept {
    static constinit process_registration index(
        [] {
            const last_error_scope kept;
            moor_data_slot =
                static_cast<std::uint32_t>(teb::field::tls_slots) + index_in_teb() * std::uint32_t{sizeof(void*)};
        },
        []() noexcept {
            const std::uint32_t offset = std::exchange(moor_data_slot, unused_field);
            free_tls_index((offset - static_cast<std::uint32_t>(teb::field::tls_slots)) / std::uint32_t{sizeof(void*)});
        });
    return index;
}

bool data_slot::release_at_end_of_thread(void* value, void (*release)(void*) noexcept) noexcept {
    const last_error_scope kept;
    release_function.store(release, std::memory_order_release);
    static const DWORD index = ::FlsAlloc(&end_of_thread);
    return index != FLS_OUT_OF_INDEXES && ::FlsSetValue(index, value) != 0;
}

} // namespace moor::win
