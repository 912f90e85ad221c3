// The calls on the completion port. They decide for each handle whether a call that succeeds at once posts a packet.
#include "iocp/completion_port.hpp"

#include "win/error.hpp"
#include "win/insist.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"

namespace moor::iocp {
namespace {

constexpr auto operation_key = static_cast<ULONG_PTR>(completion_port::key::operation);
constexpr auto wake_key = static_cast<ULONG_PTR>(completion_port::key::wake);

// No event is ever waited for on a handle of ours, so signalling it is skipped too.
bool skip_packets_on_success(HANDLE handle) noexcept {
    return win::system().skip_packets(handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE) !=
           FALSE;
}

} // namespace

completion_port::completion_port(unsigned workers)
    : port_(win::system().associate(INVALID_HANDLE_VALUE, nullptr, 0, workers)) {
    if (!port_) {
        win::throw_last_error("moor: creating a completion port");
    }
}

std::error_code completion_port::associate(win::unique_socket& socket) const noexcept {
    return win::call_on_system_stack([&]() noexcept -> std::error_code {
        const auto handle = reinterpret_cast<HANDLE>(socket.get());
        if (win::system().associate(handle, port_.get(), operation_key, 0) == nullptr) {
            return win::last_error();
        }
        socket.skips_packet_on_success = win::every_provider_has_file_handles() && skip_packets_on_success(handle);
        return {};
    });
}

std::error_code completion_port::associate(HANDLE handle, bool& skips) const noexcept {
    return win::call_on_system_stack([&]() noexcept -> std::error_code {
        if (win::system().associate(handle, port_.get(), operation_key, 0) == nullptr) {
            return win::last_error();
        }
        skips = win::system().file_type(handle) == FILE_TYPE_DISK && skip_packets_on_success(handle);
        return {};
    });
}

std::span<OVERLAPPED_ENTRY> completion_port::dequeue(std::span<OVERLAPPED_ENTRY> batch, DWORD timeout) const noexcept {
    ULONG count = 0;
    const BOOL taken =
        win::system().dequeue(port_.get(), batch.data(), static_cast<ULONG>(batch.size()), &count, timeout, TRUE);
    return batch.first(taken != FALSE ? count : 0);
}

void completion_port::post_wake() const noexcept {
    // Needs non-paged memory, which the system may lack for a moment. A lost wake would be a hang.
    win::insist("PostQueuedCompletionStatus", [this] { return win::system().post(port_.get(), 0, wake_key, nullptr); });
}

} // namespace moor::iocp
