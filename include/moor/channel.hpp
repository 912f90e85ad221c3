// Channels: values handed from coroutine to coroutine, in order, with the waiting done by the runtime.
//
//     moor::channel<job> jobs(16);             // room for 16 that wait for a receiver; 0: sender and receiver meet
//     for (int i = 0; i < 4; ++i) {
//         moor::spawn([jobs] {                 // a copy is another handle of the same channel
//             for (job& next : jobs) work(next); // until it is closed and empty
//         });
//     }
//     while (auto next = read_job()) jobs.send(std::move(*next));
//     jobs.close();
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <moor/detail/channel_core.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// What only a channel can report. Codes of channel_category().
enum class channel_errc : int {
    closed = 1, ///< a send to a channel that is closed, or was closed while the sender waited
};

/// The category of channel_errc.
[[nodiscard]] const std::error_category& channel_category() noexcept;

/// For comparisons and conversions: `error == moor::channel_errc::closed`.
[[nodiscard]] inline std::error_code make_error_code(channel_errc code) noexcept {
    return {static_cast<int>(code), channel_category()};
}

} // namespace moor

template <>
struct std::is_error_code_enum<moor::channel_errc> : std::true_type {};

namespace moor {

namespace detail {

template <class T>
inline constexpr element_operations operations_of{
    .size = sizeof(T),
    .alignment = alignof(T),
    .put = [](void* cell, void* value) noexcept { ::new (cell) T(std::move(*static_cast<T*>(value))); },
    .take =
        [](void* result, void* value) noexcept {
            static_cast<std::optional<T>*>(result)->emplace(std::move(*static_cast<T*>(value)));
        },
    .drop = [](void* cell) noexcept { static_cast<T*>(cell)->~T(); },
};

} // namespace detail

/// What a channel can carry: any object type whose move construction and destruction throw nothing. Both run under the
/// channel's internal lock and must not suspend or use a channel.
template <class T>
concept channel_element = std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
    std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>;

/// A handle of a channel; copies are handles of the same one, which lives as long as any of them. All members of one
/// channel may be called by any number of coroutines and plain threads at a time; one handle is a plain value.
///
/// Values arrive in the order in which their sends began to be served, senders and receivers are served in the order of
/// their arrival, and none is overtaken. A send happens before the receive that takes its value returns. Calls with a
/// wait_limit suspend the coroutine (block the plain thread), are points where it can be stopped, and report timed_out
/// and operation_canceled; a request to stop is seen even when the call would not have had to wait, a deadline only
/// when it has to.
///
/// A null handle (moved from, or made from nullptr) has no channel: its operations report invalid_argument, and in a
/// select its case is never ready.
template <channel_element T>
class channel {
public:
    using value_type = T; ///< what it carries
    class iterator;

    /// A new channel that keeps up to `capacity` values that have not been received; with 0 a sender waits for its
    /// receiver. Allocates once, here. Throws std::bad_alloc.
    explicit channel(std::size_t capacity = 0)
        : core_(detail::channel_core::create(detail::operations_of<T>, capacity)) {}
    /// A null handle. (A template, so that a literal 0 is a capacity.)
    template <std::same_as<std::nullptr_t> Null>
    explicit channel(Null) noexcept {}

    /// Whether this is no null handle.
    [[nodiscard]] explicit operator bool() const noexcept { return core_.get() != nullptr; }
    /// Whether both are handles of the same channel.
    friend bool operator==(const channel& left, const channel& right) noexcept {
        return left.core_.get() == right.core_.get();
    }

    /// Waits until a receiver has taken the value, or the channel has room for it. Throws std::system_error: timed_out,
    /// operation_canceled, channel_errc::closed. `value` is moved from only on success.
    void send(T&& value, const wait_limit& limit = no_limit) const {
        if (const auto result = do_send(value, limit); result != detail::channel_result::done) {
            detail::throw_channel_error(result, "moor: channel::send");
        }
    }
    void send(const T& value, const wait_limit& limit = no_limit) const requires std::copy_constructible<T> {
        send(T(value), limit);
    }

    /// Whether it was sent; otherwise `error` says why not, and `value` is as it was.
    bool send(T&& value, const wait_limit& limit, std::error_code& error) const noexcept {
        error = detail::to_error_code(do_send(value, limit));
        return !error;
    }
    bool send(const T& value, const wait_limit& limit,
              std::error_code& error) const requires std::copy_constructible<T> {
        return send(T(value), limit, error);
    }

    /// Never suspends: true when a receiver waited or there was room. Otherwise `value` is as it was, and `error` is
    /// resource_unavailable_try_again or channel_errc::closed.
    [[nodiscard]] bool try_send(T&& value) const noexcept { return do_try_send(value) == detail::channel_result::done; }
    bool try_send(T&& value, std::error_code& error) const noexcept {
        error = detail::to_error_code(do_try_send(value));
        return !error;
    }
    [[nodiscard]] bool try_send(const T& value) const requires std::copy_constructible<T> { return try_send(T(value)); }
    bool try_send(const T& value, std::error_code& error) const requires std::copy_constructible<T> {
        return try_send(T(value), error);
    }

