// Builds without NDEBUG end the process when a mutex is released by another than its owner, taken twice by the same
// one, or destroyed while it is held. The owner is a coroutine or a plain thread, never the worker that runs it.
#include <thread>

#include <gmock/gmock.h>

#include <moor/mutex.hpp>
#include <moor/shared_mutex.hpp>

#include "support/child.hpp"
#include "sync/ownership.hpp"
#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;
using testing::HasSubstr;

class ownership : public testing::Test {
protected:
    void SetUp() override {
        if (!detail::checks_ownership) {
            GTEST_SKIP() << "release builds do not check";
        }
    }

    static void expect_fatal(const scenario& wanted, const char* what) {
        const child_end end = run_in_child(wanted);
        EXPECT_FALSE(end.hung);
        EXPECT_EQ(end.exit_status, 3u);
        EXPECT_THAT(end.error_output, HasSubstr(what));
    }
};

const char* const by_another = "a mutex was unlocked by another than its owner";
const char* const again = "a mutex was locked again by its owner";

// ---- mutex -------------------------------------------------------------------------------------------------------

const scenario unlock_by_another_coroutine("unlock_by_another_coroutine", [] {
    in_runtime(1, [] {
        mutex lock;
        lock.lock();
        spawn([&] { lock.unlock(); }).join();
    });
});
TEST_F(ownership, unlock_by_another_coroutine) { expect_fatal(unlock_by_another_coroutine, by_another); }

const scenario unlock_by_nobody("unlock_by_nobody", [] {
    in_runtime(1, [] {
        mutex lock;
        lock.lock();
        lock.unlock();
        lock.unlock();
    });
});
TEST_F(ownership, unlock_of_a_free_mutex) { expect_fatal(unlock_by_nobody, by_another); }

const scenario unlock_after_hand_over("unlock_after_hand_over", [] {
    in_runtime(1, [] {
        mutex lock;
        lock.lock();
        auto heir = spawn_blocked([&] { lock.lock(); });
        lock.unlock();
        this_coroutine::yield(); // the heir has it now
        lock.unlock();
        heir.join();
    });
});
TEST_F(ownership, unlock_by_the_owner_before) { expect_fatal(unlock_after_hand_over, by_another); }

const scenario unlock_by_another_thread("unlock_by_another_thread", [] {
    mutex lock;
    lock.lock();
    std::thread([&] { lock.unlock(); }).join();
});
TEST_F(ownership, unlock_by_another_thread) { expect_fatal(unlock_by_another_thread, by_another); }

const scenario lock_twice("lock_twice", [] {
    in_runtime(1, [] {
        mutex lock;
        lock.lock();
        lock.lock();
    });
});
TEST_F(ownership, lock_by_the_owner) { expect_fatal(lock_twice, again); }

const scenario lock_twice_after_hand_over("lock_twice_after_hand_over", [] {
    in_runtime(1, [] {
        mutex lock;
        lock.lock();
        auto heir = spawn_blocked([&] {
            lock.lock();
            lock.lock();
        });
        lock.unlock();
        heir.join();
    });
});
TEST_F(ownership, lock_by_an_owner_that_had_to_wait) { expect_fatal(lock_twice_after_hand_over, again); }

const scenario destroyed_while_locked("destroyed_while_locked", [] {
    in_runtime(1, [] {
        mutex lock;
        lock.lock();
    });
});
TEST_F(ownership, destruction_of_a_locked_mutex) {
    expect_fatal(destroyed_while_locked, "a mutex was destroyed while it was locked");
}

// ---- shared_mutex ------------------------------------------------------------------------------------------------

const scenario shared_unlock_by_another("shared_unlock_by_another", [] {
    in_runtime(1, [] {
        shared_mutex lock;
        lock.lock();
        spawn([&] { lock.unlock(); }).join();
    });
});
TEST_F(ownership, unlock_of_anothers_shared_mutex) { expect_fatal(shared_unlock_by_another, by_another); }

const scenario shared_lock_twice("shared_lock_twice", [] {
    in_runtime(1, [] {
        shared_mutex lock;
        lock.lock();
        lock.lock_shared();
    });
});
TEST_F(ownership, read_lock_by_the_writer) { expect_fatal(shared_lock_twice, again); }

const scenario shared_unlock_without_reader("shared_unlock_without_reader", [] {
    in_runtime(1, [] {
        shared_mutex lock;
        lock.lock_shared();
        lock.unlock_shared();
        lock.unlock_shared();
    });
});
TEST_F(ownership, one_reader_too_many_leaves) {
    expect_fatal(shared_unlock_without_reader, "a shared_mutex was unlocked for reading by another than a reader");
}

const scenario shared_destroyed_while_read("shared_destroyed_while_read", [] {
    in_runtime(1, [] {
        shared_mutex lock;
        lock.lock_shared();
    });
});
TEST_F(ownership, destruction_of_a_shared_mutex_that_is_read) {
    expect_fatal(shared_destroyed_while_read, "a shared_mutex was destroyed while it was locked");
}

const scenario shared_destroyed_while_written("shared_destroyed_while_written", [] {
    in_runtime(1, [] {
        shared_mutex lock;
        lock.lock();
    });
});
TEST_F(ownership, destruction_of_a_shared_mutex_that_is_written) {
    expect_fatal(shared_destroyed_while_written, "a shared_mutex was destroyed while it was locked");
}

} // namespace
} // namespace moor
