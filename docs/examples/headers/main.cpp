// Runs the examples of the headers, one after another, on one coroutine.
#include <exception>

#include <moor/runtime.hpp>

#include "header_examples.hpp"

int main() try {
    moor::runtime runtime;
    runtime.run([] {
        channel_example();
        condition_variable_example();
        mutex_example();
        once_example();
        overlapped_example();
        select_example();
        semaphore_example();
        sendable_file_example();
        shared_mutex_example();
        task_group_example();
        wait_group_example();
    });
    std::puts("all examples ran");
} catch (const std::exception& error) {
    std::fprintf(stderr, "header_examples: %s\n", error.what());
    return 1;
}
