// See adversary.hpp. Its life, what it looks at when a call is submitted, and how calls end.
#include "support/adversary.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "iocp/socket_address.hpp"
#include "support/pattern_search.hpp"

namespace moor::test {
namespace {

constexpr std::int32_t status_pending = 0x00000103;
constexpr auto status_cancelled = static_cast<std::int32_t>(0xC0000120);

} // namespace

adversary::adversary(std::uint32_t seed, const habits& wanted)
    : habits_(wanted), service_(*iocp::current_io().service), table_(make_table()), random_(seed),
      thread_([this] { run(); }) {
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

void adversary::script(kind which, const scripted_end& end) {
    const std::lock_guard guard(lock_);
    scripts_[which].push_back(end);
}

void adversary::before_submission(std::function<void(SOCKET)> function) {
    const std::lock_guard guard(lock_);
    before_submission_ = std::move(function);
}

std::size_t adversary::pending() const {
    const std::lock_guard guard(lock_);
    return pending_.size();
}

std::size_t adversary::pending_on(SOCKET socket) const {
    const std::lock_guard guard(lock_);
    return static_cast<std::size_t>(
        std::count_if(pending_.begin(), pending_.end(), [socket](const call& each) { return each.socket == socket; }));
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

std::uint64_t adversary::scribbles() const {
    const std::lock_guard guard(lock_);
    return scribbles_;
}

std::vector<std::string> adversary::offences() const {
    const std::lock_guard guard(lock_);
    return offences_;
}

// ---- Submission --------------------------------------------------------------------------------------------------

// The error that the call returns, nothing when the system shall have it.
std::optional<std::uint32_t> adversary::submit(call submitted) {
    ++calls_[submitted.what];
    buffers_of_last_call_ = submitted.buffer_count;
    check(submitted);
    submitted.buffers_at_start.assign(submitted.buffers, submitted.buffers + submitted.buffer_count);
    if (submitted.to != nullptr) {
        const auto* const name = reinterpret_cast<const std::byte*>(submitted.to);
        submitted.to_at_start.assign(name, name + submitted.to_length);
    }
    const simulated* const socket = find(submitted.socket);
    const bool skips_packets = socket == nullptr || socket->skips_packets;
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
    } else if (habits_.by_hand) {
        submitted.result_is_fixed = true; // by end_call()
    } else if (socket == nullptr) {
        return std::nullopt;
    } else if (can_end(submitted) && chance(habits_.at_once)) {
        submitted.result_is_fixed = true;
        transfer(submitted);
        ends_at_once = true;
    }
    if (!ends_at_once) {
        submitted.overlapped->Internal = static_cast<ULONG_PTR>(status_pending);
        pending_.push_back(std::move(submitted));
        return WSA_IO_PENDING;
    }
    write_results(submitted);
    *submitted.transferred = submitted.count;
    const std::uint32_t error = submitted.status == 0 ? 0 : WSAEMSGSIZE; // the only warning there is
    if (!skips_packets) {
        pending_.push_back(std::move(submitted));
    }
    return error;
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
    const auto expect_inside = [this, first](const void* address, std::size_t size, const char* what) {
        const auto* const byte = static_cast<const std::byte*>(address);
        if (byte != nullptr && (byte < first || byte + size > first + sizeof(iocp::operation))) {
            offend(fmt::format("{} outside the operation", what));
        }
    };
    expect_inside(submitted.buffers, submitted.buffer_count * sizeof(WSABUF), "a WSABUF array");
    expect_inside(submitted.transferred, sizeof(DWORD), "a byte count");
    expect_inside(submitted.flags, sizeof(DWORD), "flags");
    expect_inside(submitted.block, submitted.block_size, "addresses");
    expect_inside(submitted.from, submitted.from_size, "a sender's address");
    expect_inside(submitted.from_length, sizeof(int), "the length of a sender's address");
    expect_inside(submitted.to, static_cast<std::size_t>(submitted.to_length), "a receiver's address");
    for (const call& each : pending_) {
        if (each.overlapped == submitted.overlapped) {
            offend("an operation was submitted again while it was pending");
        }
    }
}

// ---- Completion --------------------------------------------------------------------------------------------------

bool adversary::chance(double share) { return std::uniform_real_distribution<double>(0, 1)(random_) < share; }

void adversary::scribble(const call& pending) {
    // A word at a time and from the instruction itself: a register would carry the pattern to where registers are
    // saved.
    const auto over = [](void* output, std::size_t size) {
        auto* const words = static_cast<volatile std::uint32_t*>(output);
        for (std::size_t index = 0; output != nullptr && index < size / sizeof *words; ++index) {
            words[index] = scribble_pattern;
        }
    };
    over(pending.transferred, sizeof(DWORD));
    over(pending.flags, sizeof(DWORD));
    over(pending.block, pending.block_size);
    over(pending.from, pending.from_size);
    over(pending.from_length, sizeof(int));
    over(&pending.overlapped->InternalHigh, sizeof pending.overlapped->InternalHigh);
    ++scribbles_;
}

// What the packet's reader may rely on. The byte count is not among it: Microsoft says that it may be wrong for an
// overlapped call, so half of the time it stays as it was scribbled over.
void adversary::write_results(call& ending) {
    if (ending.transferred != nullptr && chance(0.5)) {
        *ending.transferred = ending.count;
    }
    if (ending.flags != nullptr) {
        *ending.flags = 0;
    }
    if (ending.block != nullptr) {
        std::memset(ending.block, 0, ending.block_size);
    }
    if (ending.from != nullptr) {
        sockaddr_storage sender{};
        *ending.from_length = iocp::to_sockaddr(ending.sender, sender);
        std::memcpy(ending.from, &sender, std::min(ending.from_size, sizeof sender));
    }
    ending.overlapped->InternalHigh = ending.count;
    ending.overlapped->Internal = static_cast<ULONG_PTR>(ending.status);
}

void adversary::settle(call& ending) {
    for (DWORD index = 0; index < ending.buffer_count; ++index) {
        const WSABUF& now = ending.buffers[index];
        const WSABUF& then = ending.buffers_at_start[index];
        if (now.buf != then.buf || now.len != then.len) {
            offend("the WSABUF array changed while its call was pending");
        }
    }
    if (ending.to != nullptr && std::memcmp(ending.to, ending.to_at_start.data(), ending.to_at_start.size()) != 0) {
        offend("the receiver's address changed while its call was pending");
    }
    if (!ending.result_is_fixed) {
        if (ending.cancelled && (!can_end(ending) || chance(0.5))) {
            ending.status = status_cancelled;
        } else {
            transfer(ending);
        }
    }
    scribble(ending);
    write_results(ending);
}

void adversary::post(const call& ended) {
    ::PostQueuedCompletionStatus(service_.port.native_handle(), ended.count,
                                 static_cast<ULONG_PTR>(iocp::completion_port::key::operation), ended.overlapped);
}

bool adversary::end_call(SOCKET socket, const scripted_end& end) {
    std::unique_lock guard(lock_);
    const auto found =
        std::find_if(pending_.begin(), pending_.end(), [socket](const call& each) { return each.socket == socket; });
    if (found == pending_.end()) {
        return false;
    }
    call ended = std::move(*found);
    pending_.erase(found);
    ended.status = end.status;
    ended.count = end.count;
    ended.sender = peer();
    if (ended.what == kind::receive || ended.what == kind::receive_from) {
        std::size_t left = end.count;
        for (DWORD index = 0; index < ended.buffer_count && left != 0; ++index) {
            const std::size_t step = std::min<std::size_t>(left, ended.buffers[index].len);
            std::memset(ended.buffers[index].buf, 0x5a, step);
            left -= step;
        }
    }
    settle(ended);
    guard.unlock();
    post(ended);
    return true;
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

// The search is this thread's, because its stack is the only one on which a pattern may be.
std::vector<std::string> adversary::search_memory() {
    std::unique_lock guard(lock_);
    search_wanted_ = true;
    changed_.notify_all();
    changed_.wait(guard, [this] { return !search_wanted_; });
    return std::move(found_);
}

void adversary::run() noexcept {
    std::unique_lock guard(lock_);
    while (!ending_ || !pending_.empty()) {
        if (search_wanted_) {
            for (const call& each : pending_) {
                scribble(each);
            }
            found_ = patterns_outside(service_.pool, ~scribble_pattern);
            search_wanted_ = false;
            changed_.notify_all();
        }
        if (!habits_.by_hand && look_at_pending(guard)) {
            guard.unlock();
            std::this_thread::yield();
            guard.lock();
        } else if (!ending_) {
            changed_.wait(guard);
        }
    }
}

} // namespace moor::test
