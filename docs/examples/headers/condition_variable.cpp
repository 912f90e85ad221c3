#include <deque>
#include <mutex>

#include <moor/condition_variable.hpp>
#include <moor/mutex.hpp>
#include <moor/spawn.hpp>

#include "header_examples.hpp"

namespace {

using job = int;

moor::mutex guard;
moor::condition_variable changed;
std::deque<job> jobs;

job next_job() {
    std::unique_lock lock(guard);
    changed.wait(lock, [&] { return !jobs.empty(); });
    job first = std::move(jobs.front());
    jobs.pop_front();
    return first;
}
void add_job(job added) {
    {
        std::lock_guard lock(guard);
        jobs.push_back(std::move(added));
    }
    changed.notify_one();
}

} // namespace

void condition_variable_example() {
    auto taker = moor::spawn(next_job);
    add_job(7);
    expect(taker.join() == 7, "condition_variable");
}
