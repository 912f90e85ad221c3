// A program with a mistake: two coroutines take two locks in opposite orders. docs/locks.md shows what moor prints.
#include <chrono>
#include <functional>
#include <mutex>

#include <moor/moor.hpp>

using namespace std::chrono_literals;

static void take_both(moor::mutex& first, moor::mutex& second) {
    const std::lock_guard outer(first);
    moor::this_coroutine::sleep_for(50ms); // the other coroutine takes its first lock meanwhile
    const std::lock_guard inner(second);
}

int main() {
    moor::runtime runtime;
    runtime.run([] {
        moor::mutex left;
        moor::mutex right;
        moor::task_group both;
        both.spawn({.name = "left to right"}, take_both, std::ref(left), std::ref(right));
        both.spawn({.name = "right to left"}, take_both, std::ref(right), std::ref(left));
        both.wait(60s);
    });
}
