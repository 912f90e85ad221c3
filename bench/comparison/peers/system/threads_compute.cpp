// Jobs of the peer "threads" that need no more than threads, locks and waiting. The threads of a job exist before its
// time begins, where it is not about making them.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "peers/support/share.hpp"
#include "peers/system/threads_jobs.hpp"
#include "peers/system/threads_queue.hpp"
#include "peers/system/threads_thread.hpp"

namespace moor::bench::peers::threads {
namespace {

using namespace std::chrono_literals;

/// Where one thread waits for a number from another: the system's waiting on an address, which is its fastest. One
/// waits at a time, and a number is put only when the last one was taken.
class slot {
public:
    /// Not 0.
    void put(std::uint64_t number) {
        number_.store(number, std::memory_order_release);
        ::WakeByAddressSingle(&number_);
    }

    std::uint64_t take() {
        for (;;) {
            if (const std::uint64_t number = number_.exchange(0, std::memory_order_acquire)) {
                return number;
            }
            std::uint64_t empty = 0;
            ::WaitOnAddress(&number_, &empty, sizeof empty, INFINITE);
        }
    }

private:
    alignas(64) std::atomic<std::uint64_t> number_ = 0;
};

#ifdef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
constexpr DWORD high_resolution = CREATE_WAITABLE_TIMER_HIGH_RESOLUTION;
#else
constexpr DWORD high_resolution = 2; // its value, which MinGW's headers did not have at first
#endif

/// A timer for sleeps of less than a tick of the system's clock, where the system has such.
class fine_timer {
public:
    fine_timer() : handle_(::CreateWaitableTimerExW(nullptr, nullptr, high_resolution, TIMER_ALL_ACCESS)) {
        if (handle_ == nullptr) { // before Windows 10 1803
            handle_ = ::CreateWaitableTimerExW(nullptr, nullptr, 0, TIMER_ALL_ACCESS);
        }
        if (handle_ == nullptr) {
            throw failed("the system gives no timer");
        }
    }
    ~fine_timer() { ::CloseHandle(handle_); }
    fine_timer(const fine_timer&) = delete;
    fine_timer& operator=(const fine_timer&) = delete;

    void sleep(std::chrono::milliseconds time) {
        LARGE_INTEGER due; // in units of 100 nanoseconds, negative: from now
        due.QuadPart = -static_cast<LONGLONG>(time.count()) * 10'000;
        if (::SetWaitableTimer(handle_, &due, 0, nullptr, nullptr, FALSE) == FALSE) {
            throw failed("the timer cannot be set");
        }
        ::WaitForSingleObject(handle_, INFINITE);
    }

private:
    HANDLE handle_;
};

} // namespace

// Where each of the two has a processor to itself, no yield switches to the other.
figures yield(const request& asked) {
    constexpr std::uint64_t pair = 2;
    const std::uint64_t rounds = equal_share(asked.items(), pair);
    starting_line line;
    std::vector<system_thread> yielding;
    for (std::uint64_t index = 0; index < pair; ++index) {
        yielding.emplace_back([&line, rounds] {
            line.wait();
            for (std::uint64_t round = 0; round < rounds; ++round) {
                ::SwitchToThread();
            }
        });
    }
    const auto start = clock::now();
    line.open();
    join_all(yielding);
    return timed(clock::now() - start, rounds * pair);
}

figures ring(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    const std::uint64_t rounds = equal_share(asked.items(), coroutines);
    std::vector<slot> slots(coroutines);
    constexpr std::uint64_t stop = ~std::uint64_t{0};
    std::vector<system_thread> others; // the caller is one of the ring
    const auto end_them = [&others, &slots] {
        if (!others.empty()) {
            slots[1].put(stop);
            join_all(others);
        }
    };
    for (std::uint64_t index = 1; index < coroutines; ++index) {
        try {
            others.emplace_back([&slots, &from = slots[index], next = (index + 1) % slots.size()] {
                for (;;) {
                    const std::uint64_t token = from.take();
                    slots[next].put(token == stop ? stop : token + 1);
                    if (token == stop) {
                        return;
                    }
                }
            });
        } catch (const std::system_error&) {
            end_them();
            throw cannot("the system has no so many threads");
        }
    }
    std::uint64_t token = 1;
    const auto start = clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        slots[1 % coroutines].put(token + 1);
        token = slots[0].take();
    }
    const auto time = clock::now() - start;
    end_them();
    if (token != 1 + rounds * coroutines) {
        throw failed("the token was not handed over as often as it should");
    }
    return timed(time, rounds * coroutines);
}

