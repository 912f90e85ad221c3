// A mutex that many readers or one writer can hold, for coroutines as well as plain threads.
//
//     moor::shared_mutex guard;
//     std::map<std::string, endpoint> table;
//
//     std::optional<endpoint> find(const std::string& name) {
//         std::shared_lock lock(guard);
//         const auto found = table.find(name);
//         return found == table.end() ? std::nullopt : std::optional(found->second);
//     }
//     void add(const std::string& name, endpoint where) {
//         std::unique_lock lock(guard);
//         table.insert_or_assign(name, where);
//     }
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include <moor/detail/deadline.hpp>
#include <moor/detail/spin_lock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// Not recursive, in neither mode: a reader that locks again behind a waiting writer waits for itself. Meets the
/// standard's SharedTimedMutex requirements, with "thread" read as "coroutine or plain thread".
///
/// Fair: one that comes while others wait queues behind them, a reader too, so neither side starves. Readers that wait
/// next to each other get in together. Holding it for reading pays off when reading takes microseconds; for less, use
/// mutex.
class shared_mutex {
public:
    /// Not locked.
    constexpr shared_mutex() noexcept = default;
    /// It must be neither held nor waited for.
    ~shared_mutex();
    shared_mutex(const shared_mutex&) = delete;
    shared_mutex& operator=(const shared_mutex&) = delete;

    /// For writing: waits as mutex::lock does, until it is free.
    void lock() noexcept;
    void lock(const wait_limit& limit);
    bool lock(const wait_limit& limit, std::error_code& error) noexcept;
    /// As mutex::try_lock: false when a reader or a writer holds it.
    [[nodiscard]] bool try_lock() noexcept;
    /// Ends the writing; by the writer, as mutex::unlock.
    void unlock() noexcept;

    /// For reading: waits, as mutex::lock does, while a writer holds it or waits for it.
    void lock_shared() noexcept;
    void lock_shared(const wait_limit& limit);
    bool lock_shared(const wait_limit& limit, std::error_code& error) noexcept;
    /// False also when only readers hold it, while a writer waits.
    [[nodiscard]] bool try_lock_shared() noexcept;
    /// Ends one reading. Never suspends.
    void unlock_shared() noexcept;

    /// lock() as mutex::try_lock_for does it: waits at most that long, and is not ended by a request to stop.
    template <class Representation, class Period>
    [[nodiscard]] bool try_lock_for(const std::chrono::duration<Representation, Period>& duration) noexcept {
        return take(mode::exclusive, wait_limit(duration), detail::stop_request::ignored) ==
               detail::wake_reason::notified;
    }

    /// The same until `when`.
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& when) noexcept {
        return take(mode::exclusive, detail::deadline_at(when), detail::stop_request::ignored) ==
               detail::wake_reason::notified;
    }

    /// lock_shared(), likewise at most that long.
    template <class Representation, class Period>
    [[nodiscard]] bool try_lock_shared_for(const std::chrono::duration<Representation, Period>& duration) noexcept {
        return take(mode::shared, wait_limit(duration), detail::stop_request::ignored) == detail::wake_reason::notified;
    }

    /// The same until `when`.
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& when) noexcept {
        return take(mode::shared, detail::deadline_at(when), detail::stop_request::ignored) ==
               detail::wake_reason::notified;
    }

private:
    enum class mode : std::uint8_t { exclusive, shared };
    class admission;

    [[nodiscard]] detail::wake_reason take(mode how, const wait_limit& limit, detail::stop_request stopping) noexcept;
    [[nodiscard]] detail::wake_reason enter_or_wait(mode how, const wait_limit& limit,
                                                    detail::stop_request stopping) noexcept;
    [[nodiscard]] bool try_take(mode how) noexcept;
    [[nodiscard]] bool is_free_for(mode how) const noexcept;
    void enter(mode how) noexcept;
    void leave(mode how) noexcept;
    void release(mode how) noexcept;

    // Guarded by lock_. Waiters keep their mode in waiter::index.
    detail::spin_lock lock_;
    bool written_ = false;
    std::size_t readers_ = 0;
    detail::wait_queue waiters_;
    std::atomic<std::uint64_t> writer_{0}; // who writes, as sync/ownership.hpp says; 0 when none
};

} // namespace moor
