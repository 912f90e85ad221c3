#include "io/shared_handle.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/io_context.hpp"
#include "win/system_calls.hpp"

namespace moor::io {
namespace {

struct record {
    std::atomic<int> closed{0};
    std::atomic<int> destroyed{0};
    std::atomic<int> uses{0};
    std::atomic<bool> used_after_close{false};
};

class probe final : public shared_handle {
public:
    probe(record& target, iocp::io_service& service) : shared_handle(service), record_(target) {}
    ~probe() override { record_.destroyed.fetch_add(1); }

private:
    [[nodiscard]] win::io_handle borrow() const noexcept override { return win::io_handle(nullptr, false); }
    void close_handle() noexcept override {
        if (record_.uses.load() != 0) {
            record_.used_after_close = true;
        }
        record_.closed.fetch_add(1);
    }

    record& record_;
};

// close() cancels: these handles are none, so the system's own cancel must not see them.
class shared_handle_of_nothing : public testing::Test {
protected:
    static BOOL WINAPI count_cancel(HANDLE, OVERLAPPED* overlapped) noexcept {
        EXPECT_EQ(overlapped, nullptr);
        cancels_.fetch_add(1);
        return TRUE;
    }

    static inline std::atomic<int> cancels_{0};
    const win::replaced_system_calls replaced_{{.cancel = &count_cancel}};
    iocp::io_service service{iocp::completion_port(1), iocp::operation_pool(64)};
    record seen;
};

TEST_F(shared_handle_of_nothing, closes_at_once_without_uses_and_goes_with_the_last_reference) {
    cancels_ = 0;
    auto* const handle = new probe(seen, service);
    EXPECT_FALSE(handle->closing());
    EXPECT_TRUE(handle->close());
    EXPECT_TRUE(handle->closing());
    EXPECT_EQ(seen.closed, 1);
    EXPECT_EQ(cancels_, 0) << "there was no call";
    EXPECT_FALSE(handle->close()) << "closed already";
    EXPECT_FALSE(handle->enter());
    handle->retain();
    handle->release();
    EXPECT_EQ(seen.destroyed, 0);
    handle->release();
    EXPECT_EQ(seen.destroyed, 1);
    EXPECT_EQ(seen.closed, 1);
}

TEST_F(shared_handle_of_nothing, cancels_when_somebody_else_has_a_reference) {
    cancels_ = 0;
    auto* const handle = new probe(seen, service);
    handle->retain(); // as a pending call does
    EXPECT_TRUE(handle->close());
    EXPECT_EQ(cancels_, 1);
    handle->release();
    handle->release();
    EXPECT_EQ(seen.destroyed, 1);
}

TEST_F(shared_handle_of_nothing, the_last_use_closes) {
    cancels_ = 0;
    auto* const handle = new probe(seen, service);
    ASSERT_TRUE(handle->enter());
    ASSERT_TRUE(handle->enter());
    EXPECT_TRUE(handle->close());
    EXPECT_EQ(cancels_, 1);
    EXPECT_EQ(seen.closed, 0);
    handle->leave();
    EXPECT_EQ(seen.closed, 0);
    handle->leave();
    EXPECT_EQ(seen.closed, 1);
    handle->release();
    EXPECT_EQ(seen.destroyed, 1);
}

TEST_F(shared_handle_of_nothing, a_use_outlives_the_last_reference) {
    auto* const handle = new probe(seen, service);
    ASSERT_TRUE(handle->enter());
    close_and_release{}(handle);
    EXPECT_EQ(seen.closed, 0);
    EXPECT_EQ(seen.destroyed, 0);
    handle->leave();
    EXPECT_EQ(seen.closed, 1);
    EXPECT_EQ(seen.destroyed, 1);
}

TEST_F(shared_handle_of_nothing, a_scope_ends_its_use_only_if_it_began) {
    auto* const handle = new probe(seen, service);
    {
        const shared_handle::use open(*handle);
        EXPECT_TRUE(open);
    }
    handle->close();
    {
        const shared_handle::use refused(*handle);
        EXPECT_FALSE(refused);
    }
    EXPECT_EQ(seen.closed, 1);
    handle->release();
    EXPECT_EQ(seen.destroyed, 1);
}

// Users come and go on several threads while others close and drop it: closed exactly once, never during a use,
// destroyed once.
TEST_F(shared_handle_of_nothing, closes_once_and_never_under_a_use_when_all_race) {
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        record one;
        auto* const handle = new probe(one, service);
        std::atomic<int> ready{0};
        std::vector<std::thread> threads;
        const auto start_together = [&ready] {
            ready.fetch_add(1);
            while (ready.load() < 4) {
                std::this_thread::yield();
            }
        };
        for (int user = 0; user < 2; ++user) {
            handle->retain();
            threads.emplace_back([&, handle] {
                start_together();
                for (int turn = 0; turn < 50; ++turn) {
                    const shared_handle::use open(*handle);
                    if (open) {
                        one.uses.fetch_add(1);
                        if (one.closed.load() != 0) {
                            one.used_after_close = true;
                        }
                        one.uses.fetch_sub(1);
                    }
                }
                handle->release();
            });
        }
        for (int closer = 0; closer < 2; ++closer) {
            handle->retain();
            threads.emplace_back([&, handle] {
                start_together();
                handle->close();
                handle->release();
            });
        }
        handle->release(); // the threads have references of their own
        for (std::thread& each : threads) {
            each.join();
        }
        ASSERT_EQ(one.closed, 1);
        ASSERT_EQ(one.destroyed, 1);
        ASSERT_FALSE(one.used_after_close);
    }
}

} // namespace
} // namespace moor::io
