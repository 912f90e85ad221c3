// The calls on which the runtime itself depends fail once with each documented error: making the port and starting
// Winsock (the constructor reports it), dequeuing, posting a wake-up, cancelling, asking for a result (nobody notices).
#include <array>
#include <atomic>
#include <cstdio>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>

#include "iocp/documented_errors.hpp"
#include "iocp/fault_world.hpp"
#include "iocp/faults.hpp"
#include "iocp/system_calls.hpp"
#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;

void print(const char* what, std::size_t errors) {
    std::printf("[  faults  ] %s: 1 function, 1 call site, %zu errors, %zu faults\n", what, errors, errors);
}

TEST(port_faults, of_a_new_runtime_are_reported) {
    for (const auto& [which, errors] : {std::pair(imported::associate, error_list(associate_errors)),
                                        std::pair(imported::start_up, error_list(start_up_errors))}) {
        for (const int number : errors) {
            arm_fault(which, static_cast<std::uint32_t>(number));
            try {
                const runtime refused(with_workers(1));
                ADD_FAILURE() << number;
            } catch (const std::system_error& failure) {
                EXPECT_EQ(failure.code(), std::error_code(number, winsock_category()));
            }
            EXPECT_EQ(disarm_fault(which), 0u);
            EXPECT_EQ(in_runtime(1, [] { return make_tcp_pair().client.write(make_bytes(5)); }), 5u) << number;
        }
        print(which == imported::start_up ? "starting Winsock" : "making a port", errors.size());
    }
}

TEST(port_faults, of_dequeuing_are_passed_over) {
    runtime running(with_workers(1));
    running.run([&] {
        fault_world world(running);
        for (const int number : dequeue_errors) {
            arm_fault(imported::dequeue, static_cast<std::uint32_t>(number));
            std::array<std::byte, 5> buffer{};
            auto reader = spawn([&] { return world.pair.client.read_exactly(buffer, 20s); });
            this_coroutine::sleep_for(2ms); // the worker goes to its port, with and without a pending operation
            world.pair.server.write(make_bytes(buffer.size()));
            EXPECT_EQ(reader.join(), buffer.size());
            const std::string what = fmt::format("dequeuing with {}", number);
            EXPECT_EQ(disarm_fault(imported::dequeue), 0u) << what;
            world.expect_nothing_leaked(what);
            world.expect_to_work(what);
        }
    });
    print("dequeuing", std::size(dequeue_errors));
}

// A lost wake-up would leave the coroutine that a plain thread starts without a worker.
TEST(port_faults, of_posting_are_made_up_for) {
    runtime running(with_workers(1));
    for (const int number : post_errors) {
        arm_fault(imported::post, static_cast<std::uint32_t>(number));
        bool failed = false;
        const bool reached = eventually([&] {
            std::this_thread::sleep_for(1ms); // so that the worker sleeps
            EXPECT_EQ(running.run([] { return 7; }), 7);
            failed = disarm_fault(imported::post) == 0;
            if (!failed) {
                arm_fault(imported::post, static_cast<std::uint32_t>(number));
            }
            return failed;
        });
        EXPECT_TRUE(reached) << number;
    }
    print("posting a wake-up", std::size(post_errors));
}

// ---- Calls of the table ------------------------------------------------------------------------------------------

std::atomic<unsigned> failed_calls{0};
std::atomic<std::uint32_t> next_failure{0};

bool fails_now() {
    const std::uint32_t error = next_failure.exchange(0);
    if (error != 0) {
        failed_calls.fetch_add(1);
        ::SetLastError(error);
    }
    return error != 0;
}

class replaced_table {
public:
    replaced_table() : table_(iocp::real_system_calls()) {
        table_.cancel = [](HANDLE handle, OVERLAPPED* call) -> BOOL {
            return fails_now() ? FALSE : iocp::real_system_calls().cancel(handle, call);
        };
        table_.result = [](SOCKET socket, OVERLAPPED* call, DWORD* count, BOOL wait, DWORD* flags) -> BOOL {
            return fails_now() ? FALSE : iocp::real_system_calls().result(socket, call, count, wait, flags);
        };
        iocp::replace_system_calls(&table_);
    }
    ~replaced_table() { iocp::replace_system_calls(nullptr); }

private:
    iocp::system_calls table_;
};

// The system says that there is nothing to cancel: the packet is waited for all the same, and nothing is lost.
TEST(port_faults, of_cancelling_do_not_end_the_wait) {
    runtime running(with_workers(1));
    running.run([&] {
        fault_world world(running);
        const replaced_table table;
        for (const int number : cancel_errors) {
            const unsigned before = failed_calls;
            next_failure = static_cast<std::uint32_t>(number);
            std::array<std::byte, 5> buffer{};
            std::error_code error;
            bool ended = false;
            auto reader = spawn([&] {
                const std::size_t count = world.pair.client.read_some(buffer, 2ms, error);
                ended = true;
                return count;
            });
            EXPECT_TRUE(eventually([&] { return failed_calls != before; })) << number;
            this_coroutine::sleep_for(2ms);
            EXPECT_FALSE(ended) << "returned before its packet came";
            world.pair.server.write(make_bytes(buffer.size()));
            EXPECT_EQ(reader.join(), buffer.size()) << number;
            EXPECT_FALSE(error) << error.message();
            const std::string what = fmt::format("cancelling with {}", number);
            world.expect_nothing_leaked(what);
            world.expect_to_work(what);
        }
    });
    print("cancelling", std::size(cancel_errors));
}

TEST(port_faults, of_asking_for_a_result_are_passed_over) {
    runtime running(with_workers(1));
    running.run([&] {
        fault_world world(running);
        const replaced_table table;
        for (const int number : result_errors) {
            const unsigned before = failed_calls;
            next_failure = static_cast<std::uint32_t>(number);
            std::array<std::byte, 5> buffer{};
            world.one.send_to(make_bytes(3), world.other.local_endpoint());
            EXPECT_EQ(world.other.receive_message(buffer, 20s).bytes, 3u) << number;
            EXPECT_EQ(failed_calls, before + 1) << number;
            next_failure = 0;
            const std::string what = fmt::format("a result with {}", number);
            world.expect_nothing_leaked(what);
            world.expect_to_work(what);
        }
    });
    print("asking for a result", std::size(result_errors));
}

} // namespace
} // namespace moor::test
