// The soak in a few rounds, as every change runs it; and every leak that it looks for, planted and found. For an hour
// of it: cmake -P cmake/soak.cmake, which sets these:
//   MOOR_SOAK_MINUTES        for how long rounds begin; without it there are twelve short rounds
//   MOOR_SOAK_ROUNDS         so many rounds instead
//   MOOR_SOAK_SEED           of the first round; each further one has the next. Printed
#include "soak/soak.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/udp.hpp>

#include "io/io_context.hpp"
#include "support/run.hpp"
#include "win/handle.hpp"
#include "win/windows.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr stack_kind own_kind = MOOR_TEST_MOVABLE_STACKS != 0 ? stack_kind::movable : stack_kind::reserved;

unsigned long number_in(const char* variable, unsigned long otherwise) {
    const char* const text = std::getenv(variable);
    return text != nullptr && *text != '\0' ? std::strtoul(text, nullptr, 10) : otherwise;
}

TEST(soak, finds_nothing_and_nothing_grows) {
    soak_plan plan;
    plan.stack = own_kind;
    plan.seed = static_cast<std::uint32_t>(number_in("MOOR_SOAK_SEED", std::random_device{}()));
    plan.rounds = number_in("MOOR_SOAK_ROUNDS", 0);
    plan.length = std::chrono::minutes(number_in("MOOR_SOAK_MINUTES", 0));
    if (plan.rounds == 0 && plan.length == 0min) {
        plan.rounds = 12;
        plan.round_length = 300ms;
        plan.rounds_per_line = 12;
    }
    std::printf("MOOR_SOAK_SEED=%lu\n", static_cast<unsigned long>(plan.seed));
    std::fflush(stdout);
    EXPECT_THAT(run_soak(plan).faults, ElementsAre());
}

// ---- Leaks -------------------------------------------------------------------------------------------------------

class leaked_operations final : public planted_leak {
public:
    void plant(runtime& running) override {
        running.run([this] {
            std::error_code error;
            all_.push_back(io::operation_owner::acquire(*io::current_io().service, error).release());
        });
    }
    void take_back(runtime& running) override {
        running.run([this] {
            for (iocp::operation* const each : all_) {
                const auto owned = io::operation_owner::adopt(*each, *io::current_io().service);
            }
        });
    }

private:
    std::vector<iocp::operation*> all_;
};

class leaked_sockets final : public planted_leak {
public:
    void plant(runtime& running) override {
        running.run([this] { all_.push_back(udp_socket::bind(endpoint::loopback(address_family::ipv4, 0))); });
    }
    void take_back(runtime& running) override {
        running.run([this] { all_.clear(); });
    }

private:
    std::vector<udp_socket> all_;
};

/// Coroutines that do not end.
template <class Wait>
class leaked_coroutines final : public planted_leak {
public:
    explicit leaked_coroutines(Wait wait, stack_kind stack = stack_kind::reserved) : wait_(wait), stack_(stack) {}

    void plant(runtime& running) override { all_.push_back(running.spawn({.stack = stack_}, wait_)); }
    void take_back(runtime&) override {
        for (auto& each : all_) {
            each.request_stop();
        }
        for (auto& each : all_) {
            each.join();
        }
    }

private:
    const Wait wait_;
    const stack_kind stack_;
    std::vector<join_handle<void>> all_;
};

/// Tokens that were waited for, and whose sources live on; so many that the last dead ones of each bucket do not count.
class leaked_tokens final : public planted_leak {
public:
    void plant(runtime& running) override {
        running.run([this] {
            task_group waits;
            for (int number = 0; number != 400; ++number) {
                waits.spawn([token = all_.emplace_back().get_token()] {
                    std::error_code error;
                    this_coroutine::sleep_for(1ms, token, error);
                });
            }
            waits.wait();
        });
    }
    void take_back(runtime&) override { all_.clear(); }

private:
    std::vector<std::stop_source> all_;
};

class leaked_handles final : public planted_leak {
public:
    void plant(runtime&) override { all_.emplace_back(::CreateEventW(nullptr, FALSE, FALSE, nullptr)); }
    void take_back(runtime&) override { all_.clear(); }

private:
    std::vector<win::unique_handle> all_;
};

