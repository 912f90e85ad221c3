// See threads_queue.hpp.
#include "peers/system/threads_queue.hpp"

#include <algorithm>
#include <mutex>

namespace moor::bench::peers {

void number_queue::send(std::uint64_t number) {
    std::unique_lock held(lock_);
    not_full_.wait(lock_, [this] { return numbers_.size() < std::max<std::size_t>(capacity_, 1); });
    numbers_.push_back(number);
    const std::uint64_t ticket = ++sent_;
    if (capacity_ == 0) {
        not_empty_.wake_one();
        was_taken_.wait(lock_, [this, ticket] { return taken_ >= ticket; });
        return;
    }
    held.unlock(); // whoever wakes finds the lock free
    not_empty_.wake_one();
}

std::optional<std::uint64_t> number_queue::receive() {
    std::unique_lock held(lock_);
    not_empty_.wait(lock_, [this] { return !numbers_.empty() || closed_; });
    if (numbers_.empty()) {
        return std::nullopt;
    }
    const std::uint64_t number = numbers_.front();
    numbers_.pop_front();
    ++taken_;
    held.unlock();
    not_full_.wake_one();
    if (capacity_ == 0) {
        was_taken_.wake_all(); // the sender of the next number may wait beside that of this one
    }
    return number;
}

void number_queue::close() {
    {
        const std::lock_guard held(lock_);
        closed_ = true;
    }
    not_empty_.wake_all();
}

} // namespace moor::bench::peers
