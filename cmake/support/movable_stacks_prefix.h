/* Included before everything else in code with stack checks (moor_enable_movable_stacks): Clang refuses variadic
   functions there, and MinGW-w64's headers define these as inline functions. Marked, they have no check and live on
   the headroom, or on what moor::ensure_stack made; call them through moor::on_system_stack. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_split_stack)), apply_to = function)
#include <stdio.h>
#include <wchar.h>
#if defined(__cplusplus)
#include <cstdio>
#include <cwchar>
#endif
#pragma clang attribute pop
#endif