    /// Waits for a value. Empty when the channel is closed and all its values have been received. Throws
    /// std::system_error: timed_out, operation_canceled.
    std::optional<T> receive(const wait_limit& limit = no_limit) const {
        std::optional<T> value;
        const auto result = do_receive(value, limit);
        if (result != detail::channel_result::done && result != detail::channel_result::closed) {
            detail::throw_channel_error(result, "moor: channel::receive");
        }
        return value;
    }

    /// Empty without an `error` when closed and drained, empty with one otherwise.
    std::optional<T> receive(const wait_limit& limit, std::error_code& error) const noexcept {
        std::optional<T> value;
        const auto result = do_receive(value, limit);
        error = result == detail::channel_result::closed ? std::error_code() : detail::to_error_code(result);
        return value;
    }

    /// Never suspends. Empty when there is no value now; `error` is then resource_unavailable_try_again, or
    /// channel_errc::closed when there will never be one.
    [[nodiscard]] std::optional<T> try_receive() const noexcept {
        std::optional<T> value;
        (void)do_try_receive(value);
        return value;
    }
    [[nodiscard]] std::optional<T> try_receive(std::error_code& error) const noexcept {
        std::optional<T> value;
        error = detail::to_error_code(do_try_receive(value));
        return value;
    }

    /// From now on sends report channel_errc::closed, those in progress too (their values stay with them), and
    /// receivers get what is in the buffer and then nothing. Returns whether this call has closed it: closing twice is
    /// no error. Never suspends. Dropping the last handle needs no close.
    bool close() const noexcept { return core_.get() != nullptr && core_->close(); }

    /// Values in the buffer at this moment; 0 for a null handle, as for all of these.
    [[nodiscard]] std::size_t size() const noexcept { return core_.get() != nullptr ? core_->size() : 0; }
    /// Whether the buffer is empty at this moment.
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    /// The number of values that the buffer has room for.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.get() != nullptr ? core_->capacity() : 0; }
    /// Whether close() was called; there may still be values to receive.
    [[nodiscard]] bool is_closed() const noexcept { return core_.get() != nullptr && core_->is_closed(); }

    /// Receives until the channel is closed and drained: an input range of T&, each valid until the next step. Every
    /// step is a receive() and throws as it does.
    [[nodiscard]] iterator begin() const { return iterator(*this); }
    /// Reached when the channel is closed and drained.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// For select.
    [[nodiscard]] detail::channel_core* core() const noexcept { return core_.get(); }

private:
    detail::channel_result do_send(T& value, const wait_limit& limit) const noexcept {
        return core_.get() != nullptr ? core_->send(std::addressof(value), limit) : detail::channel_result::no_channel;
    }
    detail::channel_result do_try_send(T& value) const noexcept {
        return core_.get() != nullptr ? core_->try_send(std::addressof(value)) : detail::channel_result::no_channel;
    }
    detail::channel_result do_receive(std::optional<T>& value, const wait_limit& limit) const noexcept {
        return core_.get() != nullptr ? core_->receive(&value, limit) : detail::channel_result::no_channel;
    }
    detail::channel_result do_try_receive(std::optional<T>& value) const noexcept {
        return core_.get() != nullptr ? core_->try_receive(&value) : detail::channel_result::no_channel;
    }

    detail::channel_reference core_;
};

/// Move-only input iterator. Keeps the channel alive, and the value it stands on.
template <channel_element T>
class channel<T>::iterator {
public:
    using iterator_concept = std::input_iterator_tag; ///< for the standard library
    using value_type = T;                             ///< the channel's
    using difference_type = std::ptrdiff_t;           ///< for the standard library

    /// At the end of no channel.
    iterator() noexcept : source_(nullptr) {}
    /// Takes over channel and value; `other` may only be assigned to or destroyed afterwards.
    iterator(iterator&& other) noexcept = default;
    iterator& operator=(iterator&& other) noexcept {
        source_ = std::move(other.source_);
        present_.reset();
        if (other.present_) {
            present_.emplace(std::move(*other.present_));
        }
        return *this;
    }
    ~iterator() = default;

    /// The value received last. Not at the end.
    [[nodiscard]] T& operator*() const noexcept { return *present_; }
    /// A member of that value.
    [[nodiscard]] T* operator->() const noexcept { return std::addressof(*present_); }

    /// Receives the next value, as receive() without a limit does.
    iterator& operator++() {
        step();
        return *this;
    }
    void operator++(int) { step(); }

    /// Whether the channel was closed and drained at the last step.
    [[nodiscard]] friend bool operator==(const iterator& position, std::default_sentinel_t) noexcept {
        return !position.present_;
    }

private:
    friend class channel;

    explicit iterator(const channel& source) : source_(source) { step(); }

    void step() {
        present_.reset();
        const auto result = source_.do_receive(present_, wait_limit());
        if (result != detail::channel_result::done && result != detail::channel_result::closed) {
            detail::throw_channel_error(result, "moor: channel iteration");
        }
    }

    channel source_;
    mutable std::optional<T> present_;
};

} // namespace moor
