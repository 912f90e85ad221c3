// What a client of an echo sends, and the comparison of what comes back with it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

namespace moor::bench {

/// One message that a client sends again and again, and how far its echo has come.
class pattern {
public:
    /// The messages of two clients with neighbouring numbers differ. `size` is not 0.
    pattern(std::uint64_t client, std::size_t size) : message_(size) {
        for (std::size_t at = 0; at < size; ++at) {
            message_[at] = static_cast<char>(client + at);
        }
    }

    [[nodiscard]] std::span<const char> message() const noexcept { return message_; }

    /// Takes the next bytes of the echo, however they are cut, and returns how many messages are whole with them.
    /// Throws std::runtime_error when they are not what was sent.
    std::uint64_t check(std::span<const char> echo) {
        std::uint64_t whole = 0;
        while (!echo.empty()) {
            const std::size_t size = std::min(echo.size(), message_.size() - come_);
            if (std::memcmp(echo.data(), message_.data() + come_, size) != 0) {
                throw std::runtime_error("the echo is not what was sent");
            }
            echo = echo.subspan(size);
            come_ += size;
            if (come_ == message_.size()) {
                come_ = 0;
                ++whole;
            }
        }
        return whole;
    }

private:
    std::vector<char> message_;
    std::size_t come_ = 0; // of the message that is not whole yet
};

} // namespace moor::bench
