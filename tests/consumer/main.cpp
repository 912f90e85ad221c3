// Proves that a project of its own compiles against moor's public headers, links it and runs a coroutine; with Clang
// one whose stack moves, and which converts numbers by what Clang refuses beside stack checks.
#include <iterator>
#include <locale>
#include <sstream>
#include <string>

#include <cstdio>

#include <moor/moor.hpp>

namespace {

struct appended_numbers : std::num_put<char, std::back_insert_iterator<std::string>> {};

std::string numbers(double number) {
    std::string text = std::to_string(number) + ' ' + std::to_string(static_cast<long double>(number)) + ' ';
    const std::wstring wide = std::to_wstring(number);
    text.append(wide.begin(), wide.end()).append(1, ' ');
    std::ostringstream format;
    const appended_numbers put;
    put.put(std::back_inserter(text), format, ' ', number);
    return text;
}

} // namespace

int main() {
    moor::spawn_options options;
#if defined(CONSUMER_HAS_MOVABLE_STACKS)
    options.stack = moor::stack_kind::movable;
#endif
    moor::runtime runtime;
    std::string text;
    runtime.run([&] { text = moor::spawn(options, numbers, 3.25).join(); });
    if (text != "3.250000 3.250000 3.250000 3.25") {
        std::printf("wrong: '%s'\n", text.c_str());
        return 1;
    }
    std::puts("consumer ok");
    return 0;
}
