// The programs of docs/locks.md. What they print is compared with output.txt.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <vector>

#include <moor/moor.hpp>

using namespace std::chrono_literals;

class account {
public:
    void deposit(long amount) {
        const std::lock_guard lock(guard_);
        balance_ += amount;
    }

    // Both locks in one step, in an order that cannot form a circle with another transfer.
    static void transfer(account& from, account& to, long amount) {
        const std::scoped_lock locks(from.guard_, to.guard_);
        from.balance_ -= amount;
        to.balance_ += amount;
    }

    // Gives up after a second. A request to stop ends this wait, too.
    [[nodiscard]] std::optional<long> try_balance() {
        std::error_code error;
        if (!guard_.lock(1s, error)) {
            return std::nullopt;
        }
        const std::lock_guard lock(guard_, std::adopt_lock);
        return balance_;
    }

private:
    moor::mutex guard_;
    long balance_ = 0; // guarded by guard_
};

class settings {
public:
    [[nodiscard]] std::string get(const std::string& name) const {
        const std::shared_lock lock(guard_); // any number of readers at a time
        const auto found = values_.find(name);
        return found == values_.end() ? "" : found->second;
    }

    void set(const std::string& name, std::string value) {
        const std::unique_lock lock(guard_); // one writer, and no reader
        values_[name] = std::move(value);
    }

private:
    mutable moor::shared_mutex guard_;
    std::map<std::string, std::string> values_; // guarded by guard_
};

class connection_pool {
public:
    explicit connection_pool(std::vector<int> connections) : idle_(connections.begin(), connections.end()) {}

    int take(const moor::wait_limit& limit) { // throws timed_out or operation_canceled
        std::unique_lock lock(guard_);
        returned_.wait(lock, limit, [this] { return !idle_.empty(); });
        const int taken = idle_.front();
        idle_.pop_front();
        return taken;
    }

    void give_back(int connection) {
        {
            const std::lock_guard lock(guard_);
            idle_.push_back(connection);
        }
        returned_.notify_one();
    }

private:
    moor::mutex guard_;
    moor::condition_variable returned_;
    std::deque<int> idle_; // guarded by guard_
};

class slot { // one unit of a semaphore
public:
    slot(moor::semaphore& slots, const moor::wait_limit& limit) : slots_(slots) { slots_.acquire(limit); }
    ~slot() { slots_.release(); }
    slot(const slot&) = delete;
    slot& operator=(const slot&) = delete;

private:
    moor::semaphore& slots_;
};

static int most_at_a_time() {
    moor::semaphore slots(3);
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    moor::task_group queries;
    for (int i = 0; i < 20; ++i) {
        queries.spawn([&] {
            const slot own(slots, 5s);
            const int now = ++running;
            for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
            }
            moor::this_coroutine::sleep_for(1ms); // the query
            --running;
        });
    }
    queries.wait();
    return most;
}

static moor::once loaded;
static std::vector<int> table;

static const std::vector<int>& get_table() {
    loaded.call([] { table = {2, 3, 5, 7}; }); // the first caller runs it, the others wait until it has run
    return table;
}

static int wait_for_parts() {
    moor::wait_group pending;
    std::atomic<int> done = 0;
    for (int part = 0; part < 5; ++part) {
        pending.add(); // before the coroutine starts, so that wait() cannot miss it
        moor::spawn([&] {
            ++done;
            pending.done(); // the last access to anything that wait() protects
        });
    }
    pending.wait(10s);
    return done;
}

static void run_all() {
    account one;
    account other;
    moor::task_group transfers;
    for (int i = 0; i < 100; ++i) {
        transfers.spawn([&] { one.deposit(1); });
        transfers.spawn([&] { account::transfer(one, other, 3); });
        transfers.spawn([&] { account::transfer(other, one, 2); });
    }
    transfers.wait();
    std::printf("balances: %ld %ld\n", one.try_balance().value(), other.try_balance().value());

    settings known;
    known.set("colour", "blue");
    std::printf("settings: '%s' '%s'\n", known.get("colour").c_str(), known.get("size").c_str());

    connection_pool pool({4, 5});
    const int first = pool.take(1s);
    const int second = pool.take(1s);
    try {
        static_cast<void>(pool.take(10ms));
    } catch (const std::system_error& error) {
        std::printf("pool: %s\n", error.code() == std::errc::timed_out ? "timed out" : "another error");
    }
    pool.give_back(second);
    pool.give_back(first);
    std::printf("pool: %d\n", pool.take(1s));

    std::printf("at most three: %s\n", most_at_a_time() <= 3 ? "yes" : "no");
    std::printf("table: %zu entries\n", get_table().size());
    std::printf("parts: %d\n", wait_for_parts());
}

int main() try {
    moor::runtime runtime;
    runtime.run(run_all);
} catch (const std::exception& error) {
    std::fprintf(stderr, "locks: %s\n", error.what());
    return 1;
}
