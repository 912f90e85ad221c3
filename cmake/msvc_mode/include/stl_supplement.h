// Included before everything else where Microsoft's standard library replaces libc++ (toolchains/msvc-mode.cmake): what it
// asks of vcruntime's headers and of the C runtime's, beyond what crt_supplement.h has. Only declared: nothing is linked.
#pragma once

// The language's version and attributes; vcruntime.h derives them from the options there.
#define _HAS_CXX17 1
#define _HAS_CXX20 1
#define _HAS_CXX23 0
#define _HAS_CXX26 0
#define _HAS_NODISCARD 1
#define _NODISCARD [[nodiscard]]
#define _MSVC_CONSTEXPR [[msvc::constexpr]]

// How its functions are called and where they come from: the DLL, as with /MD.
#define __CRTDECL __cdecl
#define __CLR_OR_THIS_CALL
#define __CLRCALL_OR_CDECL __cdecl
#define __CLRCALL_PURE_OR_CDECL __cdecl
#define _CRTIMP2 __declspec(dllimport)
#define _CRTIMP2_IMPORT __declspec(dllimport)
#define _CRTDATA2_IMPORT __declspec(dllimport)
#define _MRTIMP2 __declspec(dllimport)
#define _CRT_SATELLITE_1
#define _CRT_SATELLITE_2
#define _CRT_SATELLITE_CODECVT_IDS
#define _CRT_SATELLITE_CODECVT_IDS_NOIMPORT
#define _PGLOBAL

// Notes for Microsoft's own analyses, which Clang does not make.
#define _CRT_GUARDOVERFLOW
#define _Analysis_assume_(condition) ((void)0)
#define _Pre_satisfies_(condition)
#define _Post_equal_to_(expression)

#include <crt_supplement.h>

// The C runtime's headers include this one from others.
#include <errno.h>
#include <fenv.h>
#include <signal.h>

// What <cmath> takes into its namespace. Wine's math.h has little for long double, which is double there.
#define MOOR_OF_ONE(name) long double __cdecl name(long double);
#define MOOR_OF_TWO(name) long double __cdecl name(long double, long double);
extern "C" {
MOOR_OF_ONE(acosl) MOOR_OF_ONE(acoshl) MOOR_OF_ONE(asinl) MOOR_OF_ONE(asinhl) MOOR_OF_ONE(atanl) MOOR_OF_ONE(atanhl)
MOOR_OF_ONE(cbrtl) MOOR_OF_ONE(ceill) MOOR_OF_ONE(cosl) MOOR_OF_ONE(coshl) MOOR_OF_ONE(erfl) MOOR_OF_ONE(erfcl)
MOOR_OF_ONE(expl) MOOR_OF_ONE(exp2l) MOOR_OF_ONE(expm1l) MOOR_OF_ONE(fabsl) MOOR_OF_ONE(floorl) MOOR_OF_ONE(lgammal)
MOOR_OF_ONE(logl) MOOR_OF_ONE(log10l) MOOR_OF_ONE(log1pl) MOOR_OF_ONE(log2l) MOOR_OF_ONE(logbl)
MOOR_OF_ONE(nearbyintl) MOOR_OF_ONE(rintl) MOOR_OF_ONE(roundl) MOOR_OF_ONE(sinl) MOOR_OF_ONE(sinhl)
MOOR_OF_ONE(sqrtl) MOOR_OF_ONE(tanl) MOOR_OF_ONE(tanhl) MOOR_OF_ONE(tgammal) MOOR_OF_ONE(truncl)
MOOR_OF_TWO(atan2l) MOOR_OF_TWO(copysignl) MOOR_OF_TWO(fdiml) MOOR_OF_TWO(fmaxl) MOOR_OF_TWO(fminl)
MOOR_OF_TWO(fmodl) MOOR_OF_TWO(hypotl) MOOR_OF_TWO(nextafterl) MOOR_OF_TWO(nexttowardl) MOOR_OF_TWO(powl)
MOOR_OF_TWO(remainderl)
float __cdecl erfcf(float);
float __cdecl fmaf(float, float, float);
float __cdecl nanf(const char*);
float __cdecl nexttowardf(float, long double);
double __cdecl erfc(double);
double __cdecl fma(double, double, double);
double __cdecl nan(const char*);
double __cdecl nexttoward(double, long double);
int __cdecl ilogbl(long double);
long __cdecl lrintl(long double);
long __cdecl lroundl(long double);
long double __cdecl fmal(long double, long double, long double);
long double __cdecl frexpl(long double, int*);
long double __cdecl ldexpl(long double, int);
long double __cdecl modfl(long double, long double*);
long double __cdecl nanl(const char*);
long double __cdecl remquol(long double, long double, int*);
long double __cdecl scalblnl(long double, long);
long double __cdecl scalbnl(long double, int);
long long __cdecl llrintl(long double);
long long __cdecl llroundl(long double);
}
#undef MOOR_OF_ONE
#undef MOOR_OF_TWO
typedef float float_t;
typedef double double_t;
inline bool signbit(float value) noexcept { return __builtin_signbit(value); }
inline bool signbit(double value) noexcept { return __builtin_signbit(value); }
inline bool signbit(long double value) noexcept { return __builtin_signbit(value); }
inline long abs(long value) noexcept { return labs(value); }
inline long long abs(long long value) noexcept { return llabs(value); }

// What the other headers of the C library are asked for.
typedef mbstate_t _Mbstatet;
typedef int sig_atomic_t;
extern "C" {
[[noreturn]] void __cdecl _invoke_watson(const wchar_t*, const wchar_t*, const wchar_t*, unsigned, uintptr_t);
errno_t __cdecl _get_stream_buffer_pointers(FILE*, char***, char***, int**);
int __cdecl feraiseexcept(int);
int __cdecl feupdateenv(const fenv_t*);
int __cdecl fwide(FILE*, int);
int __cdecl mbsinit(const mbstate_t*);
int __cdecl vfscanf(FILE*, const char*, va_list);
int __cdecl vfwscanf(FILE*, const wchar_t*, va_list);
int __cdecl vscanf(const char*, va_list);
int __cdecl vsscanf(const char*, const char*, va_list);
int __cdecl vswscanf(const wchar_t*, const wchar_t*, va_list);
int __cdecl vwscanf(const wchar_t*, va_list);
long double __cdecl wcstold(const wchar_t*, wchar_t**);
}
