// All channels of a select are locked at once, in the order of their addresses so that two selects cannot hold what the
// other one needs. Under these locks the cases are one unit: either one of them is ready and is done, or the caller
// stands in all queues with the same ticket, and the first that claims it decides.
//
// Rejected: looking at one channel after another. A partner could then be found while somebody else claims the own
// ticket through a channel that was looked at before, and neither side can be undone.
#include <moor/select.hpp>

#include <atomic>
#include <functional>
#include <utility>

#include "sync/waiting.hpp"

namespace moor::detail {
namespace {

// Xorshift, per thread: fairness needs no quality. Never zero.
std::uint32_t next_random() noexcept {
    static std::atomic<std::uint32_t> seeds{0x9e3779b9u};
    thread_local std::uint32_t state = 0;
    if (state == 0) {
        state = seeds.fetch_add(0x9e3779b9u, std::memory_order_relaxed) | 1u;
    }
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

// In 0 ... bound-1.
std::size_t random_below(std::size_t bound) noexcept {
    return static_cast<std::size_t>((std::uint64_t{next_random()} * bound) >> 32);
}

} // namespace

// Fills in_poll_order with a random permutation and in_lock_order with the order of the channels' addresses. Insertion
// sort: selects have few cases.
void selector::put_in_order() noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        const std::size_t other = random_below(i + 1);
        cases_[i]->in_poll_order = cases_[other]->in_poll_order;
        cases_[other]->in_poll_order = static_cast<std::uint16_t>(i);

        std::size_t place = i;
        for (; place > 0; --place) {
            const std::uint16_t before = cases_[place - 1]->in_lock_order;
            if (!std::less<>()(cases_[i]->channel, cases_[before]->channel)) {
                break;
            }
            cases_[place]->in_lock_order = before;
        }
        cases_[place]->in_lock_order = static_cast<std::uint16_t>(i);
    }
}

template <class Function>
void selector::for_each_channel(Function function) noexcept {
    const channel_core* last = nullptr;
    for (std::size_t i = 0; i < count_; ++i) {
        channel_core* const channel = cases_[cases_[i]->in_lock_order]->channel;
        if (channel != last) { // the same channel's cases are neighbours, null comes first
            function(*channel);
            last = channel;
        }
    }
}

void selector::unlock_all() noexcept {
    for_each_channel([](channel_core& channel) { channel.lock_.unlock(); });
}

// With all locks held: does the first case in poll order that is ready.
selector::outcome selector::poll(claimed_partner& partner) noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        channel_case& candidate = *cases_[cases_[i]->in_poll_order];
        if (candidate.channel == nullptr) {
            continue;
        }
        const channel_result result = candidate.sends ? candidate.channel->offer(candidate.slot, partner)
                                                      : candidate.channel->poll(candidate.slot, partner);
        if (result != channel_result::would_wait) {
            return of(candidate, result);
        }
    }
    return {no_case, channel_result::would_wait};
}

// A receive from a closed channel is an event like another; a send to one is an error.
selector::outcome selector::of(const channel_case& chosen, channel_result result) noexcept {
    if (result == channel_result::closed && !chosen.sends) {
        result = channel_result::done;
    }
    return {result == channel_result::done ? chosen.position : no_case, result};
}

// Enters with all locks held and leaves without.
selector::outcome selector::wait_for_any(const wait_limit& limit) noexcept {
    const bool may_time_out = timeout_position_ != no_case && timeout_ <= limit.deadline();
    const wait_limit limit_here = may_time_out ? limit.no_later_than(timeout_) : wait_limit();
    wait waiting("select", may_time_out ? limit_here : limit);
    for (std::size_t i = 0; i < count_; ++i) {
        channel_case& entry = *cases_[i];
        if (entry.channel != nullptr) {
            entry.ticket = waiting.ticket();
            (entry.sends ? entry.channel->senders_ : entry.channel->receivers_).push_back(entry);
        }
    }
    unlock_all();

    const wake_reason reason = waiting.suspend();
    for (std::size_t i = 0; i < count_; ++i) {
        channel_case& entry = *cases_[i];
        if (entry.channel != nullptr && entry.result == channel_result::would_wait) {
            entry.channel->lock_.lock();
            (entry.sends ? entry.channel->senders_ : entry.channel->receivers_).remove(entry);
            entry.channel->lock_.unlock();
        }
    }
    switch (reason) {
    case wake_reason::notified:
        for (std::size_t i = 0; i < count_; ++i) {
            if (cases_[i]->result != channel_result::would_wait) {
                return of(*cases_[i], cases_[i]->result);
            }
        }
        break; // never: whoever claims the ticket sets a result
    case wake_reason::timed_out:
        if (may_time_out) {
            return {timeout_position_, channel_result::done};
        }
        return {no_case, channel_result::timed_out};
    case wake_reason::stopped: break;
    }
    return {no_case, channel_result::stopped};
}

selector::outcome selector::run(const wait_limit& limit) noexcept {
    const bool waits = otherwise_position_ == no_case;
    if (waits && stop_is_due(limit)) {
        return {no_case, channel_result::stopped};
    }
    put_in_order();
    claimed_partner partner;
    for_each_channel([](channel_core& channel) { channel.lock_.lock(); });
    const outcome ready = poll(partner);
    if (ready.result != channel_result::would_wait) {
        unlock_all();
        partner.finish();
        return ready;
    }
    if (waits) {
        return wait_for_any(limit);
    }
    unlock_all();
    return {otherwise_position_, channel_result::done};
}

} // namespace moor::detail
