// Functions without stack checks for code that has them: of every shape that a call can have, and deeper than a movable
// stack leaves room for. Not in namespace moor, whose functions nobody diverts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace without_checks {

/// Where a function ran.
struct place {
    std::uint64_t deallocation; ///< of the stack that the TEB describes
    bool on_it;                 ///< whether the stack pointer is in it
    bool deep;                  ///< it used 64 KiB
};
[[nodiscard]] place where();

struct large {
    std::array<std::uint64_t, 9> words;
};
struct small {
    std::uint32_t first;
    std::uint32_t second;
};

std::uint64_t no_argument();
double floating(double a, float b, double c, float d);
float one_float(float a);
std::uint64_t mixed(int a, double b, std::uint64_t c, float d, std::uint64_t e, double f, small g, std::uint64_t h);
large returns_large(std::uint64_t from, const large& other);
small returns_small(std::uint64_t from);
std::string returns_string(const std::string& text);
std::uint64_t fourteen(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l, int m,
                       int n);
std::uint64_t with_100(std::array<std::uint64_t, 100>* seen, ...); ///< 99 more
int print(char* into, std::size_t size, const char* format, ...);

/// Calls back, from 64 KiB further down.
std::uint64_t call_back(std::uint64_t (*function)(void*), void* argument);
void call_any(const std::function<void()>& function);
[[noreturn]] void throw_runtime_error(const char* text);
void nothing();

class shape {
public:
    virtual ~shape();
    virtual std::uint64_t area(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) const;
    [[nodiscard]] virtual place where_is_it() const;
};
[[nodiscard]] shape* make_shape();

/// An inline function that comes from both kinds of files.
inline std::uint64_t stack_of_inline() {
    std::uint64_t found = 0;
    asm volatile("movq %%gs:0x1478, %0" : "=r"(found));
    std::array<volatile std::uint8_t, 300> locals{};
    return found + locals[7];
}
std::uint64_t stack_of_inline_without();

/// Spawns a coroutine of the movable kind whose body is compiled here, and returns the check limit of its stack.
std::uint64_t check_limit_of_a_body();

} // namespace without_checks
