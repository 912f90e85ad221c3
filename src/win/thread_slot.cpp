// See thread_slot.hpp.
#include "win/thread_slot.hpp"

#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor::win {

void thread_slot::prepare() {
    static const unsigned long allocated = [] {
        const DWORD index = ::TlsAlloc();
        if (index == TLS_OUT_OF_INDEXES) {
            throw_last_error("moor: TlsAlloc");
        }
        constexpr DWORD slots_in_teb = 64;
        if (index < slots_in_teb) {
            offset_ = static_cast<std::uint32_t>(teb::field::tls_slots) + index * std::uint32_t{sizeof(void*)};
        }
        return index;
    }();
    index_ = allocated;
}

void thread_slot::set(void* value) noexcept { ::TlsSetValue(index_, value); }

// TlsGetValue clears the last error, which belongs to the running coroutine.
void* thread_slot::get_from_expansion() noexcept {
    const DWORD kept = ::GetLastError();
    void* const value = index_ == TLS_OUT_OF_INDEXES ? nullptr : ::TlsGetValue(index_);
    ::SetLastError(kept);
    return value;
}

} // namespace moor::win
