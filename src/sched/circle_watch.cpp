// Builds the graph of who waits for whom from the coroutines of a runtime, searches it for circles, and confirms a
// circle by looking at each of its waits twice more.
#include "sched/circle_watch.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <utility>

#include "sched/runtime_core.hpp"
#include "win/error.hpp"

namespace moor::sched {
namespace {

// More than anybody reads. A program that makes circles all the time is not to fill the memory with them.
constexpr std::size_t most_known = 64;

// The graph of those who wait: by number, in the order of their ids.
class graph {
public:
    template <class Waiting>
    explicit graph(const std::vector<Waiting>& nodes) {
        // Children of groups, by group.
        for (std::size_t index = 0; index < nodes.size(); ++index) {
            if (nodes[index].group != nullptr) {
                children_.emplace_back(nodes[index].group, index);
            }
        }
        std::sort(children_.begin(), children_.end());
        edges_.reserve(nodes.size());
        for (const Waiting& each : nodes) {
            if (each.on.group != nullptr) {
                const auto first =
                    std::lower_bound(children_.begin(), children_.end(), std::pair(each.on.group, std::size_t{0}));
                auto last = first;
                while (last != children_.end() && last->first == each.on.group) {
                    ++last;
                }
                edges_.push_back({static_cast<std::size_t>(first - children_.begin()),
                                  static_cast<std::size_t>(last - children_.begin()), true});
                continue;
            }
            const std::uint64_t id = each.on.holder != nullptr ? each.holder : each.on.coroutine;
            const auto found =
                std::lower_bound(nodes.begin(), nodes.end(), id,
                                 [](const Waiting& node, std::uint64_t wanted) { return node.id < wanted; });
            const auto index = static_cast<std::size_t>(found - nodes.begin());
            const bool is_there = found != nodes.end() && found->id == id;
            edges_.push_back({index, index + (is_there ? 1 : 0), false});
        }
    }

    // Calls `take` with the numbers of each circle that a search in depth meets. Every node is on one that is met when
    // it is on any, or a circle that is met keeps it waiting.
    template <class Take>
    void circles(Take&& take) const {
        enum class state : std::uint8_t { untouched, on_path, done };
        std::vector<state> states(edges_.size(), state::untouched);
        struct step {
            std::size_t node;
            std::size_t next; // edge to follow
        };
        std::vector<step> path;
        for (std::size_t start = 0; start < edges_.size(); ++start) {
            if (states[start] != state::untouched) {
                continue;
            }
            path.push_back({start, edges_[start].first});
            states[start] = state::on_path;
            while (!path.empty()) {
                step& last = path.back();
                const targets& to = edges_[last.node];
                if (last.next == to.end) {
                    states[last.node] = state::done;
                    path.pop_back();
                    continue;
                }
                const std::size_t target = to.of_group ? children_[last.next].second : last.next;
                ++last.next;
                if (states[target] == state::on_path) {
                    std::vector<std::size_t> circle;
                    auto from = path.end();
                    do {
                        --from;
                        circle.push_back(from->node);
                    } while (from->node != target);
                    std::reverse(circle.begin(), circle.end());
                    take(circle);
                } else if (states[target] == state::untouched) {
                    states[target] = state::on_path;
                    path.push_back({target, edges_[target].first}); // `last` is gone
                }
            }
        }
    }

private:
    struct targets {
        std::size_t first;
        std::size_t end;
        bool of_group; // these are numbers in children_, else of nodes
    };
    std::vector<std::pair<const void*, std::size_t>> children_;
    std::vector<targets> edges_;
};

} // namespace

std::uint64_t circle_watch::begun() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& each : runtime_.workers) {
        sum += each->dependent_waits.value_acquire();
    }
    return sum;
}

