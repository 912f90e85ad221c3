// See adversary.hpp.
#include "support/adversary.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace moor::test {
namespace {

constexpr std::int32_t status_pending = 0x00000103;
constexpr auto status_cancelled = static_cast<std::int32_t>(0xC0000120);
constexpr DWORD scribble_pattern = 0xdeadd00d;

HANDLE handle_of(SOCKET socket) { return reinterpret_cast<HANDLE>(socket); }

} // namespace

adversary::adversary(std::uint32_t seed, const habits& wanted)
    : habits_(wanted),
      service_(*iocp::current_io().service), table_{&adversary::receive, &adversary::send, &adversary::accept,
                                                    &adversary::connect, &adversary::cancel},
      random_(seed), thread_([this] { run(); }) {
    active_.store(this);
    iocp::replace_system_calls(&table_);
}

adversary::~adversary() {
    {
        const std::lock_guard guard(lock_);
        ending_ = true;
        for (call& each : pending_) {
            each.cancelled = true;
        }
    }
    changed_.notify_all();
    thread_.join();
    iocp::replace_system_calls(nullptr);
    active_.store(nullptr);
}

adversary::line adversary::make_line() {
    line made{win::unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP),
              win::unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP)};
    made.first.skips_packet_on_success = habits_.skip_packets;
    made.second.skips_packet_on_success = habits_.skip_packets;
    const std::lock_guard guard(lock_);
    sockets_[made.first.get()] = simulated{{}, made.second.get(), false, habits_.skip_packets};
    sockets_[made.second.get()] = simulated{{}, made.first.get(), false, habits_.skip_packets};
    return made;
}

void adversary::end_stream(SOCKET socket) {
    {
        const std::lock_guard guard(lock_);
        sockets_.at(sockets_.at(socket).other).ended = true;
    }
    changed_.notify_all();
}

void adversary::script(kind which, const scripted_end& end) {
    const std::lock_guard guard(lock_);
    scripts_[which].push_back(end);
}

std::size_t adversary::pending() const {
    const std::lock_guard guard(lock_);
    return pending_.size();
}

std::size_t adversary::calls(kind which) const {
    const std::lock_guard guard(lock_);
    const auto found = calls_.find(which);
    return found == calls_.end() ? 0 : found->second;
}

std::size_t adversary::buffers_of_last_call() const {
    const std::lock_guard guard(lock_);
    return buffers_of_last_call_;
}

std::uint64_t adversary::cancellations() const {
    const std::lock_guard guard(lock_);
    return cancellations_;
}

std::vector<std::string> adversary::offences() const {
    const std::lock_guard guard(lock_);
    return offences_;
}

// ---- The table ---------------------------------------------------------------------------------------------------

int WSAAPI adversary::receive(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD* flags,
                              OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    adversary& self = *active_.load();
    std::unique_lock guard(self.lock_);
    call submitted;
    submitted.what = kind::receive;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.buffers = buffers;
    submitted.buffer_count = count;
    submitted.transferred = transferred;
    submitted.flags = flags;
    const auto error = self.submit(std::move(submitted));
    guard.unlock();
    if (!error) {
        return iocp::real_system_calls().receive(socket, buffers, count, transferred, flags, overlapped, routine);
    }
    self.changed_.notify_all();
    ::WSASetLastError(static_cast<int>(*error));
    return *error == 0 ? 0 : SOCKET_ERROR;
}

int WSAAPI adversary::send(SOCKET socket, WSABUF* buffers, DWORD count, DWORD* transferred, DWORD flags,
                           OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
    adversary& self = *active_.load();
    std::unique_lock guard(self.lock_);
    call submitted;
    submitted.what = kind::send;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.buffers = buffers;
    submitted.buffer_count = count;
    submitted.transferred = transferred;
    const auto error = self.submit(std::move(submitted));
    guard.unlock();
    if (!error) {
        return iocp::real_system_calls().send(socket, buffers, count, transferred, flags, overlapped, routine);
    }
    self.changed_.notify_all();
    ::WSASetLastError(static_cast<int>(*error));
    return *error == 0 ? 0 : SOCKET_ERROR;
}

