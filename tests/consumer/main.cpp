// Proves that a project of its own compiles against moor's public headers, links it and runs a coroutine.
#include <moor/moor.hpp>

#include <cstdio>

int main() {
    moor::runtime runtime;
    bool ran = false;
    runtime.run([&] { ran = true; });
    if (!ran) return 1;
    std::puts("consumer ok");
    return 0;
}
