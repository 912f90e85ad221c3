#include <mutex>

#include <moor/mutex.hpp>
#include <moor/task_group.hpp>

#include "header_examples.hpp"

namespace {

moor::mutex guard;
long balance = 0;

void deposit(long amount) {
    std::lock_guard lock(guard);
    balance += amount;
}

} // namespace

void mutex_example() {
    moor::task_group depositors;
    for (int i = 0; i < 100; ++i) {
        depositors.spawn(deposit, 2L);
    }
    depositors.wait();
    expect(balance == 200, "mutex");
}
