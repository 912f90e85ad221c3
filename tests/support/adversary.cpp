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
    : habits_(wanted), service_(*io::current_io().service), random_(seed), thread_([this] { run(); }) {
    active_.store(this);
    replaced_.emplace(make_table());
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
    replaced_.reset();
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

bool adversary::is_cancelled(SOCKET socket) const {
    const std::lock_guard guard(lock_);
    const auto found =
        std::find_if(pending_.begin(), pending_.end(), [socket](const call& each) { return each.socket == socket; });
    return found != pending_.end() && found->cancelled;
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

std::uint64_t adversary::results() const {
    const std::lock_guard guard(lock_);
    return results_;
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
    for (parameter& each : submitted.parameters) {
        if (!each.written && each.address != nullptr) {
            const auto* const bytes = static_cast<const std::byte*>(each.address);
            each.at_start.assign(bytes, bytes + each.size);
        }
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
    if (submitted.transferred != nullptr) {
        *submitted.transferred = submitted.count;
    }
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

// Law 1: all of it lies in one operation of the pool of the runtime that makes the call; there may be others beside the
// adversary's own.
void adversary::check(const call& submitted) {
    const iocp::io_service* const caller = io::current_io().service;
    if (!(caller != nullptr ? *caller : service_).pool.owns(submitted.overlapped)) {
        offend("an OVERLAPPED outside the operation pool");
        return;
    }
    const auto* const first = reinterpret_cast<const std::byte*>(&iocp::operation::of(submitted.overlapped));
    for (const parameter& each : submitted.parameters) {
        const auto* const address = static_cast<const std::byte*>(each.address);
        if (address != nullptr && (address < first || address + each.size > first + sizeof(iocp::operation))) {
            offend(fmt::format("{} outside the operation", each.name));
        }
    }
    for (const call& each : pending_) {
        if (each.overlapped == submitted.overlapped) {
            offend("an operation was submitted or asked about while it was pending");
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
    for (const parameter& each : pending.parameters) {
        if (each.written) {
            over(each.address, each.size);
        }
    }
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
    if (ending.from != nullptr) {
        sockaddr_storage sender{};
        *ending.from_length = iocp::to_sockaddr(ending.sender, sender);
        std::memcpy(ending.from, &sender, static_cast<std::size_t>(*ending.from_length));
    }
    if (ending.control_length != nullptr) {
        *ending.control_length = 0;
    }
    ending.overlapped->InternalHigh = ending.count;
    ending.overlapped->Internal = static_cast<ULONG_PTR>(ending.status);
}

void adversary::finish_call(call& ending) {
    for (const parameter& each : ending.parameters) {
        if (!each.at_start.empty() && std::memcmp(each.address, each.at_start.data(), each.size) != 0) {
            offend(fmt::format("{} changed while its call was pending", each.name));
        }
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
    if (ended.what == kind::receive || ended.what == kind::receive_from || ended.what == kind::receive_message ||
        ended.what == kind::users) {
        std::size_t left = end.count;
        for (DWORD index = 0; index < ended.buffer_count && left != 0; ++index) {
            const std::size_t step = std::min<std::size_t>(left, ended.buffers[index].len);
            std::memset(ended.buffers[index].buf, 0x5a, step);
            left -= step;
        }
    }
    finish_call(ended);
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
        finish_call(each);
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

// Something has changed that the thread may act on.
void adversary::look_again() {
    if (!habits_.by_hand) {
        changed_.notify_all();
    }
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
        if ((!habits_.by_hand || ending_) && look_at_pending(guard)) {
            guard.unlock();
            std::this_thread::yield();
            guard.lock();
        } else if (!ending_) {
            changed_.wait(guard);
        }
    }
}

} // namespace moor::test
