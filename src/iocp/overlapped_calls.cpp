// The one file that calls Winsock's overlapped functions (law 1), through the table of system calls. Every address that
// it hands to them, other than the caller's data, is that of a member of the operation; debug builds check that the
// operation is a pooled one and on no stack.
#include "iocp/overlapped_calls.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <mstcpip.h>

#include "iocp/socket_address.hpp"
#include "win/error.hpp"
#include "win/insist.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"
#include "win/teb.hpp"

namespace moor::iocp {
namespace {

// ---- What all submissions share ----------------------------------------------------------------------------------

// Law 1, at run time. On a thread that is no worker there is no pool to ask.
void check_place([[maybe_unused]] const operation& call) noexcept {
#if !defined(NDEBUG)
    if (win::teb::on_current_stack(&call)) {
        win::fatal("an overlapped operation lies on a stack");
    }
    const operation_pool* const pool = pool_of_caller();
    if (pool != nullptr && !pool->owns(&call.parameters.overlapped)) {
        win::fatal("an overlapped operation lies outside its runtime's pool");
    }
#endif
}

// Of a call that has an address for a count: a success at once left it there. Others have operation::returned.
submission outcome_of(operation& call, std::uint32_t error, bool skips_packet_on_success) noexcept {
    if (error == 0 && skips_packet_on_success) {
        call.complete_without_packet(call.parameters.transferred, 0);
        return submission::completed;
    }
    return call.returned(error, skips_packet_on_success);
}

// Each makes the call where it has room (law 6) and returns its error, 0 for success.
template <class Call>
std::uint32_t socket_error_of(Call call) noexcept {
    return win::call_on_system_stack(call) == 0 ? 0 : win::last_error_number();
}

template <class Call>
std::uint32_t extension_error_of(Call call) noexcept {
    return win::call_on_system_stack(call) != FALSE ? 0 : win::last_error_number();
}

// A control that takes a value and ends at once.
template <class Value>
std::error_code control(const win::unique_socket& socket, DWORD code, Value& value) noexcept {
    DWORD bytes = 0;
    return win::to_error(socket_error_of([&] {
        return win::system().control(socket.get(), code, &value, sizeof value, nullptr, 0, &bytes, nullptr, nullptr);
    }));
}

// Before version 1709 Windows takes TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS for a number of retransmissions, 254.
bool knows_no_retransmissions() noexcept {
    constexpr ULONG version_1709 = 16299;
    RTL_OSVERSIONINFOW system{};
    system.dwOSVersionInfoSize = sizeof system;
    win::call_on_system_stack([&system] { return win::system().version(&system); });
    return system.dwMajorVersion > 10 || (system.dwMajorVersion == 10 && system.dwBuildNumber >= version_1709);
}

// Winsock's buffers are not const, though it only reads what it sends.
WSABUF buffer_of(std::span<const std::byte> part) noexcept {
    return {static_cast<ULONG>(part.size()), const_cast<char*>(reinterpret_cast<const char*>(part.data()))};
}

// Sets one buffer; one of no bytes still has an address, which some providers insist on.
DWORD set_buffer(kernel_parameters& parameters, std::span<const std::byte> part) noexcept {
    parameters.buffers[0] = buffer_of(part.empty() ? std::span<const std::byte>(parameters.scratch).first(0)
                                                   : part.first(std::min(part.size(), most_bytes_per_call)));
    return 1;
}

template <class Byte>
DWORD set_buffers(kernel_parameters& parameters, std::span<const std::span<Byte>> list, std::size_t skipped) noexcept {
    std::size_t count = 0;
    std::size_t room = most_bytes_per_call;
    for (const std::span<Byte> whole : list) {
        const auto part = whole.subspan(std::min(std::exchange(skipped, 0), whole.size()));
        if (!part.empty()) {
            parameters.buffers[count] = buffer_of(part.first(std::min(part.size(), room)));
            room -= parameters.buffers[count].len;
            if (++count == kernel_parameters::most_buffers || room == 0) {
                break;
            }
        }
    }
    return count == 0 ? set_buffer(parameters, {}) : static_cast<DWORD>(count);
}

// The header of a call that takes a message; what it names are members of the same operation.
void set_message(kernel_parameters& parameters, DWORD buffers, int address_length) noexcept {
    parameters.message = {};
    parameters.message.name = reinterpret_cast<sockaddr*>(&parameters.address);
    parameters.message.namelen = address_length;
    parameters.message.lpBuffers = parameters.buffers.data();
    parameters.message.dwBufferCount = buffers;
}

submission submit_receive(operation& call, const win::unique_socket& socket, DWORD buffers) noexcept {
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    const std::uint32_t error = socket_error_of([&] {
        return win::system().receive(socket.get(), parameters.buffers.data(), buffers, &parameters.transferred,
                                     &parameters.flags, &parameters.overlapped, nullptr);
    });
    return outcome_of(call, error, skips);
}

submission submit_send(operation& call, const win::unique_socket& socket, DWORD buffers) noexcept {
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    const std::uint32_t error = socket_error_of([&] {
        return win::system().send(socket.get(), parameters.buffers.data(), buffers, &parameters.transferred, 0,
                                  &parameters.overlapped, nullptr);
    });
    return outcome_of(call, error, skips);
}

} // namespace

submission receive(operation& call, const win::unique_socket& socket, std::span<std::byte> into) noexcept {
    check_place(call);
    call.begin();
    return submit_receive(call, socket, set_buffer(call.parameters, into));
}

submission receive(operation& call, const win::unique_socket& socket, std::span<const std::span<std::byte>> into,
                   std::size_t skipped) noexcept {
    check_place(call);
    call.begin();
    return submit_receive(call, socket, set_buffers(call.parameters, into, skipped));
}

submission send(operation& call, const win::unique_socket& socket, std::span<const std::byte> data) noexcept {
    check_place(call);
    call.begin();
    return submit_send(call, socket, set_buffer(call.parameters, data));
}

submission send(operation& call, const win::unique_socket& socket, std::span<const std::span<const std::byte>> data,
                std::size_t skipped) noexcept {
    check_place(call);
    call.begin();
    return submit_send(call, socket, set_buffers(call.parameters, data, skipped));
}

submission receive_from(operation& call, const win::unique_socket& socket, std::span<std::byte> into) noexcept {
    check_place(call);
    call.begin();
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    const DWORD buffers = set_buffer(parameters, into);
    parameters.address_length = sizeof parameters.address;
    const std::uint32_t error = socket_error_of([&] {
        return win::system().receive_from(socket.get(), parameters.buffers.data(), buffers, &parameters.transferred,
                                          &parameters.flags, reinterpret_cast<sockaddr*>(&parameters.address),
                                          &parameters.address_length, &parameters.overlapped, nullptr);
    });
    return outcome_of(call, error, skips);
}

submission send_to(operation& call, const win::unique_socket& socket, std::span<const std::byte> data,
                   const endpoint& remote) noexcept {
    check_place(call);
    call.begin();
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    const DWORD buffers = set_buffer(parameters, data);
    parameters.address_length = to_sockaddr(remote, parameters.address);
    const std::uint32_t error = socket_error_of([&] {
        return win::system().send_to(socket.get(), parameters.buffers.data(), buffers, &parameters.transferred, 0,
                                     reinterpret_cast<const sockaddr*>(&parameters.address), parameters.address_length,
                                     &parameters.overlapped, nullptr);
    });
    return outcome_of(call, error, skips);
}

submission receive_message(operation& call, const win::unique_socket& socket,
                           std::span<const std::span<std::byte>> into) noexcept {
    check_place(call);
    call.begin();
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    set_message(parameters, set_buffers(parameters, into, 0), sizeof parameters.address);
    expect_details(parameters);
    const std::uint32_t error = socket_error_of([&] {
        return win::system().receive_message(socket.get(), &parameters.message, &parameters.transferred,
                                             &parameters.overlapped, nullptr);
    });
    return outcome_of(call, error, skips);
}

submission send_message(operation& call, const win::unique_socket& socket,
                        std::span<const std::span<const std::byte>> data, const endpoint& remote,
                        const packet_details& details) noexcept {
    check_place(call);
    call.begin();
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    set_message(parameters, set_buffers(parameters, data, 0), to_sockaddr(remote, parameters.address));
    write_details(details, remote, parameters);
    const std::uint32_t error = socket_error_of([&] {
        return win::system().send_message(socket.get(), &parameters.message, 0, &parameters.transferred,
                                          &parameters.overlapped, nullptr);
    });
    return outcome_of(call, error, skips);
}

submission send_file(operation& call, const win::unique_socket& socket, win::io_handle file, std::uint64_t offset,
                     std::uint32_t bytes) noexcept {
    check_place(call);
    call.begin();
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    parameters.overlapped.Offset = static_cast<DWORD>(offset);
    parameters.overlapped.OffsetHigh = static_cast<DWORD>(offset >> 32);
    const std::uint32_t error = extension_error_of([&] {
        return win::system().send_file(socket.get(), file.get(), bytes, 0, &parameters.overlapped, nullptr, 0);
    });
    return call.returned(error, skips);
}

submission disconnect(operation& call, const win::unique_socket& socket, bool reuse) noexcept {
    check_place(call);
    call.begin();
    if (socket.skips_packet_on_success) {
        call.complete_without_packet(0, WSAEINVAL);
        return submission::completed;
    }
    const std::uint32_t error = extension_error_of([&] {
        return win::system().disconnect(socket.get(), &call.parameters.overlapped, reuse ? TF_REUSE_SOCKET : 0, 0);
    });
    return call.returned(error, false);
}

submission accept(operation& call, const win::unique_socket& listener, const win::unique_socket& accepted) noexcept {
    check_place(call);
    call.begin();
    kernel_parameters& parameters = call.parameters;
    const bool skips = listener.skips_packet_on_success;
    constexpr auto address_size = static_cast<DWORD>(kernel_parameters::accept_address_size);
    const std::uint32_t error = extension_error_of([&] {
        return win::system().accept(listener.get(), accepted.get(), parameters.scratch.data(), 0, address_size,
                                    address_size, &parameters.transferred, &parameters.overlapped);
    });
    return outcome_of(call, error, skips);
}

std::error_code finish_accept(const win::unique_socket& accepted, const win::unique_socket& listener) noexcept {
    const SOCKET source = listener.get();
    return win::to_error(socket_error_of([&] {
        return win::system().set_option(accepted.get(), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                                        reinterpret_cast<const char*>(&source), sizeof source);
    }));
}

submission connect(operation& call, const win::unique_socket& socket, const endpoint& remote) noexcept {
    check_place(call);
    call.begin();
    kernel_parameters& parameters = call.parameters;
    const bool skips = socket.skips_packet_on_success;
    parameters.address_length = to_sockaddr(remote, parameters.address);
    const std::uint32_t error = extension_error_of([&] {
        return win::system().connect(socket.get(), reinterpret_cast<const sockaddr*>(&parameters.address),
                                     parameters.address_length, nullptr, 0, &parameters.transferred,
                                     &parameters.overlapped);
    });
    return outcome_of(call, error, skips);
}

std::error_code finish_connect(const win::unique_socket& socket) noexcept {
    return win::to_error(socket_error_of(
        [&] { return win::system().set_option(socket.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0); }));
}

winsock_result result_of(operation& call, const win::unique_socket& socket) noexcept {
    kernel_parameters& parameters = call.parameters;
    parameters.flags = 0;
    const std::uint32_t error = extension_error_of([&] {
        return win::system().result(socket.get(), &parameters.overlapped, &parameters.transferred, FALSE,
                                    &parameters.flags);
    });
    return {error, parameters.transferred, parameters.flags};
}

std::uint32_t socket_error(operation& call, const win::unique_socket& socket) noexcept {
    if (call.error() == 0 || !call.ended_by_packet()) {
        return call.error();
    }
    const std::uint32_t named = result_of(call, socket).error;
    return named != 0 ? named : call.error(); // a failure stays one, whatever a provider in between makes of it
}

void cancel(operation& call, win::io_handle handle) noexcept {
    win::insist(
        "CancelIoEx", [&] { return win::system().cancel(handle.get(), &call.parameters.overlapped); },
        ERROR_NOT_FOUND); // it has ended, and its packet is on its way
}

void cancel_all(win::io_handle handle) noexcept {
    win::insist(
        "CancelIoEx", [&] { return win::system().cancel(handle.get(), nullptr); }, ERROR_NOT_FOUND);
}

std::error_code keep_alive(const win::unique_socket& socket, std::chrono::milliseconds idle,
                           std::chrono::milliseconds interval) noexcept {
    const auto milliseconds = [](std::chrono::milliseconds time) {
        return static_cast<ULONG>(std::clamp<std::int64_t>(time.count(), 1, 0x7fffffff));
    };
    tcp_keepalive values{1, milliseconds(idle), milliseconds(interval)};
    return control(socket, SIO_KEEPALIVE_VALS, values);
}

std::error_code report_undelivered(const win::unique_socket& socket, bool on) noexcept {
    // SIO_UDP_CONNRESET and SIO_UDP_NETRESET, which not every mswsock.h has.
    std::error_code error;
    for (const DWORD control_code : {_WSAIOW(IOC_VENDOR, 12), _WSAIOW(IOC_VENDOR, 15)}) {
        BOOL value = on;
        if (const auto refused = control(socket, control_code, value)) {
            error = refused;
        }
    }
    return error;
}

std::error_code connect_without_retries(const win::unique_socket& socket) noexcept {
    if (!knows_no_retransmissions()) {
        return win::to_error(static_cast<std::uint32_t>(WSAEOPNOTSUPP));
    }
    constexpr DWORD control_code = _WSAIOW(IOC_VENDOR, 17); // SIO_TCP_INITIAL_RTO
    struct initial_rto {                                    // TCP_INITIAL_RTO_PARAMETERS
        USHORT round_trip = 0xffff;                         // TCP_INITIAL_RTO_UNSPECIFIED_RTT: the system's own
        UCHAR retransmissions = 0xfe;                       // TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS
    } value;
    return control(socket, control_code, value);
}

} // namespace moor::iocp
