// See failing_system.hpp.
#include "door/failing_system.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <tuple>
#include <type_traits>

#include <fmt/format.h>

#include "win/last_error_scope.hpp"

namespace moor::test {
namespace {

using table = win::system_calls;

// ---- Counting and failing ----------------------------------------------------------------------------------------

std::array<std::array<std::atomic<std::uint64_t>, part_count>, entry_count> counts;
std::atomic<part_of_run> part_now{part_of_run::start};

// The armed fault; written while nothing calls.
std::atomic<unsigned> wanted_entry{static_cast<unsigned>(entry::how_many)};
std::atomic<part_of_run> wanted_part{};
std::atomic<std::uint64_t> wanted_number{0};
std::atomic<int> wanted_error{0};
std::atomic<bool> failed{false};

// Whether this call fails.
bool count(entry which) noexcept {
    const part_of_run part = part_now.load();
    const std::uint64_t number = counts[static_cast<std::size_t>(which)][static_cast<std::size_t>(part)].fetch_add(1);
    if (wanted_entry.load() != static_cast<unsigned>(which) || wanted_part.load() != part ||
        wanted_number.load() != number) {
        return false;
    }
    failed.store(true);
    return true;
}

// ---- What is open ------------------------------------------------------------------------------------------------

class open_list {
public:
    void open(std::uintptr_t handle, const char* by) {
        const std::lock_guard guard(lock_);
        open_[handle] = by;
    }
    // One that was opened before, or otherwise, is not in it.
    void close(std::uintptr_t handle) {
        const std::lock_guard guard(lock_);
        open_.erase(handle);
    }
    void forget() {
        const std::lock_guard guard(lock_);
        open_.clear();
    }
    std::string text() {
        const std::lock_guard guard(lock_);
        std::string all;
        for (const auto& [handle, by] : open_) {
            all += fmt::format("{:#x} of {}; ", handle, by);
        }
        return all;
    }

private:
    std::mutex lock_;
    std::map<std::uintptr_t, const char*> open_;
};
open_list opened;

template <class Result>
std::uintptr_t number_of(Result handle) noexcept {
    if constexpr (std::is_pointer_v<Result>) {
        return reinterpret_cast<std::uintptr_t>(handle);
    } else {
        return static_cast<std::uintptr_t>(handle);
    }
}

// ---- What stands in for one function -----------------------------------------------------------------------------

template <class Result>
Result result_of_failure(const entry_rule& rule, int error) noexcept {
    const auto as = [](std::intptr_t value) {
        if constexpr (std::is_pointer_v<Result>) {
            return reinterpret_cast<Result>(value);
        } else {
            return static_cast<Result>(value);
        }
    };
    switch (rule.result) {
    case fails_as::all_ones: return as(-1);
    case fails_as::the_error: return as(error);
    default: return as(0);
    }
}

template <entry Which, auto Member>
struct stand_in;

template <entry Which, class Result, class... Arguments, Result (*table::*Member)(Arguments...)>
struct stand_in<Which, Member> {
    static Result call(Arguments... given) {
        const bool fails = count(Which);
        if constexpr (std::is_void_v<Result>) {
            (win::real_system_calls.*Member)(given...);
        } else {
            const entry_rule& rule = rule_of(Which);
            note_close(given...);
            if (!fails) {
                return note_open((win::real_system_calls.*Member)(given...), given...);
            }
            if (rule.works) {
                (win::real_system_calls.*Member)(given...);
            }
            const int error = wanted_error.load();
            if constexpr (Which == entry::start_thread) {
                errno = error;
                ::SetLastError(ERROR_NOT_ENOUGH_MEMORY);
            } else {
                ::SetLastError(static_cast<DWORD>(error));
            }
            return result_of_failure<Result>(rule, error);
        }
    }

private:
    // Before the call: a value may be another thread's as soon as it is closed.
    static void note_close(const Arguments&... given) {
        if constexpr (Which == entry::close_socket || Which == entry::close_handle) {
            (opened.close(number_of(given)), ...);
        }
    }
    template <class Opened>
    static Opened note_open(Opened result, const Arguments&... given) {
        const win::last_error_scope kept;
        if (is_open(number_of(result)) && makes_one(given...)) {
            opened.open(number_of(result), rule_of(Which).name);
        }
        return result;
    }
    // Whether the result is a handle that the caller owns now.
    static bool is_open(std::uintptr_t result) noexcept {
        switch (Which) {
        case entry::open_socket:
        case entry::open_file: return result != ~std::uintptr_t{0};
        case entry::make_event:
        case entry::start_thread:
        case entry::associate: return result != 0;
        default: return false;
        }
    }
    static bool makes_one(const Arguments&... given) noexcept {
        if constexpr (Which == entry::associate) { // else it is the port, which was there before
            return std::get<0>(std::tie(given...)) == INVALID_HANDLE_VALUE;
        } else {
            return true;
        }
    }
};

table make_table() {
    table made;
#define MOOR_TEST_ENTRY(name) made.name = &stand_in<entry::name, &table::name>::call;
    MOOR_TEST_ENTRIES(MOOR_TEST_ENTRY)
#undef MOOR_TEST_ENTRY
    return made;
}

} // namespace

failing_system::failing_system() : replaced_(make_table()) {}

failing_system::~failing_system() = default;

void failing_system::arm(const std::optional<call_fault>& fault) {
    wanted_entry.store(static_cast<unsigned>(entry::how_many));
    for (auto& each : counts) {
        for (auto& part : each) {
            part.store(0);
        }
    }
    part_now.store(part_of_run::start);
    failed.store(false);
    opened.forget();
    if (fault) {
        wanted_part.store(fault->part);
        wanted_number.store(fault->number);
        wanted_error.store(fault->error);
        wanted_entry.store(static_cast<unsigned>(fault->which));
    }
}

void failing_system::enter(part_of_run part) noexcept { part_now.store(part); }

std::uint64_t failing_system::calls(entry which, part_of_run part) noexcept {
    return counts[static_cast<std::size_t>(which)][static_cast<std::size_t>(part)].load();
}

bool failing_system::has_failed() noexcept { return failed.load(); }

std::string failing_system::left_open() { return opened.text(); }

} // namespace moor::test
