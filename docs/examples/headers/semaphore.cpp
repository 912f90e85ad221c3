#include <atomic>
#include <chrono>
#include <string>
#include <utility>

#include <moor/semaphore.hpp>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>

#include "header_examples.hpp"

using namespace std::chrono_literals;

namespace {

using request = std::string;
using reply = std::string;

template <class Function>
class finally {
public:
    explicit finally(Function last) : last_(std::move(last)) {}
    finally(const finally&) = delete;
    finally& operator=(const finally&) = delete;
    ~finally() { last_(); }

private:
    Function last_;
};

std::atomic<int> asking{0};
std::atomic<bool> too_many{false};

struct {
    reply query(const request& question) {
        too_many = too_many || ++asking > 8;
        moor::this_coroutine::yield();
        --asking;
        return question;
    }
} database;

moor::semaphore slots(8);

reply ask(const request& question) {
    slots.acquire(2s);
    const auto give_back = finally([&] { slots.release(); });
    return database.query(question);
}

} // namespace

void semaphore_example() {
    moor::task_group clients;
    for (int i = 0; i < 20; ++i) {
        clients.spawn(ask, "how many");
    }
    clients.wait();
    expect(!too_many && slots.available() == 8, "semaphore");
}
