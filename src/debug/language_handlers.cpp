// The handlers are known by their addresses. An import of the runtime's DLL is one jump in this image, and its address
// is what both the unwind data and we have; an incremental link may put one more before either.
//
// The layout of MSVC's tables is that of ehdata.h and ehdata4_export.h, which come with Visual Studio.
#include "debug/language_handlers.hpp"

#include "unwind/function_address.hpp"
#include "win/windows.hpp"

#if defined(_MSC_VER)
#include <excpt.h>

#define MOOR_LANGUAGE_HANDLER(name)                                                                                    \
    extern "C" EXCEPTION_DISPOSITION __cdecl name(EXCEPTION_RECORD*, void*, CONTEXT*, DISPATCHER_CONTEXT*)
MOOR_LANGUAGE_HANDLER(__CxxFrameHandler3);
MOOR_LANGUAGE_HANDLER(__CxxFrameHandler4);
// Of functions that also check their frame's cookie.
MOOR_LANGUAGE_HANDLER(__GSHandlerCheck);
MOOR_LANGUAGE_HANDLER(__GSHandlerCheck_SEH);
MOOR_LANGUAGE_HANDLER(__GSHandlerCheck_EH);
MOOR_LANGUAGE_HANDLER(__GSHandlerCheck_EH4);
#undef MOOR_LANGUAGE_HANDLER
#else
extern "C" EXCEPTION_DISPOSITION __gxx_personality_seh0(EXCEPTION_RECORD*, void*, CONTEXT*, DISPATCHER_CONTEXT*);
#endif

namespace moor::debug {
namespace {

struct known_handler {
    EXCEPTION_DISPOSITION (*function)(EXCEPTION_RECORD*, void*, CONTEXT*, DISPATCHER_CONTEXT*);
    handler_kind kind;
};

#if defined(_MSC_VER)
constexpr known_handler known_handlers[] = {
    {&__CxxFrameHandler3, handler_kind::cpp},         {&__CxxFrameHandler4, handler_kind::compact_cpp},
    {&__GSHandlerCheck, handler_kind::passes_on},     {&__GSHandlerCheck_SEH, handler_kind::structured},
    {&__GSHandlerCheck_EH, handler_kind::cpp},        {&__GSHandlerCheck_EH4, handler_kind::compact_cpp},
    {&__C_specific_handler, handler_kind::structured}};
#else
constexpr known_handler known_handlers[] = {{&__gxx_personality_seh0, handler_kind::passes_on}};
#endif

// The data of the first two are the place of the function's table.
bool cpp_may_take_fault(const unwind::code_image& image, std::uint64_t table) noexcept {
    constexpr std::uint32_t with_flags = 0x19930522; // and later: the version, in the lower 29 bits
    constexpr std::uint32_t only_cpp = 1;
    const auto version = image.read<std::uint32_t>(table);
    const auto try_blocks = image.read<std::uint32_t>(table + 12);
    if (!version || !try_blocks) {
        return true;
    }
    if (*try_blocks == 0) {
        return false;
    }
    const auto flags = image.read<std::uint32_t>(table + 36);
    return (*version & 0x1fff'ffff) < with_flags || !flags || (*flags & only_cpp) == 0;
}

bool compact_cpp_may_take_fault(const unwind::code_image& image, std::uint64_t table) noexcept {
    constexpr std::uint8_t try_blocks = 0x10;
    constexpr std::uint8_t only_cpp = 0x20;
    const auto flags = image.read<std::uint8_t>(table);
    return !flags || ((*flags & try_blocks) != 0 && (*flags & only_cpp) == 0);
}

} // namespace

handler_kind kind_of_handler(std::uint64_t address) noexcept {
    const std::uint64_t wanted = unwind::without_jump(reinterpret_cast<const void*>(address));
    for (const known_handler& each : known_handlers) {
        if (unwind::without_jump(reinterpret_cast<const void*>(each.function)) == wanted) {
            return each.kind;
        }
    }
    return handler_kind::unknown;
}

bool may_take_fault(handler_kind kind, const unwind::code_image& image, std::uint64_t data) noexcept {
    switch (kind) {
    case handler_kind::passes_on: return false;
    case handler_kind::cpp:
    case handler_kind::compact_cpp: {
        const auto table = image.read<std::uint32_t>(data);
        return !table || (kind == handler_kind::cpp ? cpp_may_take_fault(image, *table)
                                                    : compact_cpp_may_take_fault(image, *table));
    }
    default: return true;
    }
}

bool may_take_fault(const unwind::code_image& image, const unwind::function_entry& whole_function,
                    bool is_own) noexcept {
    constexpr unsigned has_handler = 1; // flag: asked when an exception is raised
    const auto at = image.unwind_info_of(whole_function);
    if (!at || (at->info.flags() & has_handler) == 0 || at->info.is_chained()) {
        return false;
    }
    const std::uint64_t place = std::uint64_t{at->rva} + at->info.chained_at();
    const auto handler = image.read<std::uint32_t>(place);
    if (!is_own || !handler || !image.contains_code(image.base() + *handler)) {
        return true;
    }
    return may_take_fault(kind_of_handler(image.base() + *handler), image, place + sizeof *handler);
}

} // namespace moor::debug
