// Which functions without stack checks code with them calls where it is (law 6), and why each may be: for the
// compiler's plugin, which diverts all others, and for the check of linked programs. By the names that the linker sees.
// C++17: it is compiled for the machine that builds.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace moor::compiler {

inline bool begins_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

/// What names behind the library's namespace in Itanium's mangling, of functions that are not inline in it; else empty.
inline std::string_view within_moor(std::string_view name) {
    constexpr std::string_view moor = "4moor";
    if (!begins_with(name, "_ZN")) {
        return {};
    }
    name.remove_prefix(std::min(name.find_first_not_of("KVRO", 3), name.size()));
    return begins_with(name, moor) ? name.substr(moor.size()) : std::string_view();
}

/// The library's own functions: some suspend, which is possible on the coroutine's stack only.
inline bool is_moors_own(std::string_view name) {
    for (const std::string_view prefix : {"moor_", "__moor", "__morestack", "__safestack", "__wrap_"}) {
        if (begins_with(name, prefix)) {
            return true;
        }
    }
    return !within_moor(name).empty();
}

/// Those of them that never suspend, and may throw while they hold something: they run where other code does.
inline bool is_moors_diverted(std::string_view name) {
    constexpr std::array<std::string_view, 7> diverted = {"6detail19unstarted_coroutineC",
                                                          "6detail12group_memberC",
                                                          "6detail12channel_core6create",
                                                          "10task_groupC",
                                                          "17overlapped_handleC",
                                                          "17overlapped_handle5adopt",
                                                          "7runtimeC"};
    name = within_moor(name);
    return std::any_of(diverted.begin(), diverted.end(),
                       [name](std::string_view each) { return begins_with(name, each); });
}

/// Bytes that a function of the library needs beside what stack checks leave free. Held by tests/stack/room_test.cpp.
inline unsigned room_of_moors(std::string_view name) {
    constexpr std::array<std::string_view, 5> with_operations = {"10tcp_stream", "12tcp_listener", "10udp_socket",
                                                                 "17overlapped_handle", "13sendable_file"};
    name = within_moor(name);
    const bool needs_more = std::any_of(with_operations.begin(), with_operations.end(),
                                        [name](std::string_view each) { return begins_with(name, each); });
    return needs_more ? 512 : 0;
}

/// Leaves of the C library with next to no frame, which loops call.
inline bool is_leaf(std::string_view name) {
    constexpr std::array<std::string_view, 13> leaves = {"memcpy", "memmove", "memset",  "memcmp", "memchr",
                                                         "strlen", "strcmp",  "strncmp", "strchr", "strrchr",
                                                         "wcslen", "wmemcpy", "wmemset"};
    return std::find(leaves.begin(), leaves.end(), name) != leaves.end();
}

/// Those that have to do with the calling frame itself. A throw finds its handler by the frames of its caller; before
/// it room is made (room_before_calls_gas.S), which is there until the exception is caught.
inline bool is_bound_to_frame(std::string_view name) {
    constexpr std::array<std::string_view, 9> bound = {"__cxa_throw",
                                                       "__cxa_rethrow",
                                                       "_Unwind_Resume",
                                                       "_ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE",
                                                       "longjmp",
                                                       "setjmp",
                                                       "_setjmp",
                                                       "__intrinsic_setjmp",
                                                       "__intrinsic_setjmpex"};
    return std::find(bound.begin(), bound.end(), name) != bound.end();
}

/// Its author promises that the room is enough for all that it does (docs/stacks.md).
inline bool is_promised(std::string_view name) {
    constexpr std::string_view mark = ".any_stack";
    return name.size() > mark.size() && name.substr(name.size() - mark.size()) == mark;
}

/// What the code generator has main call first: it runs the program's initialisers, on the thread's system stack.
inline bool is_before_all(std::string_view name) { return name == "__main"; }

} // namespace moor::compiler
