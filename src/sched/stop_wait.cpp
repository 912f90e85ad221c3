// The waits for stop tokens, by token; see stop_wait.hpp for why.
//
// A token that somebody waits for has a stop_watch with one std::stop_callback, in a table of the process. The watch is
// destroyed in two places, and in both the callback's destructor has nothing to wait for:
// - at the end of the callback itself, on the thread that requested the stop;
// - when no stop can be requested any more, because the last stop_source is gone.
// In between it stays for the next wait, idle. So there are as many as living stop states that were waited for, and a
// few whose sources are gone: the next new token with the same hash takes those out.
#include "sched/stop_wait.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "win/error.hpp"
#include "win/spin_lock.hpp"
#include "win/spinning.hpp"
#include "win/system_stack.hpp"
#include "win/teb.hpp"
#include "win/windows.hpp"

namespace moor::sched {

using detail::claim;
using detail::wait_ticket;
using detail::wake_reason;

struct stop_watch {
    explicit stop_watch(const std::stop_token& watched) noexcept : token(watched) {}

    void add(stop_wait& entry) noexcept;
    static void remove(stop_wait& entry) noexcept;

    /// Registers the callback. True when the stop had been requested before: the callback has run inside its own
    /// constructor then, where it cannot destroy the watch, and the caller does. Otherwise the watch may be gone.
    [[nodiscard]] bool begin(std::size_t bucket) noexcept;

    /// The callback: claims every ticket in the list and destroys the watch.
    void stop(std::size_t bucket) noexcept;

    struct stopper {
        stop_watch& watch;
        std::size_t bucket;
        void operator()() const noexcept { watch.stop(bucket); }
    };

    const std::stop_token token;
    const std::uint32_t creator = win::teb::thread_id();
    bool stopped_in_begin = false;  // of the creator's thread
    std::atomic<bool> begun{false}; // begin() has left the watch; release there, acquire in stop()
    std::optional<std::stop_callback<stopper>> callback;

    // Guarded by the bucket's lock.
    stop_wait* first = nullptr;
    stop_watch* next = nullptr; // in the bucket, or among those to be destroyed
};

namespace {

class bucket {
public:
    /// Adds `entry` to the list of the watch for `token`. When there is none, to that of `spare`, which joins the
    /// bucket, if it is given. Null when there was no watch, else the one that has `entry` now. `idle` gets the chain
    /// of watches that are of no use any more.
    stop_watch* add(stop_wait& entry, const std::stop_token& token, stop_watch* spare, stop_watch*& idle) noexcept {
        const std::lock_guard guard(lock_);
        for (stop_watch** place = &first_; stop_watch* const watch = *place;) {
            if (watch->token == token) {
                watch->add(entry);
                return watch;
            }
            if (watch->first == nullptr && !watch->token.stop_possible()) {
                *place = watch->next;
                watch->next = idle;
                idle = watch;
            } else {
                place = &watch->next;
            }
        }
        if (spare != nullptr) {
            spare->next = first_;
            first_ = spare;
            spare->add(entry);
        }
        return spare;
    }

    /// Takes `watch` out: no further wait finds it.
    void take_out(const stop_watch& watch) noexcept {
        const std::lock_guard guard(lock_);
        stop_watch** place = &first_;
        while (*place != &watch) {
            place = &(*place)->next;
        }
        *place = watch.next;
    }

    [[nodiscard]] std::size_t size() noexcept {
        const std::lock_guard guard(lock_);
        std::size_t count = 0;
        for (const stop_watch* watch = first_; watch != nullptr; watch = watch->next) {
            ++count;
        }
        return count;
    }

