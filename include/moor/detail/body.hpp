// What a coroutine runs and leaves behind: the callable and its result, type-erased. It lives in the coroutine's
// control block (or on the heap when large), never on the coroutine's stack, which may move or be gone before the
// result is taken.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <moor/wait_limit.hpp>

namespace moor {

struct spawn_options;

template <class T>
class join_handle;

namespace detail {

class coroutine;
class runtime_core;

/// Base of all that a coroutine can run.
class body {
public:
    /// Calls the function of the body `self`, a void*, and keeps its result or what it throws. It is the first frame of
    /// the program's on the coroutine's stack, compiled with the code that spawns: by where it lies the library knows
    /// whether that code may run on a stack that moves.
    using entry = void (*)(void* self);

    explicit body(entry erased) noexcept : run_(erased) {}
    body(const body&) = delete;
    body& operator=(const body&) = delete;
    virtual ~body() = default;

    [[nodiscard]] entry run() const noexcept { return run_; }

    /// The exception that nobody has taken, null when there is none.
    [[nodiscard]] const std::exception_ptr& untaken_error() const noexcept { return error_; }

protected:
    /// Keeps the exception that is being handled.
    void fail() noexcept;

    void rethrow_if_failed() {
        if (error_) {
            std::rethrow_exception(std::exchange(error_, nullptr));
        }
    }

private:
    const entry run_;
    std::exception_ptr error_;
};

/// A body's result, as join_handle<T> sees it.
template <class T>
class result : public body {
public:
    using body::body;

    T take() {
        rethrow_if_failed();
        return std::move(*value_);
    }

protected:
    template <class Invocation>
    void keep(Invocation& invocation) {
        value_.emplace(std::invoke(std::move(invocation)));
    }

private:
    std::optional<T> value_;
};

template <class T>
class result<T&> : public body {
public:
    using body::body;

    T& take() {
        rethrow_if_failed();
        return *value_;
    }

protected:
    template <class Invocation>
    void keep(Invocation& invocation) {
        value_ = std::addressof(std::invoke(std::move(invocation)));
    }

private:
    T* value_ = nullptr;
};

template <>
class result<void> : public body {
public:
    using body::body;

    void take() { rethrow_if_failed(); }

protected:
    template <class Invocation>
    void keep(Invocation& invocation) {
        std::invoke(std::move(invocation));
    }
};

/// A callable without arguments, together with its result. The callable is destroyed on the coroutine, right after it
/// returned or threw, so that what it owns is released there and not by whoever drops the last handle.
template <class Invocation>
class invocation_body final : public result<std::invoke_result_t<Invocation>> {
public:
    template <class Source>
        requires(!std::same_as<std::remove_cvref_t<Source>, invocation_body>)
    explicit invocation_body(Source&& source)
        : result<std::invoke_result_t<Invocation>>(&invocation_body::run_erased),
          invocation_(std::in_place, std::forward<Source>(source)) {}

    /// See body::entry.
    static void run_erased(void* self) noexcept {
        auto& here = static_cast<invocation_body&>(*static_cast<body*>(self));
        // Not by an object at the end of the scope: on a movable stack that would be a local with an address, for which
        // each coroutine would need a data stack (docs/stacks.md).
        try {
            here.keep(*here.invocation_);
        } catch (...) {
            here.fail();
        }
        here.invocation_.reset();
    }

private:
    std::optional<Invocation> invocation_;
};

/// Counted reference to a coroutine's control block.
///
/// One caller may take the count out while others are in calls with the same reference, or begin them. Those may find
/// the block free, or another coroutine in it; that the block's id is no longer id() tells them (coroutine::end_of).
class coroutine_reference {
public:
    coroutine_reference() noexcept = default;
    /// Takes over one count of the coroutine with that id.
    coroutine_reference(coroutine* adopted, std::uint64_t id) noexcept : coroutine_(adopted), id_(id) {}
    coroutine_reference(coroutine_reference&& other) noexcept : coroutine_(other.exchange(nullptr)), id_(other.id_) {}
    coroutine_reference& operator=(coroutine_reference&& other) noexcept {
        if (this != &other) {
            coroutine* const dropped = exchange(other.exchange(nullptr));
            id_ = other.id_;
            if (dropped != nullptr) {
                release(dropped);
            }
        }
        return *this;
    }
    ~coroutine_reference() {
        if (coroutine* const dropped = get()) {
            release(dropped);
        }
    }

    explicit operator bool() const noexcept { return get() != nullptr; }
    [[nodiscard]] coroutine* get() const noexcept { return coroutine_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

    /// Takes the count out. By one caller: the one that wait_for_end gave the result.
    [[nodiscard]] coroutine_reference take() noexcept { return std::move(*this); }

private:
    static void release(coroutine* dropped) noexcept;

    coroutine* exchange(coroutine* next) noexcept { // not in one step: one caller changes it
        coroutine* const before = get();
        coroutine_.store(next, std::memory_order_relaxed);
        return before;
    }

    std::atomic<coroutine*> coroutine_{nullptr};
    std::uint64_t id_ = 0;
};

/// A coroutine between its creation and its start; gives everything back when the construction of its body throws.
class unstarted_coroutine {
public:
    /// What its body will be.
    struct body_layout {
        std::size_t size;
        std::size_t alignment;
        body::entry run;
    };

    /// In the runtime `where`, or in that of the calling coroutine when null. Throws as moor::spawn does.
    unstarted_coroutine(runtime_core* where, const spawn_options& options, const body_layout& of);
    ~unstarted_coroutine();
    unstarted_coroutine(const unstarted_coroutine&) = delete;
    unstarted_coroutine& operator=(const unstarted_coroutine&) = delete;

    template <class Body, class Source>
    void construct(Source&& source) {
        body_ = ::new (storage_) Body(std::forward<Source>(source));
    }

    /// Makes it runnable; the reference is the handle's.
    [[nodiscard]] coroutine_reference start() noexcept;

private:
    runtime_core& runtime_;
    coroutine* coroutine_;
    void* storage_;
    body* body_ = nullptr;
};

/// Whether a wait for a coroutine's end is there for its result: of those that are, the first gets it.
enum class end_use : bool { wait_only, take_result };

/// Waits for the end of `target`; what join_handle::wait reports, and, with take_result, join_handle::join.
[[nodiscard]] std::error_code wait_for_end(const coroutine_reference& target, const wait_limit& limit,
                                           end_use use) noexcept;
[[nodiscard]] bool has_ended(const coroutine_reference& target) noexcept;
[[nodiscard]] body& body_of(const coroutine_reference& target) noexcept;
void request_stop(const coroutine_reference& target) noexcept;

template <class Invocation>
auto launch(runtime_core* where, const spawn_options& options, Invocation&& invocation)
    -> join_handle<std::invoke_result_t<std::decay_t<Invocation>>>;

} // namespace detail
} // namespace moor
