// Entries are put on the level of the highest digit in which they differ from now, and come down a level when that
// digit is reached.
#include "sched/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace moor::sched {

void timer_wheel::start(timer_entry& entry, std::uint64_t due) noexcept {
    entry.due = due;
    insert(entry);
    ++size_;
}

bool timer_wheel::cancel(timer_entry& entry) noexcept {
    if (!entry.running()) {
        return false;
    }
    unlink(entry);
    --size_;
    return true;
}

// The level is that of the highest digit (base 64) in which the due tick differs from now: there the slot lies ahead of
// now's own digit, and all higher digits agree. An entry that is due already shares now's slot on level 0.
void timer_wheel::insert(timer_entry& entry) noexcept {
    const std::uint64_t due = std::clamp(entry.due, now_, now_ + std::min(furthest, never - now_));
    const std::uint64_t difference = (due ^ now_) | (slots - 1);
    unsigned level = (63u - static_cast<unsigned>(std::countl_zero(difference))) / level_bits;
    unsigned slot = 0;
    if (level >= levels) { // across a boundary of the whole wheel: the furthest slot is looked at again in time
        level = levels - 1;
        slot = (static_cast<unsigned>(now_ >> (level * level_bits)) + slots - 1) & (slots - 1);
    } else {
        slot = static_cast<unsigned>(due >> (level * level_bits)) & (slots - 1);
    }
    timer_entry*& head = heads_[level][slot];
    entry.next = head;
    entry.link = &head;
    if (head != nullptr) {
        head->link = &entry.next;
    }
    head = &entry;
    occupied_[level] |= std::uint64_t{1} << slot;
}

void timer_wheel::unlink(timer_entry& entry) noexcept {
    *entry.link = entry.next;
    if (entry.next != nullptr) {
        entry.next->link = entry.link;
    } else {
        // Perhaps the slot is empty now: only when the link was a head, which its address tells.
        timer_entry** const first = &heads_[0][0];
        timer_entry** const last = first + std::size_t{levels} * slots;
        if (entry.link >= first && entry.link < last) {
            const auto index = static_cast<std::size_t>(entry.link - first);
            if (*entry.link == nullptr) {
                occupied_[index / slots] &= ~(std::uint64_t{1} << (index % slots));
            }
        }
    }
    entry.next = nullptr;
    entry.link = nullptr;
}

// Lower levels hold nearer ticks than higher ones, always: so the first slot of the lowest occupied level is next.
bool timer_wheel::first_occupied(position& found) const noexcept {
    for (unsigned level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) {
            continue;
        }
        const unsigned shift = level * level_bits;
        const auto own = static_cast<unsigned>(now_ >> shift) & (slots - 1);
        const auto ahead = static_cast<unsigned>(std::countr_zero(std::rotr(occupied_[level], static_cast<int>(own))));
        const unsigned slot = (own + ahead) & (slots - 1);
        const std::uint64_t tick = ((now_ >> shift) + ahead) << shift;
        found = {level, slot, std::max(tick, now_)};
        return true;
    }
    return false;
}

std::uint64_t timer_wheel::next_due() const noexcept {
    position first{};
    return first_occupied(first) ? first.tick : never;
}

timer_entry* timer_wheel::expire(std::uint64_t now) noexcept {
    position first{};
    while (first_occupied(first) && first.tick <= now) {
        now_ = first.tick;
        timer_entry*& head = heads_[first.level][first.slot];
        if (first.level == 0) {
            timer_entry& expired = *head;
            unlink(expired);
            --size_;
            return &expired;
        }
        // Distribute the slot over the levels below, now that its digit is reached.
        timer_entry* moving = head;
        head = nullptr;
        occupied_[first.level] &= ~(std::uint64_t{1} << first.slot);
        while (moving != nullptr) {
            timer_entry* const following = moving->next;
            insert(*moving);
            moving = following;
        }
    }
    now_ = std::max(now_, now);
    return nullptr;
}

} // namespace moor::sched