class leaked_threads final : public planted_leak {
public:
    void plant(runtime&) override {
        all_.emplace_back([this] { over_.wait(false); });
    }
    void take_back(runtime&) override {
        over_.store(true);
        over_.notify_all();
        all_.clear();
    }

private:
    std::atomic<bool> over_{false};
    std::vector<std::jthread> all_;
};

class leaked_runtimes final : public planted_leak {
public:
    void plant(runtime&) override { all_.push_back(std::make_unique<runtime>(with_workers(1))); }
    void take_back(runtime&) override { all_.clear(); }

private:
    std::vector<std::unique_ptr<runtime>> all_;
};

class leaked_blocks final : public planted_leak {
public:
    void plant(runtime&) override { all_.emplace_back(std::size_t{64} * 1024); }
    void take_back(runtime&) override { all_.clear(); }

private:
    std::vector<std::vector<std::byte>> all_;
};

class leaked_pages final : public planted_leak {
public:
    void plant(runtime&) override {
        constexpr std::size_t bytes = std::size_t{4} << 20;
        all_.push_back(::VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
        std::memset(all_.back(), 1, bytes);
    }
    void take_back(runtime&) override {
        for (void* const each : all_) {
            ::VirtualFree(each, 0, MEM_RELEASE);
        }
    }

private:
    std::vector<void*> all_;
};

void wait_for_ever(const wait_limit& limit) {
    std::error_code error;
    this_coroutine::sleep_for(1h, limit, error);
}

std::vector<std::string> faults_with(planted_leak& leak) {
    soak_plan plan;
    plan.rounds = 12;
    plan.under_load = false;
    plan.leak = &leak;
    plan.rounds_per_line = plan.rounds;
    plan.stack = own_kind;
    return run_soak(plan).faults;
}

TEST(soak_leaks, none_is_found_where_none_is) {
    soak_plan plan;
    plan.rounds = 12;
    plan.under_load = false;
    plan.rounds_per_line = plan.rounds;
    EXPECT_THAT(run_soak(plan).faults, ElementsAre());
}

TEST(soak_leaks, an_operation_is_found) {
    leaked_operations leak;
    EXPECT_THAT(faults_with(leak), Contains(HasSubstr("operations in use")));
}

TEST(soak_leaks, a_socket_is_found) {
    leaked_sockets leak;
    EXPECT_THAT(faults_with(leak), Contains(HasSubstr("open handles")));
}

TEST(soak_leaks, a_coroutine_and_its_timer_are_found) {
    leaked_coroutines leak([] { wait_for_ever(no_limit); });
    const auto faults = faults_with(leak);
    EXPECT_THAT(faults, Contains(HasSubstr("coroutines alive")));
    EXPECT_THAT(faults, Contains(HasSubstr("control blocks")));
    EXPECT_THAT(faults, Contains(HasSubstr("timers")));
}

TEST(soak_leaks, watches_of_living_tokens_are_found) {
    leaked_tokens leak;
    EXPECT_THAT(faults_with(leak), Contains("stop watches grow from round to round"));
}

#if MOOR_TEST_MOVABLE_STACKS
TEST(soak_leaks, a_segment_is_found) {
    leaked_coroutines leak([] { wait_for_ever(no_limit); }, stack_kind::movable);
    EXPECT_THAT(faults_with(leak), Contains(HasSubstr("segments in use")));
}
#endif

TEST(soak_leaks, a_runtime_is_found) {
    leaked_runtimes leak;
    EXPECT_THAT(faults_with(leak), Contains(HasSubstr("other runtimes")));
}

TEST(soak_leaks, a_handle_of_the_process_is_found) {
    leaked_handles leak;
    EXPECT_THAT(faults_with(leak), ElementsAre("process handles grow from round to round"));
}

TEST(soak_leaks, a_thread_is_found) {
    leaked_threads leak;
    EXPECT_THAT(faults_with(leak), Contains("threads grow from round to round"));
}

TEST(soak_leaks, a_block_of_the_heap_is_found) {
    leaked_blocks leak;
    EXPECT_THAT(faults_with(leak), Contains("KiB of heap blocks grow from round to round"));
}

TEST(soak_leaks, pages_are_found) {
    leaked_pages leak;
    EXPECT_THAT(faults_with(leak), Contains("KiB of private memory grow from round to round"));
}

} // namespace
} // namespace moor::test
