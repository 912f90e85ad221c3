/* Included before everything else in code with stack checks (moor_enable_movable_stacks): Clang refuses variadic
   functions there, and MinGW-w64's headers define these as inline functions. Marked, they have no check and live on
   the headroom, or on what moor::ensure_stack made; call them through moor::on_system_stack. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_split_stack)), apply_to = function)
#include <conio.h>
#include <stdio.h>
#include <wchar.h>
#if defined(__cplusplus)
#include <cstdio>
#include <cwchar>
#endif
#pragma clang attribute pop

/* Behind std::to_string(double), and behind std::num_put for iterators of the program's own, libstdc++ has variadic
   functions that need more than the headroom, and nobody sees the call. They are marked and get other names; theirs go
   to templates that call them on the worker's own stack. */
#if defined(__GLIBCXX__)
#include <type_traits>
#define __to_xstring __attribute__((no_split_stack)) moor_variadic_to_xstring
#include <ext/string_conversions.h>
#undef __to_xstring
#define __convert_from_v __attribute__((no_split_stack)) moor_variadic_convert_from_v
#include <bits/c++locale.h>
#undef __convert_from_v

/* Declared before <string> and <locale>, which the next header may include. */
namespace __gnu_cxx {
template <class String, class Character = typename String::value_type, class... Numbers>
String __to_xstring(int (*convert)(Character*, std::size_t, const Character*, __builtin_va_list), std::size_t size,
                    const Character* format, Numbers... numbers);
} // namespace __gnu_cxx
namespace std {
template <class... Numbers>
int __convert_from_v(const __c_locale& locale, char* text, int size, const char* format, Numbers... numbers);
} // namespace std

#include <moor/stack.hpp>

template <class String, class Character, class... Numbers>
String __gnu_cxx::__to_xstring(int (*convert)(Character*, std::size_t, const Character*, __builtin_va_list),
                               std::size_t size, const Character* format, Numbers... numbers) {
    return moor::on_system_stack(
        [&] { return moor_variadic_to_xstring<String>(convert, size, format, numbers...); });
}

template <class... Numbers>
int std::__convert_from_v(const __c_locale& locale, char* text, int size, const char* format, Numbers... numbers) {
    return moor::on_system_stack([&] { return moor_variadic_convert_from_v(locale, text, size, format, numbers...); });
}
#endif
#endif
