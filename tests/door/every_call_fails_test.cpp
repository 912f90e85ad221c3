// Every entry of the table of system calls fails once with each error that is documented for it, at the start of a
// service, in its use and at its end. The service is run once to number the calls of each entry, and then again and
// again with one call that fails: it reports the error to whoever made the call, or does without; nothing hangs, no
// handle, no operation, no coroutine and no memory is left, and the next run works. Errors after which somebody would
// wait for ever end the process, with a message that names the function: each in a child process.
//
// How many sites there are depends on the scheduling; without MOOR_LONG_TESTS a few calls of each part fail, spread
// over all of them, with the errors in turn.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/error.hpp>

#include "door/failing_system.hpp"
#include "door/service.hpp"
#include "support/child.hpp"
#include "support/process_figures.hpp"
#include "support/watchdog.hpp"

namespace moor::test {
namespace {

#if defined(MOOR_TEST_LONG)
constexpr bool whole_product = true;
constexpr std::size_t most_sites = 1000;
#else
constexpr bool whole_product = false;
constexpr std::size_t most_sites = 6;
#endif

constexpr std::array<entry, entry_count> all_entries = [] {
    std::array<entry, entry_count> all{};
    for (std::size_t index = 0; index != entry_count; ++index) {
        all[index] = static_cast<entry>(index);
    }
    return all;
}();
constexpr std::array parts{part_of_run::start, part_of_run::use, part_of_run::end};

std::string text_of(const call_fault& fault) {
    return fmt::format("{} {} of the {} with error {}", rule_of(fault.which).name, fault.number,
                       part_names[static_cast<std::size_t>(fault.part)], fault.error);
}

// ---- What a run must be ------------------------------------------------------------------------------------------

// Errors that follow from another one: a peer that is gone, a wait that came to its end.
bool is_a_consequence(const std::error_code& error) {
    return error == std::errc::operation_canceled || error == std::errc::timed_out ||
           error == std::errc::connection_reset || error == std::errc::connection_aborted ||
           error == std::errc::not_connected || error == std::errc::resource_unavailable_try_again ||
           error == stream_errc::end_of_stream;
}

struct verdict {
    bool reached = false;
    bool reported = false;
    std::string wrong;
};

verdict run_with(const call_fault& fault) {
    failing_system::arm(fault);
    const service_result result = run_service();
    verdict seen;
    seen.reached = failing_system::has_failed();
    const std::error_code injected(fault.error, winsock_category());
    for (const std::error_code& each : result.errors) {
        seen.reported = seen.reported || each == injected;
    }
    for (const std::error_code& each : result.errors) {
        if (each != injected && !is_a_consequence(each)) {
            seen.wrong += fmt::format("reported {} ({}); ", each.value(), each.message());
        }
    }
    for (const std::string& each : result.wrong) {
        seen.wrong += each + "; ";
    }
    seen.wrong += failing_system::left_open();
    return seen;
}

// The sites of a part that fail, of so many.
std::vector<std::uint64_t> sites_of(std::uint64_t calls) {
    std::vector<std::uint64_t> sites;
    const std::uint64_t count = std::min<std::uint64_t>(calls, most_sites);
    for (std::uint64_t index = 0; index != count; ++index) {
        sites.push_back(count == 1 ? 0 : index * (calls - 1) / (count - 1));
    }
    return sites;
}

std::vector<call_fault> faults_of(entry which, part_of_run part, std::uint64_t calls, std::span<const int> errors) {
    std::vector<call_fault> faults;
    const auto sites = sites_of(calls);
    if (sites.empty() || errors.empty()) {
        return faults;
    }
    if (whole_product) {
        for (const std::uint64_t site : sites) {
            for (const int error : errors) {
                faults.push_back({which, part, site, error});
            }
        }
        return faults;
    }
    // Each site and each error, at least once.
    for (std::size_t index = 0; index != std::max(sites.size(), errors.size()); ++index) {
        faults.push_back({which, part, sites[index % sites.size()], errors[index % errors.size()]});
    }
    return faults;
}

using call_counts = std::array<std::array<std::uint64_t, part_count>, entry_count>;

call_counts count_calls() {
    call_counts most{};
    for (int run = 0; run != 3; ++run) {
        failing_system::arm(std::nullopt);
        const service_result result = run_service();
        EXPECT_TRUE(result.errors.empty()) << result.errors.front().message();
        EXPECT_TRUE(result.wrong.empty()) << result.wrong.front();
        EXPECT_EQ(failing_system::left_open(), "");
        for (const entry which : all_entries) {
            for (const part_of_run part : parts) {
                auto& known = most[static_cast<std::size_t>(which)][static_cast<std::size_t>(part)];
                known = std::max(known, failing_system::calls(which, part));
            }
        }
    }
    return most;
}

// ---- In a process of its own -------------------------------------------------------------------------------------

constexpr const char* fault_variable = "MOOR_TEST_FAULT";

std::optional<call_fault> fault_of_process() {
    const char* const text = std::getenv(fault_variable);
    unsigned which = 0;
    unsigned part = 0;
    unsigned long long number = 0;
    int error = 0;
    if (text == nullptr || std::sscanf(text, "%u,%u,%llu,%d", &which, &part, &number, &error) != 4) {
        return std::nullopt;
    }
    return call_fault{static_cast<entry>(which), static_cast<part_of_run>(part), number, error};
}

const scenario one_fault("one_fault", [] {
    const auto fault = fault_of_process();
    if (!fault) {
        std::exit(2);
    }
    const failing_system system;
    const verdict seen = run_with(*fault);
    if (!seen.wrong.empty() || !seen.reached) {
        std::fprintf(stderr, "%s\n", seen.reached ? seen.wrong.c_str() : "not reached");
        std::exit(1);
    }
});

child_end run_fault_in_child(const call_fault& fault) {
    const std::string text = fmt::format("{},{},{},{}", static_cast<unsigned>(fault.which),
                                         static_cast<unsigned>(fault.part), fault.number, fault.error);
    ::SetEnvironmentVariableA(fault_variable, text.c_str());
    child_end end = run_in_child(one_fault);
    ::SetEnvironmentVariableA(fault_variable, nullptr);
    return end;
}

// The first call of that entry fails, in the first part of the run that has one: `judge` looks at what became of the
// process. False when there is none.
template <class Judge>
bool first_in_child(entry which, int error, Judge judge) {
    for (const part_of_run part : parts) {
        const call_fault fault{which, part, 0, error};
        const child_end end = run_fault_in_child(fault);
        if (end.error_output.find("not reached") == std::string::npos) {
            judge(fault, end);
            return true;
        }
    }
    return false;
}

// Entries that are called once in a process, or not at all in one that has called them before.
constexpr std::array once_in_a_process{entry::list_providers, entry::read_file, entry::version};

// ---- The tests ---------------------------------------------------------------------------------------------------

TEST(door, lists_errors_for_every_entry) {
    for (const entry which : all_entries) {
        const entry_rule& rule = rule_of(which);
        ASSERT_NE(rule.name, nullptr) << "entry " << static_cast<unsigned>(which);
        EXPECT_EQ(rule.errors.empty(), rule.result == fails_as::not_at_all) << rule.name;
    }
}

TEST(door, every_call_may_fail_once) {
    const failing_system system;
    std::atomic<std::uint64_t> runs{0};
    std::string now = "no fault";
    std::mutex lock; // guards it
    const watchdog guard(
        std::chrono::seconds(60), [&] { return runs.load(); },
        [&] {
            const std::lock_guard own(lock);
            return now;
        });
    static_cast<void>(run_service()); // what is asked of the system once
    const call_counts calls = count_calls();
    ASSERT_FALSE(HasFailure());
    std::uint64_t all_sites = 0;
    std::uint64_t all_runs = 0;
    for (const entry which : all_entries) {
        const entry_rule& rule = rule_of(which);
        if (rule.errors.empty()) {
            continue;
        }
        std::uint64_t sites = 0;
        std::uint64_t tried = 0;
        std::uint64_t reported = 0;
        std::uint64_t missed = 0;
        const std::uint64_t heap_before = heap_bytes();
        const std::uint64_t reserved_before = reserved_bytes();
        for (const part_of_run part : parts) {
            const std::uint64_t here = calls[static_cast<std::size_t>(which)][static_cast<std::size_t>(part)];
            sites += here;
            for (const call_fault& fault : faults_of(which, part, here, rule.errors)) {
                {
                    const std::lock_guard own(lock);
                    now = text_of(fault);
                }
                const verdict seen = run_with(fault);
                runs.fetch_add(1);
                EXPECT_EQ(seen.wrong, "") << now;
                tried += seen.reached ? 1 : 0;
                missed += seen.reached ? 0 : 1;
                reported += seen.reported ? 1 : 0;
            }
        }
        EXPECT_LE(heap_bytes(), heap_before + 64 * 1024) << rule.name << " leaves memory of the heap behind";
        EXPECT_LE(reserved_bytes(), reserved_before + 8 * 1024 * 1024) << rule.name << " leaves address space behind";
        const bool is_once =
            std::find(once_in_a_process.begin(), once_in_a_process.end(), which) != once_in_a_process.end();
        EXPECT_TRUE(tried != 0 || is_once) << rule.name << " was never called";
        std::printf("[  faults  ] %-34s %4llu sites x %2zu errors: %4llu runs survived, %llu reported the error, %llu "
                    "calls did not come\n",
                    rule.name, static_cast<unsigned long long>(sites), rule.errors.size(),
                    static_cast<unsigned long long>(tried), static_cast<unsigned long long>(reported),
                    static_cast<unsigned long long>(missed));
        all_sites += sites;
        all_runs += tried;
    }
    std::printf("[  faults  ] in all: %llu sites, %llu runs%s\n", static_cast<unsigned long long>(all_sites),
                static_cast<unsigned long long>(all_runs), HasFailure() ? "" : ", all survived");
}

TEST(door, what_is_asked_once_may_fail) {
    unsigned runs = 0;
    for (const entry which : once_in_a_process) {
        for (const int error : rule_of(which).errors) {
            const auto reached = first_in_child(which, error, [&](const call_fault& fault, const child_end& end) {
                EXPECT_FALSE(end.hung) << text_of(fault);
                EXPECT_EQ(end.exit_status, 0u) << text_of(fault) << ": " << end.error_output;
            });
            EXPECT_TRUE(reached) << rule_of(which).name << " was never called";
            ++runs;
        }
    }
    std::printf("[  faults  ] asked once in a process: %u runs survived\n", runs);
}

TEST(door, what_must_not_be_lost_ends_the_process_with_its_name) {
    unsigned runs = 0;
    for (const entry which : all_entries) {
        const entry_rule& rule = rule_of(which);
        for (const int error : rule.final_errors) {
            const auto reached = first_in_child(which, error, [&](const call_fault& fault, const child_end& end) {
                EXPECT_FALSE(end.hung) << text_of(fault);
                EXPECT_EQ(end.exit_status, 3u) << text_of(fault);
                const std::string words = fmt::format("moor: the system refuses {}: error {}\n", rule.name, error);
                EXPECT_NE(end.error_output.find(words), std::string::npos)
                    << text_of(fault) << ": " << end.error_output;
            });
            EXPECT_TRUE(reached) << rule.name << " was never called";
            ++runs;
        }
    }
    std::printf("[  faults  ] ended with the name of the call: %u runs\n", runs);
}

} // namespace
} // namespace moor::test
