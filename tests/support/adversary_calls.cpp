// The adversary's table: each function writes down what it was given, has submit() decide, and hands on to the system
// what is not the adversary's.
#include "support/adversary.hpp"

#include <new>

#include <utility>

namespace moor::test {

win::system_calls adversary::make_table() {
    return {
        .receive = &adversary::receive,
        .send = &adversary::send,
        .accept = &adversary::accept,
        .connect = &adversary::connect,
        .receive_from = &adversary::receive_from,
        .send_to = &adversary::send_to,
        .receive_message = &adversary::receive_message,
        .send_message = &adversary::send_message,
        .disconnect = &adversary::disconnect,
        .send_file = &adversary::send_file,
        .result = &adversary::result,
        .cancel = &adversary::cancel,
    };
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
        look_again();
        ::WSASetLastError(static_cast<int>(*error));
    }
    return error;
}

adversary::call adversary::start(kind what, SOCKET socket, OVERLAPPED* overlapped) {
    call submitted;
    submitted.what = what;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    return submitted;
}

void adversary::call::add_buffers(WSABUF* array, DWORD length, DWORD* count_of_bytes) {
    buffers = array;
    buffer_count = length;
    transferred = count_of_bytes;
    add_input("the WSABUF array", array, length * sizeof(WSABUF));
    add_output("the byte count", count_of_bytes, sizeof(DWORD));
}