    [[nodiscard]] detail::spin_lock& lock() noexcept { return lock_; }

private:
    detail::spin_lock lock_;
    stop_watch* first_ = nullptr;
};

// Of the process, since plain threads wait for tokens too, and since a token may be waited for in several runtimes. A
// thousand buckets make the chains of 10,000 living tokens ten long.
constinit std::array<bucket, 1024> table;

// Equal tokens refer to the same state, and every implementation has a pointer to it and nothing else in the token. If
// one had more, equal tokens could have different hashes, which would only cost a callback more.
std::size_t bucket_of(const std::stop_token& token) noexcept {
    const std::string_view bytes(reinterpret_cast<const char*>(&token), sizeof token);
    return std::hash<std::string_view>{}(bytes) % table.size();
}

// The allocator and the state's lock make system calls.
void destroy(stop_watch& watch) noexcept {
    win::call_on_system_stack([&watch] { delete &watch; });
}

stop_watch& made_for(const std::stop_token& token) noexcept {
    stop_watch* const made = win::call_on_system_stack([&token] { return new (std::nothrow) stop_watch(token); });
    if (made == nullptr) {
        win::fatal("no memory to wait for a stop token");
    }
    return *made;
}

} // namespace

void stop_watch::add(stop_wait& entry) noexcept {
    entry.watch_ = this;
    entry.next_ = first;
    if (first != nullptr) {
        first->previous_ = &entry;
    }
    first = &entry;
}

void stop_watch::remove(stop_wait& entry) noexcept {
    if (entry.watch_ == nullptr) {
        return;
    }
    (entry.previous_ != nullptr ? entry.previous_->next_ : entry.watch_->first) = entry.next_;
    if (entry.next_ != nullptr) {
        entry.next_->previous_ = entry.previous_;
    }
    entry.watch_ = nullptr;
}

bool stop_watch::begin(std::size_t bucket) noexcept {
    callback.emplace(token, stopper{*this, bucket});
    if (stopped_in_begin) {
        return true;
    }
    begun.store(true, std::memory_order_release);
    return false;
}

void stop_watch::stop(std::size_t bucket) noexcept {
    const win::runtime_section section; // others wait for what is claimed; and the watch dies on this thread
    table[bucket].take_out(*this);
    // Claimed under the lock, since a plain thread's ticket is good only as long as the entry is in the list; handed
    // over outside it, since those who are woken come for the lock.
    struct claimed {
        wait_ticket ticket;
        claim how;
    };
    std::array<claimed, 8> won; // small: this may run on a coroutine's stack that moves
    for (bool more = true; more;) {
        std::size_t count = 0;
        {
            const std::lock_guard guard(table[bucket].lock());
            while (first != nullptr && count < won.size()) {
                const wait_ticket ticket = first->ticket_;
                remove(*first);
                const claim how = ticket.try_claim(wake_reason::stopped);
                if (how != claim::lost) {
                    won[count++] = {ticket, how};
                }
            }
            more = first != nullptr;
        }
        for (std::size_t index = 0; index < count; ++index) {
            won[index].ticket.finish(won[index].how);
        }
    }
    if (!begun.load(std::memory_order_acquire)) {
        if (creator == win::teb::thread_id()) {
            stopped_in_begin = true;
            return;
        }
        // The creator has registered the callback and is a few instructions from there, unless it has no processor.
        for (win::spinning until_then; !begun.load(std::memory_order_acquire);) {
            until_then.pause();
        }
    }
    destroy(*this);
}

stop_wait::stop_wait(const std::stop_token& token, wait_ticket ticket) noexcept
    : ticket_(ticket), bucket_(bucket_of(token)) {
    if (token.stop_requested()) {
        ticket.wake(wake_reason::stopped);
        return;
    }
    const win::runtime_section section; // the stop state has a lock for which others spin; begin() stays on this thread
    bucket& own = table[bucket_];
    stop_watch* idle = nullptr;
    if (own.add(*this, token, nullptr, idle) == nullptr) {
        stop_watch& made = made_for(token);
        if (own.add(*this, token, &made, idle) != &made) {
            destroy(made); // another was faster
        } else if (win::call_on_system_stack([&] { return made.begin(bucket_); })) {
            destroy(made);
        }
    }
    while (idle != nullptr) {
        destroy(*std::exchange(idle, idle->next));
    }
}

stop_wait::~stop_wait() {
    const std::lock_guard guard(table[bucket_].lock());
    stop_watch::remove(*this);
}

std::size_t watched_stop_tokens() noexcept {
    std::size_t count = 0;
    for (bucket& each : table) {
        count += each.size();
    }
    return count;
}

} // namespace moor::sched
