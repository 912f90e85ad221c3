// Proves that a project of its own compiles against moor's public headers, links it and runs coroutines; with Clang on
// stacks that move, although its code keeps addresses of locals wherever code does that.
#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <locale>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <cstdio>

#include <moor/moor.hpp>

namespace {

struct appended_numbers : std::num_put<char, std::back_insert_iterator<std::string>> {};

// By functions of the C++ library that are variadic inside.
std::string numbers(double number) {
    std::string text = std::to_string(number) + ' ' + std::to_string(static_cast<long double>(number)) + ' ';
    const std::wstring wide = std::to_wstring(number);
    text.append(wide.begin(), wide.end()).append(1, ' ');
    std::ostringstream format;
    const appended_numbers put;
    put.put(std::back_inserter(text), format, ' ', number);
    return text;
}

int depth_of(unsigned levels) {
    std::array<volatile char, 200> local{};
    local[levels % local.size()] = 1;
    return levels == 0 ? 0 : depth_of(levels - 1) + local[levels % local.size()];
}

// Has the caller's stack grow, and suspends.
void go_deep() {
    static_cast<void>(depth_of(100));
    moor::this_coroutine::yield();
}

std::string headers() {
    char buffer[] = "Host: localhost\nAccept: text\nX-Id: 7\n";
    std::map<std::string_view, std::string_view> parsed;
    for (std::string_view rest(buffer); !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        const std::size_t colon = line.find(':');
        parsed[line.substr(0, colon)] = line.substr(colon + 2);
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    go_deep();
    std::ostringstream text;
    for (const auto& [name, value] : parsed) {
        text << name << '=' << value << ';';
        go_deep();
    }
    text << 3.25;
    return text.str();
}

std::string closures() {
    std::vector<std::vector<int>> children(64);
    for (int node = 1; node < 64; ++node) {
        children[static_cast<std::size_t>((node - 1) / 2)].push_back(node);
    }
    int visited = 0;
    const std::function<void(int)> visit = [&](int node) {
        ++visited;
        if (node % 16 == 0) {
            go_deep();
        }
        for (const int child : children[static_cast<std::size_t>(node)]) {
            visit(child);
        }
    };
    visit(0);
    return std::to_string(visited);
}

std::string children_by_reference() {
    std::array<int, 3> results{};
    {
        moor::task_group running;
        for (int child = 0; child < 3; ++child) {
            running.spawn([&results, child] {
                moor::this_coroutine::yield();
                results[static_cast<std::size_t>(child)] = child + 1;
            });
        }
        go_deep();
        running.wait();
    }
    return std::to_string(results[0] + results[1] * 10 + results[2] * 100);
}

} // namespace

int main() {
    moor::runtime runtime;
    std::string text;
    unsigned long long moves = 0;
    runtime.run([&] {
        text = moor::spawn({.stack = moor::stack_kind::movable}, [&moves] {
                   const std::string all =
                       numbers(3.25) + "|" + headers() + "|" + closures() + "|" + children_by_reference();
                   moves = moor::this_coroutine::stack_copies();
                   return all;
               }).join();
    });
    if (text != "3.250000 3.250000 3.250000 3.25|Accept=text;Host=localhost;X-Id=7;3.25|64|321") {
        std::printf("wrong: '%s'\n", text.c_str());
        return 1;
    }
#if defined(CONSUMER_HAS_MOVABLE_STACKS)
    if (moves == 0) {
        std::puts("wrong: the stack has not moved");
        return 1;
    }
#endif
    std::puts("consumer ok");
    return 0;
}
