// The adversary's simulated sockets: where the bytes and datagrams of their calls go.
#include "support/adversary.hpp"

#include <algorithm>
#include <cstring>

#include "iocp/socket_address.hpp"

namespace moor::test {
namespace {

constexpr auto status_buffer_overflow = static_cast<std::int32_t>(0x80000005); // a datagram was cut short

} // namespace

adversary::line adversary::make_line() {
    line made{win::unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP),
              win::unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP)};
    made.first.skips_packet_on_success = habits_.skip_packets;
    made.second.skips_packet_on_success = habits_.skip_packets;
    const std::lock_guard guard(lock_);
    simulated side;
    side.skips_packets = habits_.skip_packets;
    side.other = made.second.get();
    sockets_[made.first.get()] = side;
    side.other = made.first.get();
    sockets_[made.second.get()] = side;
    return made;
}

win::unique_socket adversary::make_datagram_socket(const endpoint& address) {
    auto made = win::unique_socket::open(iocp::native_family(address.family()), SOCK_DGRAM, IPPROTO_UDP);
    simulated side;
    side.skips_packets = false;
    side.takes_datagrams = true;
    side.address = address;
    const std::lock_guard guard(lock_);
    sockets_[made.get()] = side;
    return made;
}

void adversary::end_stream(SOCKET socket) {
    {
        const std::lock_guard guard(lock_);
        sockets_.at(sockets_.at(socket).other).ended = true;
    }
    changed_.notify_all();
}

adversary::simulated* adversary::find(SOCKET socket) {
    const auto found = sockets_.find(socket);
    return found == sockets_.end() ? nullptr : &found->second;
}

bool adversary::can_end(const call& waiting) {
    if (waiting.only_by_cancel || habits_.by_hand) {
        return false;
    }
    if (waiting.result_is_fixed) {
        return true;
    }
    const simulated* const here = find(waiting.socket);
    switch (waiting.what) {
    case kind::receive:
    case kind::receive_from:
    case kind::receive_message:
        return here != nullptr && (here->ended || !here->incoming.empty() || !here->datagrams.empty());
    default: return true;
    }
}

// Does what the call was made for and sets its result. Inputs are read from the operation only now: they must have
// lasted.
void adversary::transfer(call& moving) {
    simulated& here = sockets_.at(moving.socket);
    switch (moving.what) {
    case kind::send_to:
    case kind::send_message: send_datagram(moving, here); break;
    case kind::receive_from:
    case kind::receive_message: receive_datagram(moving, here); break;
    case kind::receive:
    case kind::send: transfer_bytes(moving); break;
    default: break; // nothing to be moved
    }
}

void adversary::transfer_bytes(call& moving) {
    simulated& here = sockets_.at(moving.socket);
    std::size_t wanted = 0;
    for (DWORD index = 0; index < moving.buffer_count; ++index) {
        wanted += moving.buffers[index].len;
    }
    auto& bytes = moving.what == kind::send ? sockets_.at(here.other).incoming : here.incoming;
    std::size_t count = moving.what == kind::send ? wanted : std::min(wanted, bytes.size());
    if (count > 1 && !chance(habits_.whole)) {
        count = std::uniform_int_distribution<std::size_t>(1, count)(random_);
    }
    std::size_t left = count;
    for (DWORD index = 0; index < moving.buffer_count && left != 0; ++index) {
        const WSABUF& part = moving.buffers[index];
        const std::size_t step = std::min<std::size_t>(left, part.len);
        auto* const data = reinterpret_cast<std::byte*>(part.buf);
        if (moving.what == kind::send) {
            bytes.insert(bytes.end(), data, data + step);
        } else {
            std::copy_n(bytes.begin(), step, data);
            bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(step));
        }
        left -= step;
    }
    moving.count = static_cast<std::uint32_t>(count);
}

void adversary::send_datagram(call& moving, const simulated& here) {
    datagram sent{{}, here.address};
    for (DWORD index = 0; index < moving.buffer_count; ++index) {
        const auto* const data = reinterpret_cast<const std::byte*>(moving.buffers[index].buf);
        sent.data.insert(sent.data.end(), data, data + moving.buffers[index].len);
    }
    moving.count = static_cast<std::uint32_t>(sent.data.size());
    sockaddr_storage to{};
    std::memcpy(&to, moving.to, static_cast<std::size_t>(moving.to_length));
    const endpoint target = iocp::from_sockaddr(to);
    for (auto& [socket, each] : sockets_) {
        if (each.takes_datagrams && each.address == target) {
            each.datagrams.push_back(sent);
        }
    }
}

void adversary::receive_datagram(call& moving, simulated& here) {
    if (here.datagrams.empty()) {
        return;
    }
    const datagram taken = std::move(here.datagrams.front());
    here.datagrams.pop_front();
    std::span<const std::byte> left = taken.data;
    for (DWORD index = 0; index < moving.buffer_count; ++index) {
        const WSABUF& part = moving.buffers[index];
        const std::size_t step = std::min<std::size_t>(left.size(), part.len);
        std::copy_n(left.begin(), step, reinterpret_cast<std::byte*>(part.buf));
        left = left.subspan(step);
    }
    moving.count = static_cast<std::uint32_t>(taken.data.size() - left.size());
    moving.status = left.empty() ? 0 : status_buffer_overflow;
    moving.sender = taken.sender;
}

} // namespace moor::test
