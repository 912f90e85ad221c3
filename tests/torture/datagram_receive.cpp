// See datagram_receive.hpp. Tests may name Winsock's functions; the library's own calls are in one file of src/iocp.
#include "torture/datagram_receive.hpp"

#include <array>

#include <moor/stack.hpp>

#include "win/error.hpp"

namespace moor::test {

begun_receive::begun_receive(udp_socket& socket, std::span<std::byte> into, parameter_place place)
    : socket_(socket), sender_(std::size_t{64} * 1024) {
    io::prepare_stack();
    std::error_code error;
    call_ = io::operation_owner::acquire(*io::current_io().service, error);
    if (error) {
        throw std::system_error(error, "an operation");
    }
    call_->begin();
    if (place == parameter_place::popped_frame) {
        submit_with_parameters_in_this_frame(into);
    } else {
        submit(into);
    }
}

void begun_receive::submitted(int result) noexcept {
    const int error = result == 0 ? 0 : ::WSAGetLastError();
    // Successes of moor's datagram sockets post packets, too.
    if (error != 0 && error != WSA_IO_PENDING) {
        call_->complete_without_packet(0, static_cast<std::uint32_t>(error));
    }
}

void begun_receive::submit(std::span<std::byte> into) noexcept {
    on_system_stack([&]() noexcept {
        iocp::kernel_parameters& pooled = call_->parameters;
        pooled.buffers[0] = {static_cast<ULONG>(into.size()), reinterpret_cast<CHAR*>(into.data())};
        pooled.address_length = sizeof(sockaddr_storage);
        submitted(::WSARecvFrom(socket_.native_handle(), pooled.buffers.data(), 1, &pooled.transferred, &pooled.flags,
                                reinterpret_cast<sockaddr*>(sender_.data()), &pooled.address_length, &pooled.overlapped,
                                nullptr));
    });
}

// The wrong one. The length is the upper half of a word that lies where a return address could, as in the report; the
// words around it keep it away from the return address and saved registers of the frames that come after this one.
void begun_receive::submit_with_parameters_in_this_frame(std::span<std::byte> into) noexcept {
    struct alignas(8) word {
        DWORD flags;
        int length;
    };
    alignas(16) std::array<word, 64> words{}; // a call leaves its return address at 8 modulo 16
    word& parameters = words[words.size() / 2 + 1];
    parameters = {0, sizeof(sockaddr_storage)};
    written_late_ = reinterpret_cast<std::uint64_t*>(&parameters);
    on_system_stack([&]() noexcept {
        iocp::kernel_parameters& pooled = call_->parameters;
        pooled.buffers[0] = {static_cast<ULONG>(into.size()), reinterpret_cast<CHAR*>(into.data())};
        submitted(::WSARecvFrom(socket_.native_handle(), pooled.buffers.data(), 1, &pooled.transferred,
                                &parameters.flags, reinterpret_cast<sockaddr*>(sender_.data()), &parameters.length,
                                &pooled.overlapped, nullptr));
    });
}

std::size_t begun_receive::finish(const wait_limit& limit, std::error_code& error) {
    io::prepare_stack();
    const auto reason =
        io::await(*call_, win::io_handle(reinterpret_cast<HANDLE>(socket_.native_handle()), false), limit);
    error = io::outcome(call_->error(), reason, false);
    return error ? 0 : call_->transferred();
}

} // namespace moor::test
