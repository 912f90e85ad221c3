// The programs of docs/udp.md. What they print is compared with output.txt.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>

#include <moor/moor.hpp>

using namespace std::chrono_literals;

static std::span<const std::byte> to_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

static std::string to_text(std::span<const std::byte> data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

static void answer(moor::udp_socket& socket, std::stop_token stop) {
    std::array<std::byte, 1500> buffer;
    std::error_code error;
    while (!stop.stop_requested()) {
        const auto request = socket.receive_from(buffer, stop, error);
        if (!error && !request.truncated) {
            socket.send_to(std::span(buffer).first(request.bytes), request.sender, 1s, error);
        }
        if (error && error != std::errc::operation_canceled) { // of the socket or of this answer, never of a peer
            std::fprintf(stderr, "answer: %s\n", error.message().c_str());
        }
    }
}

static std::optional<std::string> ask(const moor::endpoint& server, std::string_view question) {
    auto socket = moor::udp_socket::bind(moor::endpoint::any(server.family(), 0));
    socket.connect(server); // from now on only datagrams of the server are received
    std::array<std::byte, 1500> buffer;
    for (int attempt = 0; attempt < 5; ++attempt) { // datagrams may be lost, so ask again
        socket.send(to_bytes(question));
        std::error_code error;
        const auto reply = socket.receive_from(buffer, 500ms, error);
        if (!error) {
            return to_text(std::span(buffer).first(reply.bytes));
        }
        if (error != std::errc::timed_out) {
            throw std::system_error(error, "ask");
        }
    }
    return std::nullopt;
}

static void print_details(moor::udp_socket& socket) {
    socket.set_report_destination(true); // before the datagram arrives
    socket.set_report_hop_limit(true);
    socket.set_report_ecn(true);

    auto sender = moor::udp_socket::bind(moor::endpoint::loopback(moor::address_family::ipv4, 0));
    sender.set_hop_limit(33); // the TTL of what this socket sends to one receiver
    const std::array<std::span<const std::byte>, 2> header_and_body{to_bytes("head "), to_bytes("and body")};
    sender.send_message(header_and_body, socket.local_endpoint());

    std::array<std::byte, 1500> buffer;
    const moor::received_message received = socket.receive_message(buffer, 5s);
    std::printf("'%s'\n", to_text(std::span(buffer).first(received.bytes)).c_str());
    if (received.hop_limit) {
        std::printf("TTL %d\n", *received.hop_limit);
    }
    if (received.destination) {
        std::printf("sent to %s\n", received.destination->to_string().c_str());
    }
    if (received.ecn == moor::ecn_mark::congested) {
        std::puts("a router on the way is congested");
    }
}

static moor::udp_socket join(const moor::endpoint& group, const moor::local_interface& on) {
    auto member = moor::udp_socket::bind(moor::endpoint::any(group.family(), group.port()), {.reuse_address = true});
    member.join_group(group, on);
    return member;
}

static void announce(const moor::endpoint& group, const moor::local_interface& by, std::string_view text) {
    auto speaker = moor::udp_socket::bind(moor::endpoint::any(group.family(), 0));
    speaker.set_multicast_interface(by);
    speaker.set_multicast_hop_limit(1); // no router forwards it
    speaker.set_multicast_loop(true);   // members on this machine receive it, too
    speaker.send_to(to_bytes(text), group);
}

static void run_all() {
    auto server = moor::udp_socket::bind(moor::endpoint("127.0.0.1", 0));
    moor::task_group serving;
    std::stop_source stop;
    serving.spawn([&] { answer(server, stop.get_token()); });
    std::printf("answer: %s\n", ask(server.local_endpoint(), "is anybody there?").value_or("none").c_str());
    stop.request_stop();
    serving.wait();

    print_details(server);
}

static void run_group() {
    // A group and an interface that stay on this machine. Without an interface the system chooses one.
    const moor::local_interface loopback{.address = moor::endpoint("127.0.0.1", 0)};
    auto member = join({"239.255.77.3", 0}, loopback);
    announce({"239.255.77.3", member.local_endpoint().port()}, loopback, "to all members");
    std::array<std::byte, 100> buffer;
    const auto received = member.receive_from(buffer, 5s);
    std::printf("group: %s\n", to_text(std::span(buffer).first(received.bytes)).c_str());
}

int main(int argc, char**) try {
    moor::runtime runtime;
    runtime.run(argc > 1 ? run_group : run_all); // with any argument: multicast, which not every machine can send
} catch (const std::exception& error) {
    std::fprintf(stderr, "datagrams: %s\n", error.what());
    return 1;
}
