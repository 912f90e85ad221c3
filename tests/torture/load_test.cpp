// The library under the load of the original report, under every switch that makes such bugs visible: nothing lost,
// nothing corrupted, no late write seen. Beside each the same load with the wrong variant of one call, in a process of
// its own that may come to any end but a clean one. At the end it prints the table.
//
// MOOR_TORTURE_MILLISECONDS makes each run longer than the 300 of the ordinary tests (cmake -P cmake/torture.cmake).
#include <array>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "support/child.hpp"
#include "torture/load.hpp"
#include "torture/stacks.hpp"

namespace moor::test {
namespace {

struct row {
    const char* switches; ///< as in MOOR_DEBUG, beside preempt_storm; empty: no other
    bool movable = true;  ///< it is about movable stacks
    /// Copies that every session's stack has seen at least, where it moves. Without shrinking it only grows, from
    /// 2 KiB to the 64 KiB that it needs; when it begins with those it stays. From 8 KiB there are seven.
    std::uint64_t copies = 10;
};

constexpr std::array rows{
    row{"", false},
    row{"async_preempt_off=1", false},
    row{"stack_min=2048"},
    row{"stack_min=4096"},
    row{"stack_min=8192", true, 5},
    row{"stack_min=65536", true, 0},
    row{"stack_poison_copy=1"},
    row{"stack_fault_on_free=1"},
    row{"stack_no_cache=1"},
    row{"stack_fault_on_free=1,stack_no_cache=1"},
    row{"shrink_off=1", true, 2},
    row{"force_move=1"},
    row{"check_frames=1"},
};

constexpr unsigned repetitions = 3;
constexpr std::uint64_t least_preemptions = 100; // of each run, but where they are off
constexpr stack_kind own_kind = stack_kinds.back();

std::chrono::milliseconds run_length() {
    const char* const text = std::getenv("MOOR_TORTURE_MILLISECONDS");
    return std::chrono::milliseconds(text != nullptr ? std::strtoul(text, nullptr, 10) : 300);
}

load_plan plan_for(const row& wanted, receive_variant variant) {
    load_plan plan;
    plan.stack = own_kind;
    plan.variant = variant;
    plan.length = run_length();
    plan.switches.preempt_storm = true;
    if (*wanted.switches != '\0') {
        parse_debug_switches(wanted.switches, plan.switches);
    }
    return plan;
}

// ---- The wrong variant's process ---------------------------------------------------------------------------------

// Its last words.
void report(const char* how, const load_state& state) {
    std::fprintf(stderr, "%s, late writes: %llu, example: 0x%llx\n", how,
                 static_cast<unsigned long long>(state.found.late_writes.load()),
                 static_cast<unsigned long long>(state.found.example.load()));
}

// A call whose end the system could not write down never ends, and law 2 waits for it.
[[noreturn]] void give_up(const load_state& state) {
    report("hung", state);
    std::_Exit(4);
}

void run_wrong(const row& wanted) {
    load_plan plan = plan_for(wanted, receive_variant::wrong);
    plan.patience = std::chrono::seconds(2);
    load_state state(plan.length, plan.patience);
    std::atomic<bool> ended{false};
    std::thread watch([&] {
        const auto limit = load_state::clock::now() + plan.length + 3 * plan.patience;
        while (!ended.load()) {
            if (load_state::clock::now() >= limit) {
                give_up(state);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    });
    try {
        const load_result result = run_load(plan, state);
        report(result.lost + result.corrupted == 0 ? "went on" : "went on with false data", state);
    } catch (const std::exception&) {
        report("failed", state);
    }
    ended.store(true);
    watch.join();
}

template <std::size_t Index>
struct wrong_process {
    static constexpr char name[] = {'w', 'r', 'o', 'n', 'g', static_cast<char>('a' + Index), '\0'};
    static void run() { run_wrong(rows[Index]); }
    static inline const scenario made{name, &run};
};

template <std::size_t... Indices>
std::array<const scenario*, sizeof...(Indices)> all_scenarios(std::index_sequence<Indices...>) {
    return {&wrong_process<Indices>::made...};
}
const std::array wrong_processes = all_scenarios(std::make_index_sequence<rows.size()>());

// What became of it, in a few words; empty when nothing was seen.
std::string seen_in(const child_end& end) {
    const std::string& said = end.error_output;
    const std::size_t comma = said.find(", late writes: ");
    unsigned long long late = 0;
    unsigned long long example = 0;
    if (comma == std::string::npos ||
        std::sscanf(said.c_str() + comma, ", late writes: %llu, example: 0x%llx", &late, &example) != 2) {
        return end.hung ? "hung" : fmt::format("ended by 0x{:08x}", end.exit_status);
    }
    const std::string how = said.substr(0, comma);
    if (late == 0) {
        return how == "went on" ? "" : how;
    }
    return fmt::format("{} late writes, 0x{:08x}_{:08x}, {}", late, example >> 32, example & 0xffffffff, how);
}

// ---- The table ---------------------------------------------------------------------------------------------------

class table : public testing::Environment {
public:
    void add(const row& ran, const load_result& result, bool well) {
        const std::string head = *ran.switches != '\0' ? ran.switches : "default";
        lines_[&ran].first +=
            fmt::format("| {:<39} | {:<6} | {:>7} | {:>7} | {:>9} | {:>9} | {:>6} | {:>8} | {:>10} | {:>5} |", head,
                        well ? "well" : "FAILED", result.records, result.frames, result.datagrams, result.moves,
                        result.fewest_copies, result.preemptions, result.operations, result.late_writes);
        lines_[&ran].first += '\n';
    }
    void add_wrong(const row& ran, const std::string& seen) { lines_[&ran].second = seen; }

    void TearDown() override {
        if (lines_.empty()) {
            return;
        }
        std::printf("| beside preempt_storm                    | result | records | frames  | datagrams | moves     | "
                    "copies | preempt. | operations | late  | the wrong variant\n");
        for (auto& [ran, line] : lines_) {
            std::string text = line.first;
            if (!text.empty()) {
                text.insert(text.find('\n'), " " + line.second);
            }
            std::fputs(text.c_str(), stdout);
        }
    }

private:
    std::map<const row*, std::pair<std::string, std::string>> lines_;
};
table* const results = static_cast<table*>(testing::AddGlobalTestEnvironment(new table));

// ---- The tests ---------------------------------------------------------------------------------------------------

class torture : public testing::TestWithParam<std::size_t> {
protected:
    void SetUp() override {
        if (GetParam() >= rows.size()) {
            GTEST_FAIL();
        }
    }
    static const row& own() { return rows[GetParam()]; }
};

std::string name_of_row(const testing::TestParamInfo<std::size_t>& tested) {
    std::string name = *rows[tested.param].switches != '\0' ? rows[tested.param].switches : "default";
    for (char& each : name) {
        each = std::isalnum(static_cast<unsigned char>(each)) != 0 ? each : '_';
    }
    return name;
}

std::vector<std::size_t> rows_of_this_compiler() {
    std::vector<std::size_t> found;
    for (std::size_t index = 0; index != rows.size(); ++index) {
        if (!rows[index].movable || own_kind == stack_kind::movable) {
            found.push_back(index);
        }
    }
    return found;
}
INSTANTIATE_TEST_SUITE_P(under, torture, testing::ValuesIn(rows_of_this_compiler()), name_of_row);

TEST_P(torture, loses_nothing_and_sees_no_late_write) {
    for (unsigned time = 0; time != repetitions; ++time) {
        load_plan plan = plan_for(own(), receive_variant::library);
        plan.preemptions = plan.switches.async_preempt_off ? 0 : least_preemptions;
        load_state state(plan.length, plan.patience);
        const load_result result = run_load(plan, state);
        EXPECT_EQ(result.lost, 0u);
        EXPECT_EQ(result.corrupted, 0u);
        EXPECT_EQ(result.late_writes, 0u);
        EXPECT_EQ(result.operations_in_use, 0u);
        EXPECT_GT(result.records, 0u);
        EXPECT_GT(result.datagrams, 0u);
        EXPECT_GE(result.preemptions, plan.preemptions);
        if (own_kind == stack_kind::movable) {
            EXPECT_GE(result.fewest_copies, own().copies);
        }
        results->add(own(), result, !HasFailure());
    }
}

TEST_P(torture, sees_the_late_writes_of_the_wrong_variant) {
    const child_end end = run_in_child(*wrong_processes[GetParam()]);
    const std::string seen = seen_in(end);
    EXPECT_NE(seen, "") << end.error_output;
    results->add_wrong(own(), seen);
}

} // namespace
} // namespace moor::test