int WSAAPI adversary::receive(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD* flags,
                              OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted = start(kind::receive, socket, overlapped);
    submitted.add_buffers(buffers, count, transferred);
    submitted.flags = flags;
    submitted.add_output("the flags", flags, sizeof *flags);
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.receive(socket, buffers, count, transferred, flags, overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::send(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD flags,
                           OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted = start(kind::send, socket, overlapped);
    submitted.add_buffers(buffers, count, transferred);
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.send(socket, buffers, count, transferred, flags, overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::receive_from(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD* flags,
                                   sockaddr* from, int* from_length, OVERLAPPED* overlapped,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted = start(kind::receive_from, socket, overlapped);
    submitted.add_buffers(buffers, count, transferred);
    submitted.flags = flags;
    submitted.from = from;
    submitted.from_length = from_length;
    submitted.add_output("the flags", flags, sizeof *flags);
    submitted.add_output("the sender's address", from, static_cast<std::size_t>(*from_length));
    submitted.add_output("the length of the sender's address", from_length, sizeof *from_length);
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.receive_from(socket, buffers, count, transferred, flags, from, from_length,
                                                   overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::send_to(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD flags,
                              const sockaddr* to, int to_length, OVERLAPPED* overlapped,
                              LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted = start(kind::send_to, socket, overlapped);
    submitted.add_buffers(buffers, count, transferred);
    submitted.to = to;
    submitted.to_length = to_length;
    submitted.add_input("the receiver's address", to, static_cast<std::size_t>(to_length));
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.send_to(socket, buffers, count, transferred, flags, to, to_length, overlapped,
                                              routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::receive_message(SOCKET socket, WSAMSG* message, DWORD* transferred, OVERLAPPED* overlapped,
                                      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted = start(kind::receive_message, socket, overlapped);
    submitted.add_buffers(message->lpBuffers, message->dwBufferCount, transferred);
    submitted.flags = &message->dwFlags;
    submitted.from = message->name;
    submitted.from_length = &message->namelen;
    submitted.control_length = &message->Control.len;
    submitted.add_output("the flags", &message->dwFlags, sizeof message->dwFlags);
    submitted.add_output("the sender's address", message->name, static_cast<std::size_t>(message->namelen));
    submitted.add_output("the length of the sender's address", &message->namelen, sizeof message->namelen);
    submitted.add_output("the control messages", message->Control.buf, message->Control.len);
    submitted.add_output("the length of the control messages", &message->Control.len, sizeof message->Control.len);
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.receive_message(socket, message, transferred, overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::send_message(SOCKET socket, WSAMSG* message, DWORD flags, DWORD* transferred,
                                   OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    call submitted = start(kind::send_message, socket, overlapped);
    submitted.add_buffers(message->lpBuffers, message->dwBufferCount, transferred);
    submitted.to = message->name;
    submitted.to_length = message->namelen;
    submitted.add_input("the message's header", message, sizeof *message);
    submitted.add_input("the receiver's address", message->name, static_cast<std::size_t>(message->namelen));
    submitted.add_input("the control messages", message->Control.buf, message->Control.len);
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.send_message(socket, message, flags, transferred, overlapped, routine);
    }
    return *error == 0 ? 0 : SOCKET_ERROR;
}

BOOL PASCAL adversary::accept(SOCKET listener, SOCKET accepted, void* block, DWORD data_size, DWORD local_size,
                              DWORD remote_size, DWORD* transferred, OVERLAPPED* overlapped) noexcept {
    call submitted = start(kind::accept, listener, overlapped);
    submitted.transferred = transferred;
    submitted.add_output("the byte count", transferred, sizeof *transferred);
    submitted.add_output("the address block", block, std::size_t{data_size} + local_size + remote_size);
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.accept(listener, accepted, block, data_size, local_size, remote_size, transferred,
                                             overlapped);
    }
    return *error == 0 ? TRUE : FALSE;
}

BOOL PASCAL adversary::connect(SOCKET socket, const sockaddr* name, int length, void* data, DWORD data_size,
                               DWORD* transferred, OVERLAPPED* overlapped) noexcept {
    call submitted = start(kind::connect, socket, overlapped);
    submitted.transferred = transferred;
    submitted.add_output("the byte count", transferred, sizeof *transferred);
    submitted.add_input("the peer's address", name, static_cast<std::size_t>(length));
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.connect(socket, name, length, data, data_size, transferred, overlapped);
    }
    return *error == 0 ? TRUE : FALSE;
}

BOOL PASCAL adversary::disconnect(SOCKET socket, OVERLAPPED* overlapped, DWORD flags, DWORD reserved) noexcept {
    const auto error = active_.load()->take(start(kind::disconnect, socket, overlapped));
    if (!error) {
        return win::real_system_calls.disconnect(socket, overlapped, flags, reserved);
    }
    return *error == 0 ? TRUE : FALSE;
}

BOOL PASCAL adversary::send_file(SOCKET socket, HANDLE file, DWORD bytes, DWORD bytes_per_send, OVERLAPPED* overlapped,
                                 TRANSMIT_FILE_BUFFERS* around, DWORD flags) noexcept {
    call submitted = start(kind::send_file, socket, overlapped);
    submitted.add_input("the data around the file", around, sizeof *around);
    const auto error = active_.load()->take(std::move(submitted));
    if (!error) {
        return win::real_system_calls.send_file(socket, file, bytes, bytes_per_send, overlapped, around, flags);
    }
    return *error == 0 ? TRUE : FALSE;
}

std::uint32_t adversary::start_users_call(void* handle, OVERLAPPED* overlapped, std::span<std::byte> scratch,
                                          std::span<std::byte> into) noexcept {
    const auto place = scratch.begin();
    auto* const buffer = new (&*place) WSABUF{static_cast<ULONG>(into.size()), reinterpret_cast<char*>(into.data())};
    auto* const count = new (&*(place + sizeof *buffer)) DWORD{};
    call submitted = start(kind::users, reinterpret_cast<SOCKET>(handle), overlapped);
    submitted.add_buffers(buffer, 1, count);
    return take(std::move(submitted)).value_or(ERROR_NOT_SUPPORTED);
}

// Starts nothing, and is still to be asked only of a call that has ended, on an open socket, and with addresses in the
// operation.
BOOL WSAAPI adversary::result(SOCKET socket, OVERLAPPED* overlapped, DWORD* transferred, BOOL waits,
                              DWORD* flags) noexcept {
    adversary& self = *active_.load();
    {
        const std::lock_guard guard(self.lock_);
        ++self.results_;
        call asked = start(kind::receive, socket, overlapped);
        asked.add_output("the byte count of a result", transferred, sizeof *transferred);
        asked.add_output("the flags of a result", flags, sizeof *flags);
        self.check(asked);
        if (waits != FALSE) {
            self.offend("a result was waited for");
        }
        int type = 0;
        int length = sizeof type;
        if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &length) != 0) {
            self.offend("a result was asked for on a socket that is closed");
        }
    }
    const auto status = static_cast<std::uint32_t>(overlapped->Internal);
    if (status >> 28 == 0xe) {
        ::WSASetLastError(static_cast<int>(status & 0xffff)); // see scripted_end::status_named
        return FALSE;
    }
    return win::real_system_calls.result(socket, overlapped, transferred, waits, flags);
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
    self.look_again();
    return found ? TRUE : win::real_system_calls.cancel(handle, overlapped);
}

} // namespace moor::test
