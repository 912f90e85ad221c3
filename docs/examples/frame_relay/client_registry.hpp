// Who is connected, by key. Split into parts with a lock each, since every forwarded frame looks its receiver up.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>

#include <moor/mutex.hpp>

#include "frame_codec.hpp"
#include "relay_client.hpp"

namespace frame_relay {

class client_registry {
public:
    /// Enters a client under its key; returns the one that had this key, which the caller has to end. The newest
    /// connection wins because a client that lost its network reconnects long before the relay notices the loss.
    [[nodiscard]] std::shared_ptr<relay_client> add(std::shared_ptr<relay_client> client);

    /// Takes a client out, unless another one has its place by now.
    void remove(const relay_client& client) noexcept;

    /// Null when nobody with that key is connected.
    [[nodiscard]] std::shared_ptr<relay_client> find(const client_key& key) noexcept;

private:
    // An ordered map: keys are chosen by strangers, and a hash table would let them choose collisions.
    struct part {
        moor::mutex lock;
        std::map<client_key, std::shared_ptr<relay_client>> clients; // guarded by lock
    };

    [[nodiscard]] part& part_of(const client_key& key) noexcept {
        return parts_[std::to_integer<std::size_t>(key.back()) % parts_.size()];
    }

    std::array<part, 16> parts_;
};

} // namespace frame_relay
