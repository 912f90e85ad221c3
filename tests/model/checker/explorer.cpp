// The search, and how it remembers where it was.
#include "explorer.hpp"

#include <algorithm>
#include <cstdio>
#include <unordered_set>
#include <vector>

namespace moor::model {
namespace {

// A hash table from states to the most preemptions that were left there: a word each.
class state_table {
public:
    state_table() : words_(std::size_t{1} << 16) {}

    /// The entry, 0 when it is new: then it is to be set.
    std::uint8_t& at(std::uint64_t state) {
        if (used_ * 2 > words_.size()) {
            std::vector<entry> before(words_.size() * 4);
            before.swap(words_);
            for (const entry& each : before) {
                if (each.value != 0) {
                    find(each.state) = each;
                }
            }
        }
        entry& found = find(state);
        if (found.value == 0) {
            found.state = state;
            ++used_;
        }
        return found.value;
    }

    [[nodiscard]] std::size_t size() const noexcept { return used_; }

private:
    struct entry {
        std::uint64_t state = 0;
        std::uint8_t value = 0;
    };

    entry& find(std::uint64_t state) noexcept {
        const std::size_t mask = words_.size() - 1;
        std::size_t place = state & mask;
        while (words_[place].value != 0 && words_[place].state != state) {
            place = (place + 1) & mask;
        }
        return words_[place];
    }

    std::vector<entry> words_;
    std::size_t used_ = 0;
};

class depth_first final : public chooser {
public:
    unsigned choose(unsigned count) override {
        if (count < 2) {
            return 0;
        }
        if (depth_ == way_.size()) {
            way_.push_back({0, count});
        }
        return way_[depth_++].chosen;
    }

    // On the way that is only replayed everything is known, of course.
    bool is_known(std::uint64_t state, unsigned preemptions_left, unsigned stale_left) override {
        if (depth_ < way_.size()) {
            return false;
        }
        std::uint8_t& most_left = known_.at(mixed(state, stale_left));
        if (most_left > preemptions_left) {
            return true;
        }
        most_left = static_cast<std::uint8_t>(preemptions_left + 1);
        return false;
    }

    /// Prepares the next execution; false when there is none.
    bool next() noexcept {
        while (!way_.empty() && way_.back().chosen + 1 == way_.back().count) {
            way_.pop_back();
        }
        if (way_.empty()) {
            return false;
        }
        ++way_.back().chosen;
        depth_ = 0;
        return true;
    }

    [[nodiscard]] std::size_t states() const noexcept { return known_.size(); }

private:
    struct choice {
        unsigned chosen;
        unsigned count;
    };
    std::vector<choice> way_;
    std::size_t depth_ = 0;
    state_table known_; // the values are one more than the preemptions
};

std::string described(const std::vector<step>& steps) {
    std::string text;
    char line[400];
    for (const step& each : steps) {
        const source_place where = each.site != nullptr ? place_of(each.site) : source_place{};
        std::snprintf(line, sizeof line, "  thread %u %s%s 0x%llx, %s, at 0x%llx  %s:%u\n", each.thread, each.what,
                      each.is_stale ? " an old value" : "", static_cast<unsigned long long>(each.value),
                      name_of(each.use.order), static_cast<unsigned long long>(each.address), where.file.c_str(),
                      where.line);
        text += line;
    }
    return text;
}

} // namespace

findings explore(const scenario& what, const bounds& limits, const planted& fault,
                 std::chrono::steady_clock::duration most_time, executed_sites* executed) {
    findings found;
    depth_first ways;
    sharing shared;
    std::unordered_set<const void*> seen;
    const auto end = std::chrono::steady_clock::now() + most_time;
    for (;;) {
        execution one(what, limits, fault, shared, ways);
        const ending how = one.run();
        ++found.executions;
        found.outcomes |= how == ending::complete ? one.outcomes() : 0;
        found.too_long += how == ending::too_long;
        found.depth = std::max(found.depth, one.steps().size());
        if (executed != nullptr) {
            for (const step& each : one.steps()) {
                if (each.site != nullptr && seen.insert(each.site).second) {
                    executed->emplace(each.site, each.use);
                }
            }
        }
        if (how == ending::wrong) {
            found.complaint = one.complaint();
            if (fault.what == planted::kind::none) {
                found.trace = described(one.steps());
            }
            break;
        }
        if (shared.has_grown()) {
            ways = {};
        } else if (!ways.next()) {
            break;
        }
        if (found.executions % 256 == 0 && std::chrono::steady_clock::now() > end) {
            found.out_of_time = true;
            break;
        }
    }
    found.states = ways.states();
    return found;
}

} // namespace moor::model