figures spawn(const request& asked) {
    const std::uint64_t items = asked.items();
    std::uint64_t sum = 0;
    const auto start = clock::now();
    for (std::uint64_t number = 1; number <= items; ++number) {
        system_thread([&sum, number] { sum += number; }).join();
    }
    const auto time = clock::now() - start;
    if (sum != sum_to(items)) {
        throw failed("the sum is wrong");
    }
    return timed(time, items);
}

figures fan_out(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    refuse_too_many(coroutines);
    const std::uint64_t rounds = equal_share(asked.items(), coroutines);
    std::atomic<std::uint64_t> sum = 0;
    const auto start = clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        std::vector<system_thread> started;
        started.reserve(coroutines);
        try {
            for (std::uint64_t number = 1; number <= coroutines; ++number) {
                started.emplace_back([&sum, number] { sum.fetch_add(number, std::memory_order_relaxed); });
            }
        } catch (const std::system_error&) {
            throw cannot("the system has no so many threads");
        }
        join_all(started);
    }
    const auto time = clock::now() - start;
    if (sum != rounds * sum_to(coroutines)) {
        throw failed("the sum is wrong");
    }
    return timed(time, rounds * coroutines);
}

figures channel(const request& asked) {
    const std::uint64_t items = asked.items();
    const std::uint64_t senders = asked["senders"];
    const std::uint64_t receivers = asked["receivers"];
    number_queue queue(asked["capacity"]);
    starting_line line;
    std::atomic<std::uint64_t> sum = 0;
    std::vector<system_thread> receiving;
    for (std::uint64_t index = 0; index < receivers; ++index) {
        receiving.emplace_back([&queue, &sum] {
            std::uint64_t own = 0;
            while (const auto number = queue.receive()) {
                own += *number;
            }
            sum += own;
        });
    }
    std::vector<system_thread> sending;
    std::uint64_t first = 0;
    for (std::uint64_t index = 0; index < senders; ++index) {
        const std::uint64_t last = first + share_of(items, senders, index);
        sending.emplace_back([&queue, &line, first, last] {
            line.wait();
            for (std::uint64_t number = first; number < last; ++number) {
                queue.send(number + 1);
            }
        });
        first = last;
    }
    const auto start = clock::now();
    line.open();
    join_all(sending);
    queue.close();
    join_all(receiving);
    const auto time = clock::now() - start;
    if (sum != sum_to(items)) {
        throw failed("the sum is wrong");
    }
    return timed(time, items);
}

// The lock is not fair: an item is one acquisition.
figures mutex(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    const std::uint64_t rounds = equal_share(asked.items(), coroutines);
    slim_lock guard;
    std::uint64_t counter = 0;
    starting_line line;
    std::vector<system_thread> taking;
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        taking.emplace_back([&guard, &counter, &line, rounds] {
            line.wait();
            for (std::uint64_t round = 0; round < rounds; ++round) {
                const std::lock_guard held(guard);
                ++counter;
                ::SwitchToThread();
            }
        });
    }
    const auto start = clock::now();
    line.open();
    join_all(taking);
    const auto time = clock::now() - start;
    if (counter != rounds * coroutines) {
        throw failed("the lock did not exclude");
    }
    return timed(time, counter);
}

figures timer_delay(const request& asked) {
    constexpr auto delay = 1ms;
    std::atomic<bool> stop = false;
    std::vector<system_thread> computing;
    for (std::uint64_t index = 0; index < asked["loops"]; ++index) {
        computing.emplace_back([&stop, index] {
            std::uint64_t state = index;
            while (!stop.load(std::memory_order_relaxed)) {
                benchmark::DoNotOptimize(state = state * 6364136223846793005U + 1442695040888963407U);
            }
        });
    }
    std::vector<clock::duration> late;
    try {
        fine_timer timer;
        for (std::uint64_t item = 0; item < asked.items(); ++item) {
            const auto start = clock::now();
            timer.sleep(delay);
            late.push_back(clock::now() - start - delay);
        }
    } catch (...) {
        stop = true;
        throw;
    }
    stop = true;
    join_all(computing);
    return lateness(std::move(late));
}

} // namespace moor::bench::peers::threads
