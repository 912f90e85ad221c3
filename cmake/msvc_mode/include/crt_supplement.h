// What the C runtime of Microsoft declares and the headers of Wine for it do not. Only declared: nothing is linked. The
// supplement of the standard library includes it, before everything else.
#pragma once

#include <vcruntime.h>

// Wine's WCHAR is wchar_t only when it is told so.
#define WINE_UNICODE_NATIVE

#include <io.h>
#include <locale.h>
#include <math.h>
#include <share.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wchar.h>

struct timespec {
    time_t tv_sec;
    long tv_nsec;
};
#define TIME_UTC 1

extern "C" {
int __cdecl vsnprintf_s(char*, size_t, size_t, const char*, va_list);
int __cdecl timespec_get(timespec*, int);
int __cdecl ___mb_cur_max_func();
int __cdecl _islower_l(int, _locale_t);
int __cdecl _isupper_l(int, _locale_t);
double __cdecl _strtod_l(const char*, char**, _locale_t);
float __cdecl _strtof_l(const char*, char**, _locale_t);
int __cdecl at_quick_exit(void(__cdecl*)(void));
[[noreturn]] void __cdecl quick_exit(int);
}

#ifndef MB_CUR_MAX
#define MB_CUR_MAX ___mb_cur_max_func()
#endif

// In C++ these are overloaded functions there, which the supplements for the standard libraries define.
#undef fpclassify
#undef isfinite
#undef isgreater
#undef isgreaterequal
#undef isinf
#undef isless
#undef islessequal
#undef islessgreater
#undef isnan
#undef isnormal
#undef isunordered
#undef signbit
