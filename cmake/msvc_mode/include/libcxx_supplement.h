// Included before everything else in MSVC mode with libc++ (toolchains/msvc-mode.cmake).
#pragma once

#include <crt_supplement.h>

// The standard library takes these functions of the C runtime into its namespace.
#define MOOR_OF_EACH_TYPE(name, builtin)                                                                                \
    inline bool name(float value) noexcept { return builtin(value); }                                                  \
    inline bool name(double value) noexcept { return builtin(value); }                                                 \
    inline bool name(long double value) noexcept { return builtin(value); }
MOOR_OF_EACH_TYPE(isfinite, __builtin_isfinite)
MOOR_OF_EACH_TYPE(isinf, __builtin_isinf)
MOOR_OF_EACH_TYPE(isnan, __builtin_isnan)
MOOR_OF_EACH_TYPE(isnormal, __builtin_isnormal)
MOOR_OF_EACH_TYPE(signbit, __builtin_signbit)
#undef MOOR_OF_EACH_TYPE

// Microsoft's standard headers include this one where others do not. It has names, as std::quoted, that a call without a
// namespace finds by its arguments.
#if defined(__cplusplus)
#include <iomanip>
#endif
