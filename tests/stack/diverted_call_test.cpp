// Calls from code with stack checks to code without: each runs on the worker's system stack by itself, with its
// arguments, result, callbacks and exceptions; covered code is called as ever.
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include <moor/preempt.hpp>

#include "preempt/under_storm.hpp"
#include "stack/on_movable.hpp"
#include "stack/without_checks.hpp"
#include "support/child.hpp"
#include "win/teb.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::HasSubstr;
namespace without = ::without_checks;

std::uint64_t system_stack() { return win::teb::read(win::teb::field::deallocation_stack); }

bool teb_has_the_running_stack() {
    std::uint64_t pointer = 0;
    asm volatile("movq %%rsp, %0" : "=r"(pointer));
    return win::teb::on_current_stack(reinterpret_cast<const void*>(pointer));
}

using several = std::vector<bool>;

TEST(diverted_call, runs_on_the_system_stack) {
    const several right = test::on_movable([] {
        several all;
        for (int round = 0; round < 3; ++round) {
            const std::uint64_t here = system_stack();
            const without::place seen = without::where();
            all.push_back(seen.on_it && seen.deep);
            all.push_back(seen.deallocation != here);
            all.push_back(test::moves_without_need() || system_stack() == here);
            this_coroutine::yield();
        }
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

TEST(diverted_call, runs_where_it_is_on_stacks_that_do_not_move) {
    const std::uint64_t here = system_stack();
    EXPECT_EQ(without::where().deallocation, here);
    test::in_runtime(1, [] {
        const std::uint64_t reserved = system_stack();
        EXPECT_EQ(without::where().deallocation, reserved);
    });
}

TEST(diverted_call, takes_arguments_and_results_of_every_kind) {
    const several right = test::on_movable([] {
        several all;
        all.push_back(without::no_argument() == 0x1122334455667788);
        all.push_back(without::floating(1, 2, 3, 4) == 1234);
        all.push_back(without::one_float(2.25f) == 4.5f);
        all.push_back(without::mixed(1, 2, 3, 4, 5, 6, {3, 4}, 8) == 87'654'321);
        const without::large given{{1, 2, 3, 4, 5, 6, 7, 8, 9}};
        const without::large made = without::returns_large(100, given);
        all.push_back(made.words[0] == 101 && made.words[8] == 117);
        const without::small two = without::returns_small(0x0000000200000001);
        all.push_back(two.first == 1 && two.second == 2);
        all.push_back(without::returns_string("ab") == "abab");
        all.push_back(without::returns_string(std::string(100, 'x')) == std::string(200, 'x'));
        std::uint64_t sum = 0;
        for (std::uint64_t each = 1; each <= 14; ++each) {
            sum = sum * 3 + each;
        }
        all.push_back(without::fourteen(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14) == sum);
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

template <std::size_t... Index>
std::uint64_t pass_on(std::array<std::uint64_t, 100>& seen, std::index_sequence<Index...>) {
    return without::with_100(&seen, (std::uint64_t{Index} + 1000)...);
}

TEST(diverted_call, takes_variable_arguments) {
    const several right = test::on_movable([] {
        several all;
        const auto seen = std::make_unique<std::array<std::uint64_t, 100>>();
        all.push_back(pass_on(*seen, std::make_index_sequence<99>()) == 99 * 1000 + 98 * 99 / 2);
        for (std::size_t index = 1; index != 100; ++index) {
            all.push_back((*seen)[index] == 1000 + index - 1);
        }
        std::array<char, 200> text{};
        all.push_back(without::print(text.data(), text.size(), "%d %s %.3f %d %d %g", 1, "two", 3.0, 4, 5, 6.5) == 19);
        all.push_back(std::string(text.data()) == "1 two 3.000 4 5 6.5");
        std::snprintf(text.data(), text.size(), "%s %d %.2f %d %d %d", "of MinGW", 1, 2.5, 3, 4, 5);
        all.push_back(std::string(text.data()) == "of MinGW 1 2.50 3 4 5");
        return all;
    });
    EXPECT_EQ(right.size(), 103u);
    EXPECT_THAT(right, Each(true));
}

// ---- Callbacks -----------------------------------------------------------------------------------------------------

std::uint64_t deeper(void* argument) {
    auto& count = *static_cast<unsigned*>(argument);
    const std::uint64_t here = system_stack();
    if (++count < 5) {
        return without::call_back(deeper, argument) == here && test::grow_by_kibibytes(40) ? here : 0;
    }
    return here;
}

TEST(diverted_call, calls_back) {
    const several right = test::on_movable([] {
        several all;
        unsigned count = 0;
        const std::uint64_t here = system_stack();
        const std::uint64_t there = without::call_back(deeper, &count);
        all.push_back(there != 0 && there != here && count == 5);
        int called = 0;
        without::call_any([&] { called += test::grow_by_kibibytes(20) ? 1 : 0; });
        all.push_back(called == 1);
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

int compare(const void* left, const void* right) {
    return *static_cast<const int*>(left) - *static_cast<const int*>(right);
}
BOOL CALLBACK count_locale(LPWSTR, DWORD, LPARAM context) {
    return ++*reinterpret_cast<unsigned*>(context) < 20 && test::grow_by_kibibytes(20) ? TRUE : FALSE;
}

TEST(diverted_call, goes_to_dlls) {
    const several right = test::on_movable([] {
        several all;
        std::array<int, 100> numbers;
        for (std::size_t index = 0; index != numbers.size(); ++index) {
            numbers[index] = static_cast<int>(index * 7919 % 101);
        }
        std::qsort(numbers.data(), numbers.size(), sizeof(int), compare);
        all.push_back(std::is_sorted(numbers.begin(), numbers.end()));
        unsigned locales = 0;
        ::EnumSystemLocalesEx(count_locale, LOCALE_ALL, reinterpret_cast<LPARAM>(&locales), nullptr);
        all.push_back(locales >= 10);
        ::SetLastError(77);
        all.push_back(::GetLastError() == 77);
        // By address: it is not known before it is there.
        using ticks = std::uint64_t(WINAPI*)();
        const auto count_ticks = reinterpret_cast<ticks>(
            reinterpret_cast<void*>(::GetProcAddress(::GetModuleHandleW(L"kernel32.dll"), "GetTickCount64")));
        all.push_back(count_ticks != nullptr && count_ticks() >= 1);
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

// Not on the system's stack only: nobody is there who could run meanwhile.
const test::scenario suspends_in_callback("suspends_in_callback", [] {
    test::on_movable([] {
        auto other = spawn([] {});
        without::call_any([] { this_coroutine::sleep_for(1ms); });
        other.join();
    });
});
TEST(diverted_call, suspending_in_a_callback_ends_the_process_with_a_message) {
    const auto end = test::run_in_child(suspends_in_callback);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, HasSubstr("called by a function without stack checks"));
}

// ---- Exceptions ----------------------------------------------------------------------------------------------------

struct counted {
    explicit counted(int& alive) : alive_(alive) { ++alive_; }
    ~counted() { --alive_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    int& alive_;
};

TEST(diverted_call, exceptions_leave_it) {
    const several right = test::on_movable([] {
        several all;
        int alive = 0;
        for (int round = 0; round < 20; ++round) {
            try {
                const counted local(alive);
                without::throw_runtime_error("thrown");
            } catch (const std::runtime_error& caught) {
                all.push_back(caught.what() == std::string("thrown") && alive == 0);
                all.push_back(std::uncaught_exceptions() == 0);
            }
            try { // by a callback, through it
                const counted local(alive);
                without::call_any([&] {
                    const counted inner(alive);
                    throw round;
                });
            } catch (int caught) {
                all.push_back(caught == round && alive == 0);
            }
            try { // with arguments on the stack of the call that it crosses
                std::vector<int>().at(3) = 1;
            } catch (const std::out_of_range& caught) {
                all.push_back(std::string(caught.what()).find("3") != std::string::npos);
            }
            try {
                std::stoi("no number");
            } catch (const std::invalid_argument&) {
                all.push_back(true);
            }
            this_coroutine::yield(); // the stack may move again
        }
        return all;
    });
    EXPECT_EQ(right.size(), 100u);
    EXPECT_THAT(right, Each(true));
}

// A throw of what is being handled, from a callback; a destructor that has such calls while another exception passes.
TEST(diverted_call, exceptions_in_flight_and_handled_ones) {
    struct cleaner {
        bool& fine;
        ~cleaner() {
            const int before = std::uncaught_exceptions();
            try {
                without::throw_runtime_error("in a destructor");
            } catch (const std::runtime_error&) {
                fine = before == 1 && std::uncaught_exceptions() == 1;
            }
        }
    };
    const several right = test::on_movable([] {
        several all;
        bool cleaned = false;
        try {
            const cleaner local{cleaned};
            without::call_any([] { throw std::logic_error("outer"); });
        } catch (const std::logic_error& caught) {
            all.push_back(cleaned && caught.what() == std::string("outer"));
        }
        try {
            try {
                throw std::string("again");
            } catch (const std::string&) {
                without::call_any([] { throw; });
            }
        } catch (const std::string& caught) {
            all.push_back(caught == "again");
        }
        all.push_back(std::uncaught_exceptions() == 0 && std::current_exception() == nullptr);
        all.push_back(test::grow_by_kibibytes(50));
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

// ---- Indirect calls, inline functions ------------------------------------------------------------------------------

struct covered_shape final : without::shape {
    std::uint64_t area(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) const override {
        return system_stack();
    }
};

TEST(diverted_call, virtual_functions) {
    const several right = test::on_movable([] {
        several all;
        const std::unique_ptr<without::shape> foreign(without::make_shape());
        const std::uint64_t here = system_stack();
        all.push_back(foreign->area(1, 2, 3, 4) == 4321);
        all.push_back(foreign->where_is_it().deallocation != here && foreign->where_is_it().deep);
        const std::unique_ptr<without::shape> own = std::make_unique<covered_shape>();
        const without::shape* volatile hidden = own.get();
        const std::uint64_t before = system_stack();
        const std::uint64_t seen = hidden->area(1, 2, 3, 4);
        all.push_back(seen == before || seen == system_stack()); // in between it may have moved
        all.push_back(hidden->where_is_it().deep);               // not overridden
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

TEST(diverted_call, inline_functions_of_both_kinds_of_files) {
    const several right = test::on_movable([] {
        several all;
        std::uint64_t (*volatile in_line)() = without::stack_of_inline;
        const std::uint64_t before = system_stack();
        const std::uint64_t seen = in_line();
        all.push_back(seen == before || seen == system_stack());
        all.push_back(without::stack_of_inline_without() != system_stack());
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

// In one program: the pass decides file by file.
TEST(diverted_call, of_a_spawn_makes_no_movable_stack_for_a_body_without_checks) {
    EXPECT_EQ(without_checks::check_limit_of_a_body(), 0u);
    EXPECT_NE(test::on_movable([] { return win::teb::read(win::teb::field::check_limit); }), 0u);
}

TEST(diverted_call, the_librarys_own_functions_by_address) {
    const bool right = test::on_movable([] {
        void (*volatile pause)() = this_coroutine::yield;
        auto other = spawn([] {});
        pause();
        other.join();
        return true;
    });
    EXPECT_TRUE(right);
}

// ---- Preemption ----------------------------------------------------------------------------------------------------

// Between any two instructions of the way there and back.
TEST(diverted_call, is_made_while_the_caller_is_preempted) {
    runtime running(test::storm(1));
    const test::until_preempted enough(running, test::scaled(200));
    const bool right = running.run([&] {
        std::vector<join_handle<bool>> all;
        for (int number = 0; number < 3; ++number) {
            all.push_back(spawn({.stack = stack_kind::movable}, [&enough] {
                const auto seen = std::make_unique<std::array<std::uint64_t, 100>>();
                bool fine = true;
                while (fine && !enough.over()) {
                    preemptible([&] {
                        for (int call = 0; call < 2000; ++call) {
                            without::nothing();
                            fine = fine && pass_on(*seen, std::make_index_sequence<99>()) == 99 * 1000 + 98 * 99 / 2;
                            fine = fine && teb_has_the_running_stack();
                        }
                    });
                }
                return fine;
            }));
        }
        bool fine = true;
        for (auto& each : all) {
            fine = each.join() && fine;
        }
        return fine;
    });
    EXPECT_TRUE(right);
    EXPECT_TRUE(enough.reached());
}

// ---- What real code calls -----------------------------------------------------------------------------------------

TEST(diverted_call, the_librarys_of_every_day) {
    const several right = test::on_movable([] {
        several all;
        std::ostringstream out;
        out << 3.25 << ' ' << 42 << ' ' << "text";
        all.push_back(out.str() == "3.25 42 text");
        double read = 0;
        std::istringstream("2.5") >> read;
        all.push_back(read == 2.5);
        all.push_back(!std::make_error_code(std::errc::timed_out).message().empty());
        all.push_back(!std::error_code(5, std::system_category()).message().empty());
        all.push_back((std::filesystem::path("a") / "b").generic_string() == "a/b");
        all.push_back(std::to_string(2.5) == "2.500000");
        const std::time_t now = 0;
        std::array<char, 100> text{};
        all.push_back(std::strftime(text.data(), text.size(), "%Y", std::gmtime(&now)) == 4);
        all.push_back(std::string(text.data()) == "1970");
        return all;
    });
    EXPECT_THAT(right, Each(true));
}

} // namespace
} // namespace moor
