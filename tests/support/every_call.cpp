// See every_call.hpp.
#include "support/every_call.hpp"

#include <algorithm>
#include <array>

namespace moor::test {
namespace {

using kind = adversary::kind;

constexpr std::uint32_t bytes = 48; // that a transfer moves

// Guards around it show what is written outside.
class buffer {
public:
    buffer() { bytes_.fill(guard); }

    [[nodiscard]] std::span<std::byte> data() { return std::span(bytes_).subspan(margin, room); }
    [[nodiscard]] bool has(std::size_t received) const {
        const auto is = [](std::byte wanted) { return [wanted](std::byte each) { return each == wanted; }; };
        const auto begin = bytes_.begin() + margin;
        return std::all_of(bytes_.begin(), begin, is(guard)) &&
               std::all_of(begin, begin + static_cast<std::ptrdiff_t>(received), is(std::byte{0x5a})) &&
               std::all_of(begin + static_cast<std::ptrdiff_t>(received), bytes_.end(), is(guard));
    }

private:
    static constexpr std::byte guard{0xa7};
    static constexpr std::size_t margin = 64;
    static constexpr std::size_t room = 80;
    std::array<std::byte, 2 * margin + room> bytes_;
};

template <class Start>
std::size_t receiving(any_socket& socket, const wait_limit& limit, std::error_code& error, bool& intact, Start start) {
    buffer into;
    const std::size_t count =
        socket.call(limit, error, [&](auto& call, const auto& its) { return start(call, its, into.data()); });
    intact = into.has(count);
    return count;
}

template <class Start>
std::size_t sending(any_socket& socket, const wait_limit& limit, std::error_code& error, bool& intact, Start start) {
    const std::array<std::byte, bytes> data{};
    intact = true;
    return socket.call(limit, error, [&](auto& call, const auto& its) { return start(call, its, std::span(data)); });
}

template <class Start>
std::size_t other(any_socket& socket, const wait_limit& limit, std::error_code& error, bool& intact, Start start) {
    intact = true;
    return socket.call(limit, error, start);
}

constexpr std::array calls{
    overlapped_call{"receive", kind::receive, false, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return receiving(socket, limit, error, intact, [](auto& call, const auto& its, auto into) {
                            return iocp::receive(call, its, into);
                        });
                    }},
    overlapped_call{
        "receive into several", kind::receive, false, bytes,
        [](auto& socket, auto& limit, auto& error, bool& intact) {
            return receiving(socket, limit, error, intact, [](auto& call, const auto& its, auto into) {
                const std::array<std::span<std::byte>, 3> parts{into.first(5), into.subspan(5, 20), into.subspan(25)};
                return iocp::receive(call, its, parts, 0);
            });
        }},
    overlapped_call{"wait until readable", kind::receive, false, 0,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return other(socket, limit, error, intact, [](auto& call, const auto& its) {
                            return iocp::receive(call, its, std::span<std::byte>());
                        });
                    }},
    overlapped_call{"send", kind::send, false, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return sending(socket, limit, error, intact, [](auto& call, const auto& its, auto data) {
                            return iocp::send(call, its, data);
                        });
                    }},
    overlapped_call{"send several", kind::send, false, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return sending(socket, limit, error, intact, [](auto& call, const auto& its, auto data) {
                            const std::array<std::span<const std::byte>, 2> parts{data.first(7), data.subspan(7)};
                            return iocp::send(call, its, parts, 0);
                        });
                    }},
    overlapped_call{"receive from", kind::receive_from, true, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return receiving(socket, limit, error, intact, [](auto& call, const auto& its, auto into) {
                            return iocp::receive_from(call, its, into);
                        });
                    }},
    overlapped_call{"send to", kind::send_to, true, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return sending(socket, limit, error, intact, [](auto& call, const auto& its, auto data) {
                            return iocp::send_to(call, its, data, adversary::peer());
                        });
                    }},
    overlapped_call{"receive message", kind::receive_message, true, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return receiving(socket, limit, error, intact, [](auto& call, const auto& its, auto into) {
                            const std::array<std::span<std::byte>, 2> parts{into.first(30), into.subspan(30)};
                            return iocp::receive_message(call, its, parts);
                        });
                    }},
    overlapped_call{"send message", kind::send_message, true, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return sending(socket, limit, error, intact, [](auto& call, const auto& its, auto data) {
                            iocp::packet_details details;
                            details.hop_limit = std::uint8_t{7};
                            const std::array<std::span<const std::byte>, 1> parts{data};
                            return iocp::send_message(call, its, parts, adversary::peer(), details);
                        });
                    }},
    overlapped_call{"send file", kind::send_file, false, bytes,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return other(socket, limit, error, intact, [](auto& call, const auto& its) {
                            return iocp::send_file(call, its, win::io_handle(nullptr, false), 0, bytes);
                        });
                    }},
    overlapped_call{"disconnect", kind::disconnect, false, 0,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return other(socket, limit, error, intact,
                                     [](auto& call, const auto& its) { return iocp::disconnect(call, its, true); });
                    }},
    overlapped_call{"accept", kind::accept, false, 0,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return other(socket, limit, error, intact, [](auto& call, const auto& its) {
                            return iocp::accept(call, its, win::unique_socket());
                        });
                    }},
    overlapped_call{"connect", kind::connect, false, 0,
                    [](auto& socket, auto& limit, auto& error, bool& intact) {
                        return other(socket, limit, error, intact, [](auto& call, const auto& its) {
                            return iocp::connect(call, its, adversary::peer());
                        });
                    }},
};

} // namespace

std::span<const overlapped_call> every_call() { return calls; }

} // namespace moor::test
