// See fault_world.hpp.
#include "iocp/fault_world.hpp"

#include <array>

#include <gtest/gtest.h>

#include "iocp/faults.hpp"
#include "support/bytes.hpp"
#include "support/eventually.hpp"

namespace moor::test {

using namespace std::chrono_literals;

fault_world::fault_world(runtime& owner)
    : running(owner),
      listener(tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0), {.outstanding_accepts = 1})),
      pair(connect_through(listener)), one(udp_socket::bind(endpoint::loopback(address_family::ipv4, 0))),
      other(udp_socket::bind(endpoint::loopback(address_family::ipv4, 0))) {
    expect_to_work("the beginning");
    count();
}

void fault_world::expect_to_work(const std::string& after) {
    std::error_code error;
    std::array<std::byte, 20> buffer;
    const auto data = make_bytes(buffer.size());
    for (const auto& [from, to] : {std::pair(&pair.client, &pair.server), std::pair(&pair.server, &pair.client)}) {
        from->write(data, 20s, error);
        EXPECT_FALSE(error) << "after " << after << ": " << error.message();
        EXPECT_EQ(to->read_exactly(buffer, 20s, error), data.size()) << "after " << after << ": " << error.message();
        EXPECT_EQ(matching(buffer, 0), data.size()) << after;
    }
    one.send_to(data, other.local_endpoint(), 20s, error);
    EXPECT_FALSE(error) << "after " << after << ": " << error.message();
    EXPECT_EQ(other.receive_from(buffer, 20s, error).bytes, data.size())
        << "after " << after << ": " << error.message();
}

void fault_world::count() {
    operations_ = running.metrics().operations_in_use;
    coroutines_ = running.metrics().coroutines_alive;
    sockets_ = open_sockets();
}

// Operations that were abandoned come back with their packets, and coroutines end after those who wait for them go on.
void fault_world::expect_nothing_leaked(const std::string& after) {
    EXPECT_TRUE(eventually([this] {
        const runtime_metrics now = running.metrics();
        return now.operations_in_use == operations_ && now.coroutines_alive == coroutines_ &&
               open_sockets() == sockets_;
    })) << "after "
        << after << ": " << running.metrics().operations_in_use << " operations instead of " << operations_ << ", "
        << running.metrics().coroutines_alive << " coroutines instead of " << coroutines_ << ", "
        << open_sockets() - sockets_ << " sockets more";
}

} // namespace moor::test