DWORD circle_watch::until_next_look(steady::time_point now) const noexcept {
    auto due = steady::time_point::max();
    if (begun() != searched_) {
        due = next_search_;
    }
    for (const circle& each : known_) {
        if (!each.reported) {
            due = std::min(due, each.since + unsure_after);
        }
    }
    if (due == steady::time_point::max()) {
        return INFINITE;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now).count();
    return static_cast<DWORD>(std::clamp<std::int64_t>(left, 1, 60'000));
}

void circle_watch::look(steady::time_point now) noexcept {
    if (now >= next_search_) {
        if (const std::uint64_t waits = begun(); waits != searched_) {
            try {
                search(now);
                searched_ = waits;
            } catch (const std::exception&) { // no memory: later, perhaps
            }
            const auto took = detail::now() - now;
            next_search_ = now + took + std::max<steady::duration>(interval, took * share);
        }
    }
    if (!known_.empty()) {
        judge(now);
    }
}

circle_watch::waiting circle_watch::seen(detail::coroutine& each) noexcept {
    waiting one;
    one.wait = each.unended_wait();
    one.id = each.id.load(std::memory_order_acquire);
    if (one.wait == 0 || one.id == 0 || !each.read_waits_on(one.wait, one.on, one.holder)) {
        return {};
    }
    one.who = &each;
    one.group = each.group.load(std::memory_order_relaxed);
    return one;
}

std::vector<circle_watch::waiting> circle_watch::all_waiting() {
    std::vector<waiting> all;
    runtime_.coroutines.for_each([&all](detail::coroutine& each) {
        if (const waiting one = seen(each); one.who != nullptr) {
            all.push_back(one);
        }
    });
    std::sort(all.begin(), all.end(), [](const waiting& left, const waiting& right) { return left.id < right.id; });
    return all;
}

// Each member is seen in the same wait twice more, and what it waits for is read between these times: whoever reads a
// holder has seen all of them wait before, and sees all of them wait afterwards.
bool circle_watch::is_there(const circle& found) noexcept {
    const auto unchanged = [](const waiting& each) { return seen(*each.who) == each; };
    return std::all_of(found.members.begin(), found.members.end(), unchanged) &&
           std::all_of(found.members.begin(), found.members.end(), unchanged);
}

void circle_watch::search(steady::time_point now) {
    const std::vector<waiting> all = all_waiting();
    if (all.empty()) {
        return;
    }
    graph(all).circles([&](const std::vector<std::size_t>& numbers) {
        std::vector<waiting> members;
        members.reserve(numbers.size());
        for (const std::size_t number : numbers) {
            members.push_back(all[number]);
        }
        const auto lowest =
            std::min_element(members.begin(), members.end(),
                             [](const waiting& left, const waiting& right) { return left.id < right.id; });
        std::rotate(members.begin(), lowest, members.end());
        add(std::move(members), now);
    });
}

void circle_watch::add(std::vector<waiting> members, steady::time_point now) {
    const auto is_same = [&members](const circle& each) { return each.members == members; };
    if (known_.size() < most_known && std::none_of(known_.begin(), known_.end(), is_same)) {
        known_.push_back({std::move(members), now});
    }
}

void circle_watch::judge(steady::time_point now) noexcept {
    std::erase_if(known_, [](const circle& each) { return !is_there(each); });
    for (circle& each : known_) {
        const bool stoppable = std::any_of(each.members.begin(), each.members.end(), [](const waiting& member) {
            return detail::coroutine::ends_by_stop(member.wait);
        });
        if (each.reported || (stoppable && now - each.since < unsure_after)) {
            continue;
        }
        each.reported = true;
        std::vector<const detail::coroutine*> members;
        members.reserve(each.members.size());
        for (const waiting& member : each.members) {
            members.push_back(member.who);
        }
        runtime_.reports->blocked_in_circle(members, !stoppable);
        if (!stoppable && runtime_.options.on_deadlock == deadlock_action::end_process) {
            win::fatal("deadlock");
        }
    }
}

} // namespace moor::sched
