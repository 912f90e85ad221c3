// Memory for objects that are recycled and never freed while their owner lives: coroutine control blocks and
// operations. Late wakers and the kernel may still hold an address of a recycled object; here it stays the address of
// an object.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>

#include "win/error.hpp"
#include "win/system_lock.hpp"
#include "win/virtual_memory.hpp"

namespace moor::win {

/// A list of free objects of one worker; only that worker touches it. Linked through the objects' `next_free` member.
template <class T>
struct free_list {
    T* first = nullptr;
    std::size_t count = 0;

    void push(T& object) noexcept {
        object.next_free = first;
        first = &object;
        ++count;
    }

    T* pop() noexcept {
        T* const object = first;
        if (object != nullptr) {
            first = object->next_free;
            --count;
        }
        return object;
    }
};

/// One contiguous reservation in which objects of type T are constructed, batch by batch, and handed out by reference.
/// Objects are default-constructed once and destroyed with the slab. Needs a member `T* next_free`.
/// Addresses are never returned to the system, so owns() can tell a true object from any other address.
template <class T>
class slab {
public:
    /// Room for at most `capacity` objects; only address space until they are used.
    explicit slab(std::size_t capacity)
        : memory_(round_up(capacity * sizeof(T), allocation_granularity)), capacity_(memory_.size() / sizeof(T)) {}

    slab(const slab&) = delete;
    slab& operator=(const slab&) = delete;

    ~slab() { std::destroy_n(objects(), size()); }

    /// An object for the owner of `cache`, which is refilled from the common list when empty.
    /// Throws std::system_error not_enough_memory.
    [[nodiscard]] T& take(free_list<T>& cache) {
        if (T* const cached = cache.pop()) {
            return *cached;
        }
        const std::lock_guard guard(lock_);
        for (std::size_t refill = 0; refill < batch && common_.count != 0; ++refill) {
            cache.push(*common_.pop());
        }
        if (cache.count == 0) {
            construct_batch(cache);
        }
        return *cache.pop();
    }

    /// The same without a cache of one's own: for plain threads. Any thread.
    [[nodiscard]] T& take_shared() {
        const std::lock_guard guard(lock_);
        if (common_.count == 0) {
            construct_batch(common_);
        }
        return *common_.pop();
    }

    /// Back into the owner's cache; a full cache gives half of itself to the common list.
    void give(T& object, free_list<T>& cache) noexcept {
        cache.push(object);
        if (cache.count > 4 * batch) {
            const std::lock_guard guard(lock_);
            while (cache.count > 2 * batch) {
                common_.push(*cache.pop());
            }
        }
    }

    /// Back to the common list. Any thread.
    void give_shared(T& object) noexcept {
        const std::lock_guard guard(lock_);
        common_.push(object);
    }

    /// Whether `address` is the address of an object of this slab. Any thread.
    [[nodiscard]] bool owns(const void* address) const noexcept {
        if (!memory_.contains(address)) {
            return false;
        }
        const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - memory_.base());
        return offset % sizeof(T) == 0 && offset / sizeof(T) < size();
    }

    /// How many objects have memory.
    [[nodiscard]] std::size_t size() const noexcept { return constructed_.load(std::memory_order_acquire); }

    /// Calls `visit` with every object, free or not. Objects made meanwhile may be missed.
    template <class Visitor>
    void for_each(Visitor&& visit) {
        const std::size_t count = size();
        for (std::size_t index = 0; index < count; ++index) {
            visit(objects()[index]);
        }
    }

private:
    static constexpr std::size_t batch = 32;

    static constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
        return (value + unit - 1) / unit * unit;
    }

    [[nodiscard]] T* objects() const noexcept { return reinterpret_cast<T*>(memory_.base()); }

    // Under lock_.
    void construct_batch(free_list<T>& into) {
        for (std::size_t made = 0; made < batch; ++made) {
            const std::size_t count = constructed_.load(std::memory_order_relaxed);
            if (count == capacity_) {
                if (made != 0) {
                    return;
                }
                throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: slab is full");
            }
            const std::size_t needed = (count + 1) * sizeof(T);
            if (needed > committed_) {
                if (!commit(memory_.base() + committed_, allocation_granularity)) {
                    if (made != 0) {
                        return;
                    }
                    throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: slab");
                }
                committed_ += allocation_granularity;
            }
            into.push(*::new (static_cast<void*>(objects() + count)) T());
            constructed_.store(count + 1, std::memory_order_release); // to size() and owns(), which take no lock
        }
    }

    address_space memory_;
    const std::size_t capacity_;
    system_lock lock_; // guards all below; constructed_ is only written under it
    std::size_t committed_ = 0;
    std::atomic<std::size_t> constructed_{0};
    free_list<T> common_;
};

} // namespace moor::win
