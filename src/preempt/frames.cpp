// See frames.hpp.  (temporary: with the system's lookup)
#include "preempt/frames.hpp"
#include <cstring>

namespace moor::preempt {

std::optional<preempt_refusal> refusal_by_frames(const CONTEXT& registers, address_range stack) noexcept {
    CONTEXT at = registers;
    const auto image = reinterpret_cast<std::uint64_t>(::GetModuleHandleW(nullptr));
    const auto& dos = *reinterpret_cast<const IMAGE_DOS_HEADER*>(image);
    const auto& headers = *reinterpret_cast<const IMAGE_NT_HEADERS*>(image + static_cast<std::uint64_t>(dos.e_lfanew));
    const std::uint64_t end = image + headers.OptionalHeader.SizeOfImage;
    const auto marker = reinterpret_cast<std::uint64_t>(&detail::run_preemptible);
    for (int depth = 0; depth != 256; ++depth) {
        if (at.Rip < image || at.Rip >= end) {
            return preempt_refusal::other_image;
        }
        if (at.Rsp < stack.lowest || at.Rsp >= stack.top) {
            return preempt_refusal::bad_frames;
        }
        DWORD64 base = 0;
        RUNTIME_FUNCTION* const entry = ::RtlLookupFunctionEntry(at.Rip, &base, nullptr);
        if (entry == nullptr) {
            if (depth != 0) {
                return preempt_refusal::bad_frames;
            }
            std::memcpy(&at.Rip, reinterpret_cast<const void*>(at.Rsp), sizeof at.Rip);
            at.Rsp += 8;
            continue;
        }
        if (base + entry->BeginAddress == marker) {
            return {};
        }
        void* data = nullptr;
        DWORD64 establisher = 0;
        ::RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, at.Rip, entry, &at, &data, &establisher, nullptr);
    }
    return preempt_refusal::too_deep;
}

} // namespace moor::preempt
