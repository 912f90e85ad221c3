// The adversary's table: each function writes down what it was given, has submit() decide, and hands on to the system
// what is not the adversary's.
#include "support/adversary.hpp"

#include <utility>

namespace moor::test {

iocp::system_calls adversary::make_table() {
    iocp::system_calls table = iocp::real_system_calls();
    table.receive = &adversary::receive;
    table.send = &adversary::send;
    table.accept = &adversary::accept;
    table.connect = &adversary::connect;
    table.cancel = &adversary::cancel;
    table.receive_from = &adversary::receive_from;
    table.send_to = &adversary::send_to;
    return table;
}

// The error that the call returns, which is set; nothing when the system shall have it.
std::optional<std::uint32_t> adversary::take(call submitted) {
    std::unique_lock guard(lock_);
    if (before_submission_) {
        const auto function = std::exchange(before_submission_, {});
        guard.unlock();
        function(submitted.socket);
        guard.lock();
    }
    const auto error = submit(std::move(submitted));
    guard.unlock();
    if (error) {
        changed_.notify_all();
        ::WSASetLastError(static_cast<int>(*error));
    }
    return error;
}

int WSAAPI adversary::receive(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD* flags,
                              OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted;
    submitted.what = kind::receive;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.buffers = buffers;
    submitted.buffer_count = count;
    submitted.transferred = transferred;
    submitted.flags = flags;
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return iocp::real_system_calls().receive(socket, buffers, count, transferred, flags, overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::send(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD flags,
                           OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted;
    submitted.what = kind::send;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.buffers = buffers;
    submitted.buffer_count = count;
    submitted.transferred = transferred;
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return iocp::real_system_calls().send(socket, buffers, count, transferred, flags, overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::receive_from(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD* flags,
                                   sockaddr* from, int* from_length, OVERLAPPED* overlapped,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted;
    submitted.what = kind::receive_from;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.buffers = buffers;
    submitted.buffer_count = count;
    submitted.transferred = transferred;
    submitted.flags = flags;
    submitted.from = from;
    submitted.from_length = from_length;
    submitted.from_size = from_length != nullptr ? static_cast<std::size_t>(*from_length) : 0;
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return iocp::real_system_calls().receive_from(socket, buffers, count, transferred, flags, from, from_length,
                                                      overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::send_to(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD flags,
                              const sockaddr* to, int to_length, OVERLAPPED* overlapped,
                              LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted;
    submitted.what = kind::send_to;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.buffers = buffers;
    submitted.buffer_count = count;
    submitted.transferred = transferred;
    submitted.to = to;
    submitted.to_length = to_length;
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return iocp::real_system_calls().send_to(socket, buffers, count, transferred, flags, to, to_length, overlapped,
                                                 routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

BOOL PASCAL adversary::accept(SOCKET listener, SOCKET accepted, void* block, DWORD data_size, DWORD local_size,
                              DWORD remote_size, DWORD* transferred, OVERLAPPED* overlapped) noexcept {
    call submitted;
    submitted.what = kind::accept;
    submitted.socket = listener;
    submitted.overlapped = overlapped;
    submitted.transferred = transferred;
    submitted.block = block;
    submitted.block_size = data_size + local_size + remote_size;
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return iocp::real_system_calls().accept(listener, accepted, block, data_size, local_size, remote_size,
                                                transferred, overlapped);
    }
    return *error == 0 ? TRUE : FALSE;
}

BOOL PASCAL adversary::connect(SOCKET socket, const sockaddr* name, int length, void* data, DWORD data_size,
                               DWORD* transferred, OVERLAPPED* overlapped) noexcept {
    call submitted;
    submitted.what = kind::connect;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.transferred = transferred;
    submitted.to = name;
    submitted.to_length = length;
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return iocp::real_system_calls().connect(socket, name, length, data, data_size, transferred, overlapped);
    }
    return *error == 0 ? TRUE : FALSE;
}

BOOL WINAPI adversary::cancel(HANDLE handle, OVERLAPPED* overlapped) noexcept {
    adversary& self = *active_.load();
    bool found = false;
    {
        const std::lock_guard guard(self.lock_);
        ++self.cancellations_;
        for (call& each : self.pending_) {
            if (reinterpret_cast<HANDLE>(each.socket) == handle &&
                (overlapped == nullptr || each.overlapped == overlapped)) {
                each.cancelled = true;
                found = true;
            }
        }
    }
    self.changed_.notify_all();
    return found ? TRUE : iocp::real_system_calls().cancel(handle, overlapped);
}

} // namespace moor::test
