#include "client_registry.hpp"

#include <mutex>
#include <utility>

namespace frame_relay {

std::shared_ptr<relay_client> client_registry::add(std::shared_ptr<relay_client> client) {
    part& where = part_of(client->key());
    const std::lock_guard guard(where.lock);
    std::shared_ptr<relay_client>& place = where.clients[client->key()];
    return std::exchange(place, std::move(client));
}

void client_registry::remove(const relay_client& client) noexcept {
    part& where = part_of(client.key());
    const std::lock_guard guard(where.lock);
    const auto found = where.clients.find(client.key());
    if (found != where.clients.end() && found->second.get() == &client) {
        where.clients.erase(found);
    }
}

std::shared_ptr<relay_client> client_registry::find(const client_key& key) noexcept {
    part& where = part_of(key);
    const std::lock_guard guard(where.lock);
    const auto found = where.clients.find(key);
    return found == where.clients.end() ? nullptr : found->second;
}

} // namespace frame_relay