BOOL PASCAL adversary::accept(SOCKET listener, SOCKET accepted, void* block, DWORD data_size, DWORD local_size,
                              DWORD remote_size, DWORD* transferred, OVERLAPPED* overlapped) noexcept {
    adversary& self = *active_.load();
    std::unique_lock guard(self.lock_);
    call submitted;
    submitted.what = kind::accept;
    submitted.socket = listener;
    submitted.overlapped = overlapped;
    submitted.transferred = transferred;
    submitted.block = block;
    submitted.block_size = data_size + local_size + remote_size;
    const auto error = self.submit(std::move(submitted));
    guard.unlock();
    if (!error) {
        return iocp::real_system_calls().accept(listener, accepted, block, data_size, local_size, remote_size,
                                                transferred, overlapped);
    }
    self.changed_.notify_all();
    ::WSASetLastError(static_cast<int>(*error));
    return *error == 0 ? TRUE : FALSE;
}

BOOL PASCAL adversary::connect(SOCKET socket, const sockaddr* name, int length, void* data, DWORD data_size,
                               DWORD* transferred, OVERLAPPED* overlapped) noexcept {
    adversary& self = *active_.load();
    std::unique_lock guard(self.lock_);
    call submitted;
    submitted.what = kind::connect;
    submitted.socket = socket;
    submitted.overlapped = overlapped;
    submitted.transferred = transferred;
    // Only read by the system, but until the completion: the same rule.
    submitted.block = const_cast<sockaddr*>(name);
    const auto error = self.submit(std::move(submitted));
    guard.unlock();
    if (!error) {
        return iocp::real_system_calls().connect(socket, name, length, data, data_size, transferred, overlapped);
    }
    self.changed_.notify_all();
    ::WSASetLastError(static_cast<int>(*error));
    return *error == 0 ? TRUE : FALSE;
}

BOOL WINAPI adversary::cancel(HANDLE handle, OVERLAPPED* overlapped) noexcept {
    adversary& self = *active_.load();
    bool found = false;
    {
        const std::lock_guard guard(self.lock_);
        ++self.cancellations_;
        for (call& each : self.pending_) {
            if (handle_of(each.socket) == handle && (overlapped == nullptr || each.overlapped == overlapped)) {
                each.cancelled = true;
                found = true;
            }
        }
    }
    self.changed_.notify_all();
    return found ? TRUE : iocp::real_system_calls().cancel(handle, overlapped);
}

// ---- Submission --------------------------------------------------------------------------------------------------

// The error that the call returns, nothing when the system shall have it.
std::optional<std::uint32_t> adversary::submit(call submitted) {
    ++calls_[submitted.what];
    buffers_of_last_call_ = submitted.buffer_count;
    check(submitted);
    submitted.buffers_at_start.assign(submitted.buffers, submitted.buffers + submitted.buffer_count);
    const auto found = sockets_.find(submitted.socket);
    const bool skips_packets = found == sockets_.end() || found->second.skips_packets;
    bool ends_at_once = false;

    if (auto& waiting = scripts_[submitted.what]; !waiting.empty()) {
        const scripted_end end = waiting.front();
        waiting.pop_front();
        if (end.error != 0) {
            return end.error;
        }
        submitted.only_by_cancel = end.never;
        submitted.result_is_fixed = !end.never || end.count != 0;
        submitted.status = end.status;
        submitted.count = end.count;
        ends_at_once = !end.by_packet;
    } else if (found == sockets_.end()) {
        return std::nullopt;
    } else if (can_end(submitted) && chance(habits_.at_once)) {
        submitted.result_is_fixed = true;
        submitted.count = move_bytes(submitted);
        ends_at_once = true;
    }
    if (!ends_at_once) {
        submitted.overlapped->Internal = static_cast<ULONG_PTR>(status_pending);
        pending_.push_back(std::move(submitted));
        return WSA_IO_PENDING;
    }
    *submitted.transferred = submitted.count;
    submitted.overlapped->Internal = 0;
    submitted.overlapped->InternalHigh = submitted.count;
    if (!skips_packets) {
        pending_.push_back(std::move(submitted));
    }
    return 0;
}

void adversary::offend(std::string what) {
    if (offences_.size() < 20) {
        offences_.push_back(std::move(what));
    }
}

