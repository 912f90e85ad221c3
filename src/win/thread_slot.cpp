// The first 64 indexes lie in the TEB itself; a higher one is read by a system call that must not change the last
// error.
#include "win/thread_slot.hpp"

#include "win/error.hpp"
#include "win/last_error_scope.hpp"
#include "win/process_registration.hpp"
#include "win/windows.hpp"

namespace moor::win {

std::uint32_t allocate_tls_index() noexcept { return ::TlsAlloc(); }

void free_tls_index(std::uint32_t index) noexcept { ::TlsFree(index); }

void thread_slot::allocate() {
    const DWORD index = allocate_tls_index();
    if (index == TLS_OUT_OF_INDEXES) {
        throw_last_error("moor: TlsAlloc");
    }
    index_.store(index, std::memory_order_relaxed);
    constexpr DWORD slots_in_teb = 64;
    if (index < slots_in_teb) {
        offset_.store(static_cast<std::uint32_t>(teb::field::tls_slots) + index * std::uint32_t{sizeof(void*)},
                      std::memory_order_relaxed);
    }
}

void thread_slot::free() noexcept {
    offset_.store(0, std::memory_order_relaxed);
    free_tls_index(index_.exchange(TLS_OUT_OF_INDEXES, std::memory_order_relaxed));
}

process_registration& thread_slot::registration() noexcept {
    static constinit process_registration index(&allocate, &free);
    return index;
}

void thread_slot::set(void* value) noexcept { ::TlsSetValue(index_.load(std::memory_order_relaxed), value); }

// TlsGetValue clears the last error, which belongs to the running coroutine.
void* thread_slot::get_from_expansion() noexcept {
    const last_error_scope kept;
    const DWORD index = index_.load(std::memory_order_relaxed);
    return index == TLS_OUT_OF_INDEXES ? nullptr : ::TlsGetValue(index);
}

} // namespace moor::win
