#include "stack/without_checks.hpp"

#include <cstdarg>
#include <cstdio>
#include <stdexcept>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

namespace without_checks {
namespace {

// Has the stack used as far as no headroom reaches.
[[gnu::noinline]] bool use_64_kibibytes() {
    std::array<volatile std::uint8_t, 4096> frame;
    static thread_local unsigned depth = 0;
    frame[0] = 1;
    frame[4095] = 2;
    bool fine = true;
    if (++depth < 16) {
        fine = use_64_kibibytes();
    }
    --depth;
    return fine && frame[0] == 1 && frame[4095] == 2;
}

} // namespace

place where() {
    place found{};
    std::uint64_t pointer = 0;
    std::uint64_t base = 0;
    asm volatile("movq %%gs:0x1478, %0\n\tmovq %%gs:8, %1\n\tmovq %%rsp, %2"
                 : "=r"(found.deallocation), "=r"(base), "=r"(pointer));
    found.on_it = pointer > found.deallocation && pointer < base;
    found.deep = use_64_kibibytes();
    return found;
}

std::uint64_t no_argument() { return use_64_kibibytes() ? 0x1122334455667788 : 0; }
double floating(double a, float b, double c, float d) {
    return use_64_kibibytes() ? a * 1000 + static_cast<double>(b) * 100 + c * 10 + static_cast<double>(d) : 0;
}
float one_float(float a) { return use_64_kibibytes() ? a * 2 : 0; }
std::uint64_t mixed(int a, double b, std::uint64_t c, float d, std::uint64_t e, double f, small g, std::uint64_t h) {
    use_64_kibibytes();
    return static_cast<std::uint64_t>(a) + 10 * static_cast<std::uint64_t>(b) + 100 * c +
           1000 * static_cast<std::uint64_t>(d) + 10'000 * e + 100'000 * static_cast<std::uint64_t>(f) +
           1'000'000 * (g.first + g.second) + 10'000'000 * h;
}
large returns_large(std::uint64_t from, const large& other) {
    use_64_kibibytes();
    large result{};
    for (std::size_t index = 0; index != result.words.size(); ++index) {
        result.words[index] = from + index + other.words[index];
    }
    return result;
}
small returns_small(std::uint64_t from) {
    use_64_kibibytes();
    return {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(from >> 32)};
}
std::string returns_string(const std::string& text) { return use_64_kibibytes() ? text + text : text; }
std::uint64_t fourteen(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l, int m,
                       int n) {
    use_64_kibibytes();
    std::uint64_t sum = 0;
    for (const int each : {a, b, c, d, e, f, g, h, i, j, k, l, m, n}) {
        sum = sum * 3 + static_cast<std::uint64_t>(each);
    }
    return sum;
}
std::uint64_t with_100(std::array<std::uint64_t, 100>* seen, ...) {
    va_list rest;
    va_start(rest, seen);
    std::uint64_t sum = 0;
    for (std::size_t index = 1; index != seen->size(); ++index) {
        (*seen)[index] = va_arg(rest, std::uint64_t);
        sum += (*seen)[index];
    }
    va_end(rest);
    return sum;
}
int print(char* into, std::size_t size, const char* format, ...) {
    va_list rest;
    va_start(rest, format);
    const int written = std::vsnprintf(into, size, format, rest);
    va_end(rest);
    return written;
}

std::uint64_t call_back(std::uint64_t (*function)(void*), void* argument) {
    return use_64_kibibytes() ? function(argument) : 0;
}
void call_any(const std::function<void()>& function) {
    use_64_kibibytes();
    function();
    use_64_kibibytes();
}
void throw_runtime_error(const char* text) {
    throw std::runtime_error(std::string(text) + (use_64_kibibytes() ? "" : "!"));
}
void nothing() {}

shape::~shape() = default;
std::uint64_t shape::area(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) const {
    return use_64_kibibytes() ? a + 10 * b + 100 * c + 1000 * d : 0;
}
place shape::where_is_it() const { return where(); }
shape* make_shape() { return new shape; }

std::uint64_t stack_of_inline_without() { return stack_of_inline(); }

std::uint64_t check_limit_of_a_body() {
    moor::runtime running({.workers = 1});
    return running
        .spawn({.stack = moor::stack_kind::movable},
               [] {
                   std::uint64_t found = 0;
                   asm volatile("movq %%gs:0x28, %0" : "=r"(found));
                   return found;
               })
        .join();
}

} // namespace without_checks
