// Wine's winnt.h defines what clang-cl has as a builtin.
#pragma once

#define _InterlockedCompareExchange128 moor_of_wine_InterlockedCompareExchange128
#include_next <winnt.h>
#undef _InterlockedCompareExchange128
