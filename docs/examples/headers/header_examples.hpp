// What an example of a header does is checked here: a check that fails ends the program.
#pragma once

#include <cstdio>
#include <cstdlib>

inline void expect(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "header_examples: %s\n", what);
        std::exit(1);
    }
}

void channel_example();
void condition_variable_example();
void mutex_example();
void once_example();
void overlapped_example();
void select_example();
void semaphore_example();
void sendable_file_example();
void shared_mutex_example();
void task_group_example();
void wait_group_example();
