// The locks of function-local static variables, as the Itanium C++ ABI names them (section 3.3.3, "Once-control"): in
// place of those of the C++ library. There whoever comes to a variable that somebody else initialises blocks his
// thread; on a worker that may be the thread that the initialiser has to go on with, when it was preempted or has
// suspended, and then the worker hangs for ever. Here a coroutine waits suspended. The linker takes these because the
// library comes before the C++ library; it needs nothing of the program. Other runtimes (MSVC's) have no such place:
// docs/preemption.md.
#if !defined(_MSC_VER)

#include <atomic>
#include <cstdint>

#include <cxxabi.h>

#include <moor/this_coroutine.hpp>

#include "sync/waiting.hpp"
#include "win/spin_lock.hpp"
#include "win/system_calls.hpp"

namespace moor::detail {
namespace {

// The word of a variable, in the program's data. Compilers test the lowest byte, which the ABI says becomes 1.
using guard_word = std::atomic<std::uint64_t>;
constexpr std::uint64_t untouched = 0;
constexpr std::uint64_t done = 1;
// In progress, with the id of the coroutine above; 0 there for a plain thread.
constexpr std::uint64_t in_progress = 0x100;
constexpr unsigned id_shift = 9;

constinit spin_lock waiters_lock;
constinit wait_queue waiters; // of all variables; `slot` says of which. Guarded by the lock

bool may_suspend() noexcept {
    const sched::worker* const here = sched::worker::current();
    return here != nullptr && here->on_coroutine_stack() && !here->in_section();
}

void wait_suspended(guard_word& variable) noexcept {
    waiters_lock.lock();
    if ((variable.load(std::memory_order_relaxed) & in_progress) == 0) {
        waiters_lock.unlock();
        return;
    }
    const wait_limit limit;
    wait waiting("a static variable's initialiser", limit, stop_request::ignored);
    waiter node;
    node.slot = &variable;
    const dependence on{.holder = &variable, .shift = id_shift};
    static_cast<void>(wait_in(waiters, waiters_lock, node, waiting, &on));
}

// True: the caller initialises it.
bool begin_or_wait(guard_word& variable) noexcept {
    for (;;) {
        std::uint64_t seen = untouched;
        // Acquire pairs with the release in end().
        if (variable.compare_exchange_strong(seen, in_progress | this_coroutine::id() << id_shift,
                                             std::memory_order_acquire)) {
            return true;
        }
        if ((seen & in_progress) == 0) {
            return false;
        }
        if (may_suspend()) {
            wait_suspended(variable);
        } else {
            win::system().wait_on_address(&variable, &seen, sizeof seen, INFINITE);
        }
    }
}

void end(guard_word& variable, std::uint64_t reached) noexcept {
    claimed_list woken;
    waiters_lock.lock();
    variable.store(reached, std::memory_order_release);
    for (waiter* node = waiters.front(); node != nullptr;) {
        waiter* const next = node->next;
        if (node->slot == &variable) {
            woken.claim_node(waiters, *node);
        }
        node = next;
    }
    waiters_lock.unlock();
    woken.finish();
    win::system().wake_all_by_address(&variable);
}

// C++ libraries declare these functions with different types of the word.
template <class Word>
Word word_of(int (*)(Word*));
using abi_word = decltype(word_of(&__cxxabiv1::__cxa_guard_acquire));

guard_word& as_guard(abi_word* variable) noexcept {
    static_assert(sizeof(abi_word) == sizeof(guard_word));
    return *reinterpret_cast<guard_word*>(variable);
}

} // namespace
} // namespace moor::detail

namespace __cxxabiv1 {

extern "C" int __cxa_guard_acquire(moor::detail::abi_word* variable) {
    return moor::detail::begin_or_wait(moor::detail::as_guard(variable)) ? 1 : 0;
}

extern "C" void
__cxa_guard_release(moor::detail::abi_word* variable) noexcept(noexcept(__cxa_guard_release(variable))) {
    moor::detail::end(moor::detail::as_guard(variable), moor::detail::done);
}

// The initialiser has thrown: the next one tries again.
extern "C" void __cxa_guard_abort(moor::detail::abi_word* variable) noexcept(noexcept(__cxa_guard_abort(variable))) {
    moor::detail::end(moor::detail::as_guard(variable), moor::detail::untouched);
}

} // namespace __cxxabiv1

#endif
