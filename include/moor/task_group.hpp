// Structured concurrency: coroutines that end before the scope that started them, and whose first failure ends the
// others.
//
//     page load(const url& address) {
//         page result;
//         moor::task_group parts;
//         parts.spawn([&] { result.text = fetch(address); });
//         parts.spawn([&] { result.images = fetch_images(address); });
//         parts.wait(2s);  // both are done; if one has thrown, the other was asked to stop, and this throws the same
//         return result;
//     }
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

namespace detail {

class group_core;

/// One child's membership, from its spawn until its callable is destroyed; part of the child's body. Counts as a child
/// from its construction and is known by its coroutine from enter() on.
class group_member {
public:
    /// Throws what task_group::spawn throws when the group takes no more children.
    explicit group_member(group_core& group);
    /// Only before enter().
    group_member(group_member&& other) noexcept : group_(std::exchange(other.group_, nullptr)) {}
    ~group_member();
    group_member(const group_member&) = delete;
    group_member& operator=(const group_member&) = delete;

    /// The first thing that the child's coroutine does.
    void enter() noexcept;

    /// What the child threw.
    void fail(std::exception_ptr error) noexcept;

private:
    friend class group_core;

    group_core* group_;
    // Guarded by the group's lock, from enter() on.
    coroutine* self_ = nullptr;
    group_member* previous_ = nullptr;
    group_member* next_ = nullptr;
    bool asked_to_stop_ = false;
};

/// What a child runs. The callable is declared last so that it is destroyed first: whatever its captures do when they
/// die, they do before the group's owner may continue.
template <class Invocation>
class group_child {
public:
    group_child(group_core& group, Invocation&& invocation) : member_(group), invocation_(std::move(invocation)) {}

    void operator()() {
        member_.enter();
        try {
            (void)std::invoke(std::move(invocation_));
        } catch (...) {
            member_.fail(std::current_exception());
        }
    }

private:
    group_member member_;
    Invocation invocation_;
};

} // namespace detail

/// Runs coroutines and joins them. Children may throw: the first exception asks all other children to stop and is
/// thrown by wait(); later ones are dropped, and so is the operation_canceled of a child that was asked to stop. A
/// child's control block is released when it ends, so a group may start any number of children in its life.
///
/// After a failure or stop() the group takes no more children. Otherwise it may be used again after wait(). spawn, stop
/// and size: from any coroutine or thread, its own children included; a child must not wait for its own group.
class task_group {
public:
    /// Children run in the runtime of the coroutine that calls spawn(), which throws operation_not_permitted outside a
    /// coroutine. Throws std::bad_alloc.
    task_group();
    /// Children run in `owner`, which must outlive the group. For plain threads.
    explicit task_group(runtime& owner);

    /// Asks all children to stop and waits until they have ended; not ended by a request to stop. An exception
    /// that no wait() has thrown ends the process with its message, unless the group is destroyed because of another
    /// one.
    ~task_group();

    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts `function(arguments...)` as moor::spawn does; its result is dropped. Never suspends. Throws what
    /// moor::spawn throws. When the group takes no more children: the exception of the child that failed, if wait() has
    /// not thrown it yet, else std::system_error operation_canceled.
    template <class Function, class... Arguments>
        requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
    void spawn(const spawn_options& options, Function&& function, Arguments&&... arguments) {
        auto invocation =
            detail::bind_invocation(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        detail::group_child<decltype(invocation)> child(*core_, std::move(invocation));
        if (runtime_ != nullptr) {
            runtime_->spawn(options, std::move(child)).detach();
        } else {
            moor::spawn(options, std::move(child)).detach();
        }
    }

    template <class Function, class... Arguments>
        requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
    void spawn(Function&& function, Arguments&&... arguments) {
        spawn(spawn_options{}, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    }

    /// Waits until all children have ended, then throws the first exception that one has thrown, if any. A point where
    /// the coroutine can be stopped: when it is, or the token of `limit` is, the children are asked to stop and joined
    /// before operation_canceled is thrown (or a child's own exception, which counts for more). When the deadline
    /// passes, timed_out is thrown and the children run on.
    void wait(const wait_limit& limit = no_limit) {
        std::error_code error;
        if (!wait(limit, error)) {
            throw_error(error);
        }
    }

    /// True when all children have ended well; otherwise `error` is timed_out or operation_canceled as above. A child's
    /// exception is thrown.
    bool wait(const wait_limit& limit, std::error_code& error) {
        std::exception_ptr failure;
        const bool ended_well = wait_for_children(limit, error, failure);
        if (failure) {
            std::rethrow_exception(std::move(failure)); // here: on a stack that moves, the library holds nothing then
        }
        return ended_well;
    }

    /// Asks all children to stop. Never suspends.
    void stop() noexcept;

    /// Whether stop() was called or a child has failed.
    [[nodiscard]] bool is_stopping() const noexcept;

    /// Children that have not ended.
    [[nodiscard]] std::size_t size() const noexcept;

private:
    struct destroy_core {
        void operator()(detail::group_core* core) const noexcept;
    };

    [[nodiscard]] bool wait_for_children(const wait_limit& limit, std::error_code& error,
                                         std::exception_ptr& failure) noexcept;
    [[noreturn]] static void throw_error(const std::error_code& error);

    // On the heap, so that children find it wherever the owner's stack is by then.
    std::unique_ptr<detail::group_core, destroy_core> core_;
    runtime* runtime_ = nullptr;
    int exceptions_in_flight_; // when the group was made
};

} // namespace moor
