// See datagram_pair.hpp.
#include "torture/datagram_pair.hpp"

#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "support/bytes.hpp"
#include "win/compiler.hpp"

namespace moor::test {
namespace {

struct datagram_head {
    std::uint32_t sequence;
    std::uint32_t last; // 1 in the last of its stream
};
constexpr std::size_t most_bytes = 1400;

constexpr std::uint64_t position_of(std::uint32_t sequence) { return std::uint64_t{sequence} * 2048; }

struct receiver {
    udp_socket& socket;
    semaphore& wanted;
    receive_variant variant;
    load_state& state;
    std::vector<std::byte> buffer;
};

std::size_t receive_here(receiver& here, begun_receive* begun) {
    if (begun == nullptr) {
        here.wanted.release();
        return here.socket.receive_from(here.buffer, here.state.patience).bytes;
    }
    std::error_code error;
    const std::size_t count = begun->finish(here.state.patience, error);
    if (error) {
        throw std::system_error(error, "wrong receive");
    }
    return count;
}

// So many calls deeper, which is where a stack grows: with the wrong variant after the call was begun.
MOOR_NOINLINE std::size_t receive_below(receiver& here, begun_receive* begun, unsigned depth) {
    planted<64> words;
    const std::size_t count = depth == 0 ? receive_here(here, begun) : receive_below(here, begun, depth - 1);
    words.look(here.state.found);
    return count;
}

std::size_t receive_one(receiver& here, unsigned depth) {
    if (here.variant == receive_variant::library) {
        return receive_below(here, nullptr, depth);
    }
    begun_receive begun(here.socket, here.buffer, parameter_place::popped_frame);
    here.wanted.release(); // now that the call waits: its end comes later
    return receive_below(here, &begun, depth);
}

} // namespace

void send_datagrams(udp_socket& from, const endpoint& to, semaphore& wanted, std::uint32_t stream, load_state& state) {
    std::minstd_rand random(stream + 1);
    std::vector<std::byte> data;
    for (std::uint32_t sequence = 0;; ++sequence) {
        wanted.acquire(state.patience);
        const datagram_head head{sequence, state.over() ? 1u : 0u};
        data.resize(sizeof head + random() % (most_bytes - sizeof head));
        std::memcpy(data.data(), &head, sizeof head);
        fill(std::span(data).subspan(sizeof head), position_of(sequence), stream);
        from.send_to(data, to, state.patience);
        state.datagrams_sent.fetch_add(1, std::memory_order_relaxed);
        if (head.last != 0) {
            break;
        }
    }
}

void receive_datagrams(udp_socket& socket, semaphore& wanted, std::uint32_t stream, receive_variant variant,
                       load_state& state) {
    receiver here{socket, wanted, variant, state, std::vector<std::byte>(most_bytes)};
    std::minstd_rand random(stream + 1);
    for (std::uint32_t expected = 0;; ++expected) {
        const unsigned depth = random() % 4 == 0 ? random() % 80 : random() % 3;
        const auto data = std::span(here.buffer).first(receive_one(here, depth));
        state.datagrams_received.fetch_add(1, std::memory_order_relaxed);
        datagram_head head{};
        std::memcpy(&head, data.data(), std::min(sizeof head, data.size()));
        const auto body = data.subspan(std::min(sizeof head, data.size()));
        if (head.sequence != expected || matching(body, position_of(expected), stream) != body.size()) {
            state.corrupted.fetch_add(1, std::memory_order_relaxed);
        }
        if (head.last != 0) {
            break;
        }
    }
}

} // namespace moor::test
