// Programs that load and free a DLL with moor inside: nothing of it is left when it has gone, it does not go while a
// runtime of it lives, and the process ends as it does without.
#include "win/loader.hpp"

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>

#include "support/child.hpp"
#include "win/loader_plugin.hpp"
#include "win/windows.hpp"

namespace moor::win {
namespace {

using testing::HasSubstr;

constexpr const wchar_t* first_file = L"moor_test_plugin.dll";
constexpr const wchar_t* second_file = L"moor_test_second_plugin.dll";

void say(const char* what) {
    ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), what, static_cast<DWORD>(std::string_view(what).size()), nullptr,
                nullptr);
}

[[noreturn]] void fail(const char* what) {
    say(what);
    ::TerminateProcess(::GetCurrentProcess(), 99);
    for (;;) {
        ::Sleep(INFINITE);
    }
}

void check(bool holds, const char* what) {
    if (!holds) {
        fail(what);
    }
}

const test::plugin& load(const wchar_t* file) {
    const HMODULE module = ::LoadLibraryW(file);
    check(module != nullptr, "the plug-in does not load");
    const auto function = ::GetProcAddress(module, "moor_test_plugin");
    check(function != nullptr, "the plug-in exports nothing");
    return *reinterpret_cast<test::plugin_function>(reinterpret_cast<void*>(function))();
}

bool is_loaded(const wchar_t* file) { return ::GetModuleHandleW(file) != nullptr; }

void free_once(const wchar_t* file) { ::FreeLibrary(::GetModuleHandleW(file)); }

// Every handler of the process is asked.
void throw_and_catch() {
    try {
        throw std::runtime_error("an ordinary exception of the host");
    } catch (const std::exception&) {
    }
}

constexpr const char* all_done = "done"; // a process that dies of a handler which has gone may end with status 0

void expect_success(const test::scenario& wanted) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 0u);
    EXPECT_EQ(end.error_output, all_done);
}

const test::scenario freed("freed", [] {
    for (int round = 0; round < 3; ++round) {
        load(first_file).use_for_a_moment();
        throw_and_catch();
        free_once(first_file);
        check(!is_loaded(first_file), "the plug-in is still loaded");
        throw_and_catch();
    }
    say(all_done);
});
TEST(loader, nothing_of_a_dll_is_left_when_it_is_freed) { expect_success(freed); }

LONG WINAPI filter_of_host(EXCEPTION_POINTERS*) { return EXCEPTION_CONTINUE_SEARCH; }

const test::scenario filter_restored("filter_restored", [] {
    ::SetUnhandledExceptionFilter(&filter_of_host);
    load(first_file).use_for_a_moment();
    check(::SetUnhandledExceptionFilter(nullptr) == &filter_of_host, "the filter is not the one from before");
    say(all_done);
});
TEST(loader, the_filter_for_unhandled_exceptions_is_as_before) { expect_success(filter_restored); }

const test::scenario filter_chained("filter_chained", [] {
    ::SetUnhandledExceptionFilter(nullptr); // that of the C runtime would write something
    const test::plugin& plugin = load(first_file);
    plugin.keep_a_runtime();
    const auto of_plugin = ::SetUnhandledExceptionFilter(&filter_of_host);
    plugin.drop_the_runtime();
    free_once(first_file);
    check(is_loaded(first_file), "the plug-in's filter is gone, and the host may call it");
    EXCEPTION_RECORD nothing{};
    CONTEXT registers{};
    EXCEPTION_POINTERS both{&nothing, &registers};
    of_plugin(&both);
    check(::SetUnhandledExceptionFilter(nullptr) == &filter_of_host, "the host's filter was replaced");
    say(all_done);
});
TEST(loader, a_dll_whose_filter_somebody_may_call_stays) { expect_success(filter_chained); }

const test::scenario runtime_lives("runtime_lives", [] {
    const test::plugin& plugin = load(first_file);
    plugin.keep_a_runtime();
    free_once(first_file);
    check(is_loaded(first_file), "the plug-in is gone, and its workers run on");
    load(first_file).drop_the_runtime();
    free_once(first_file);
    check(!is_loaded(first_file), "the plug-in is still loaded");
    throw_and_catch();
    say(all_done);
});
TEST(loader, a_dll_stays_while_a_runtime_of_it_lives) { expect_success(runtime_lives); }

const test::scenario static_runtime("static_runtime", [] {
    load(first_file).keep_a_runtime();
    free_once(first_file);
    say(all_done);
});
TEST(loader, a_process_ends_although_a_static_object_of_a_dll_has_a_runtime) { expect_success(static_runtime); }

const test::scenario ended_by_unloading("ended_by_unloading", [] {
    const test::plugin& plugin = load(first_file);
    plugin.keep_a_runtime();
    load(second_file).call_at_unload(plugin.drop_the_runtime);
    free_once(second_file);
});
TEST(loader, a_runtime_that_ends_under_the_loaders_lock_ends_the_process_with_a_message) {
    const auto end = test::run_in_child(ended_by_unloading);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, HasSubstr("a runtime ends within DllMain or with a static object of a DLL"));
}

TEST(loader, its_lock_is_not_held_in_ordinary_code) {
    EXPECT_FALSE(holds_loader_lock());
    EXPECT_FALSE(process_is_ending());
}

} // namespace
} // namespace moor::win