// Law 1: all of it lies in one operation of the runtime's pool.
void adversary::check(const call& submitted) {
    if (!service_.pool.owns(submitted.overlapped)) {
        offend("an OVERLAPPED outside the operation pool");
        return;
    }
    const auto* const first = reinterpret_cast<const std::byte*>(&iocp::operation::of(submitted.overlapped));
    const auto inside = [first](const void* address, std::size_t size) {
        const auto* const byte = static_cast<const std::byte*>(address);
        return byte == nullptr || (byte >= first && byte + size <= first + sizeof(iocp::operation));
    };
    if (!inside(submitted.buffers, submitted.buffer_count * sizeof(WSABUF))) {
        offend("a WSABUF array outside the operation");
    }
    if (!inside(submitted.transferred, sizeof(DWORD))) {
        offend("a byte count outside the operation");
    }
    if (!inside(submitted.flags, sizeof(DWORD))) {
        offend("flags outside the operation");
    }
    if (!inside(submitted.block, submitted.block_size)) {
        offend("addresses outside the operation");
    }
    for (const call& each : pending_) {
        if (each.overlapped == submitted.overlapped) {
            offend("an operation was submitted again while it was pending");
        }
    }
}

// ---- The simulated lines -----------------------------------------------------------------------------------------

bool adversary::chance(double share) { return std::uniform_real_distribution<double>(0, 1)(random_) < share; }

bool adversary::can_end(const call& waiting) const {
    if (waiting.only_by_cancel) {
        return false;
    }
    if (waiting.result_is_fixed || waiting.what == kind::send) {
        return true;
    }
    const auto found = sockets_.find(waiting.socket);
    return found != sockets_.end() && (found->second.ended || !found->second.incoming.empty());
}

std::uint32_t adversary::move_bytes(const call& moving) {
    simulated& here = sockets_.at(moving.socket);
    std::size_t wanted = 0;
    for (const WSABUF& each : moving.buffers_at_start) {
        wanted += each.len;
    }
    auto& bytes = moving.what == kind::send ? sockets_.at(here.other).incoming : here.incoming;
    std::size_t count = moving.what == kind::send ? wanted : std::min(wanted, bytes.size());
    if (count > 1 && !chance(habits_.whole)) {
        count = std::uniform_int_distribution<std::size_t>(1, count)(random_);
    }
    std::size_t left = count;
    // Read from the operation only now: the array must have lasted.
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
    return static_cast<std::uint32_t>(count);
}

// ---- Completion --------------------------------------------------------------------------------------------------

void adversary::scribble(const call& pending) {
    if (pending.transferred != nullptr) {
        *pending.transferred = scribble_pattern;
    }
    if (pending.flags != nullptr) {
        *pending.flags = scribble_pattern;
    }
    if (pending.what == kind::accept && pending.block != nullptr) {
        std::memset(pending.block, 0xdd, pending.block_size);
    }
    pending.overlapped->InternalHigh = scribble_pattern;
}

void adversary::settle(call& ending) {
    for (DWORD index = 0; index < ending.buffer_count; ++index) {
        const WSABUF& now = ending.buffers[index];
        const WSABUF& then = ending.buffers_at_start[index];
        if (now.buf != then.buf || now.len != then.len) {
            offend("the WSABUF array changed while its call was pending");
        }
    }
    if (!ending.result_is_fixed) {
        if (ending.cancelled && (!can_end(ending) || chance(0.5))) {
            ending.status = status_cancelled;
        } else {
            ending.count = move_bytes(ending);
        }
    }
    scribble(ending);
    ending.overlapped->InternalHigh = ending.count;
    ending.overlapped->Internal = static_cast<ULONG_PTR>(ending.status);
}

void adversary::post(const call& ended) {
    ::PostQueuedCompletionStatus(service_.port.native_handle(), ended.count,
                                 static_cast<ULONG_PTR>(iocp::completion_port::key::operation), ended.overlapped);
}

// One look at every pending call, in random order; says whether any of them could end.
bool adversary::look_at_pending(std::unique_lock<std::mutex>& guard) {
    bool any = false;
    std::shuffle(pending_.begin(), pending_.end(), random_);
    for (std::size_t index = 0; index < pending_.size();) {
        call& each = pending_[index];
        if (!each.cancelled && !can_end(each)) {
            ++index;
            continue;
        }
        any = true;
        if (!each.result_is_fixed) {
            scribble(each); // also while it stays pending
        }
        if (chance(habits_.patience)) {
            ++index;
            continue;
        }
        settle(each);
        const call ended = std::move(each);
        pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
        guard.unlock();
        post(ended);
        changed_.notify_all();
        guard.lock();
    }
    return any;
}

void adversary::run() noexcept {
    std::unique_lock guard(lock_);
    while (!ending_ || !pending_.empty()) {
        if (look_at_pending(guard)) {
            guard.unlock();
            std::this_thread::yield();
            guard.lock();
        } else if (!ending_) {
            changed_.wait(guard);
        }
    }
}

} // namespace moor::test
