// moor::debug::watch: setting the processor's breakpoints in all threads that matter. A thread of its own does it,
// since a thread's registers are only defined while it is suspended, and the caller's are wanted, too. Everything that
// it needs is locked before the first thread is suspended; one thread at a time is.
#include <moor/forensics.hpp>

#include <bit>
#include <cstring>
#include <utility>

#include <moor/stack.hpp>

#include "debug/live_runtimes.hpp"
#include "debug/loaded_code.hpp"
#include "debug/watch_hits.hpp"
#include "preempt/suspension.hpp"
#include "sched/runtime_core.hpp"
#include "win/error.hpp"
#include "win/handle.hpp"
#include "win/thread.hpp"

namespace moor::debug {
namespace {

// ---- One thread's registers ----------------------------------------------------------------------------------------

// What the processor's watch number `index` shall be; 0: off.
struct setting {
    std::size_t index = 0;
    std::uint64_t address = 0;
    std::size_t size = 0;
};

DWORD64& address_register(CONTEXT& registers, std::size_t index) noexcept {
    switch (index) {
    case 0: return registers.Dr0;
    case 1: return registers.Dr1;
    case 2: return registers.Dr2;
    default: return registers.Dr3;
    }
}

// DR7 (Intel's manual, volume 3, "Debug registers"): two bits that enable each, from bit 0, and from bit 16 four that
// say what of, 1 for writes, and how many bytes.
constexpr std::uint64_t enabled(std::size_t index) noexcept { return std::uint64_t{3} << index * 2; }

std::uint64_t changed(std::uint64_t control, const setting& wanted) noexcept {
    constexpr std::uint64_t of_writes = 1;
    const std::uint64_t bytes = wanted.size == 8 ? 2 : wanted.size - 1;
    const std::size_t kind_at = 16 + wanted.index * 4;
    control &= ~(enabled(wanted.index) | std::uint64_t{0xf} << kind_at);
    if (wanted.address == 0) {
        return control;
    }
    return control | std::uint64_t{1} << wanted.index * 2 | (of_writes | bytes << 2u) << kind_at;
}

enum class outcome : std::uint8_t { done, refused, used_by_others, ending };

class thread_setter {
public:
    thread_setter(const preempt::thread_calls& system, const setting& wanted) noexcept
        : system_(system), wanted_(wanted) {}

    // Allocates nothing and locks nothing: `thread` is suspended meanwhile.
    [[nodiscard]] outcome set(HANDLE thread) noexcept {
        const preempt::suspended_thread suspended(system_, thread);
        if (!suspended) {
            return outcome::refused;
        }
        registers_.ContextFlags = CONTEXT_DEBUG_REGISTERS;
        if (system_.get_context(thread, &registers_) == FALSE) {
            return outcome::refused;
        }
        DWORD64& address = address_register(registers_, wanted_.index);
        if ((registers_.Dr7 & enabled(wanted_.index)) != 0 && !is_ours(address)) {
            return outcome::used_by_others;
        }
        address = wanted_.address;
        registers_.Dr7 = changed(registers_.Dr7, wanted_);
        registers_.Dr6 = 0;
        registers_.ContextFlags = CONTEXT_DEBUG_REGISTERS;
        return system_.set_context(thread, &registers_) != FALSE ? outcome::done : outcome::refused;
    }

private:
    [[nodiscard]] bool is_ours(std::uint64_t address) const noexcept {
        const watch_slot& slot = watch_slots[wanted_.index];
        return address == slot.address.load(std::memory_order_relaxed) ||
               address == reinterpret_cast<std::uint64_t>(&slot.test_word);
    }

    const preempt::thread_calls& system_;
    const setting wanted_;
    CONTEXT registers_{};
};

// ---- All of them ---------------------------------------------------------------------------------------------------

enum class reach : std::uint8_t { caller, caller_and_workers };

// Done by a thread of its own while the caller waits.
class task {
public:
    task(const setting& wanted, reach whom) noexcept : wanted_(wanted), whom_(whom) {}
    task(const task&) = delete;
    task& operator=(const task&) = delete;

    [[nodiscard]] outcome run() noexcept {
        if (!caller_) {
            return outcome::refused;
        }
        const win::unique_handle helper = win::start_thread(
            [](void* self) -> unsigned {
                static_cast<task*>(self)->work();
                return 0;
            },
            this);
        if (!helper) {
            return outcome::refused;
        }
        win::wait_for_end(helper);
        return result_;
    }

private:
    void work() noexcept {
        if (whom_ == reach::caller) {
            set_under_right({});
            return;
        }
        // Runtimes first: none of them ends its workers' threads meanwhile.
        live_runtimes::use([this](live_runtimes::list all) { set_under_right(all); });
    }

    void set_under_right(live_runtimes::list runtimes) noexcept {
        const preempt::suspension_right right;
        if (!right) {
            result_ = outcome::ending;
            return;
        }
        thread_setter setter(*preempt::current_thread_calls.load(std::memory_order_relaxed), wanted_);
        result_ = setter.set(caller_.get());
        for (const detail::runtime_core* const each : runtimes) {
            for (const auto& worker : each->workers) {
                note(setter.set(worker->thread().get()));
            }
        }
    }

    void note(outcome of_one) noexcept {
        if (result_ == outcome::done) {
            result_ = of_one;
        }
    }

    const setting wanted_;
    const reach whom_;
    const win::unique_handle caller_ = win::handle_of_caller();
    outcome result_ = outcome::refused;
};

std::error_code to_error(outcome of) noexcept {
    switch (of) {
    case outcome::done: return {};
    case outcome::used_by_others: return win::to_error(std::errc::resource_unavailable_try_again);
    case outcome::ending: return win::to_error(win::misuse::process_ends);
    case outcome::refused: break;
    }
    return win::to_error(std::errc::not_supported);
}

// ---- A watch's life ------------------------------------------------------------------------------------------------

int take_slot() noexcept {
    for (std::size_t index = 0; index != most_watches; ++index) {
        auto expected = watch_slot::use::free;
        if (watch_slots[index].state.compare_exchange_strong(expected, watch_slot::use::taken)) {
            return static_cast<int>(index);
        }
    }
    return -1;
}

void give_slot(std::size_t index) noexcept {
    watch_slots[index].state.store(watch_slot::use::free, std::memory_order_release);
}

// Where a write on a movable stack would have the system write below it.
bool stacks_lack_room() {
    bool lacking = false;
    live_runtimes::for_each([&](detail::runtime_core& each) {
        if (each.options.debug.exception_room) {
            return;
        }
        each.coroutines.for_each([&](detail::coroutine& one) {
            const std::uint64_t id = one.id.load(std::memory_order_acquire);
            lacking = lacking || (id != 0 && one.movement.movable && one.is_living(id));
        });
    });
    return lacking;
}

// Whether a write by this very thread is told of.
outcome test(std::size_t index) noexcept {
    watch_slot& slot = watch_slots[index];
    slot.test_seen.store(false, std::memory_order_relaxed);
    const outcome set =
        task({index, reinterpret_cast<std::uint64_t>(&slot.test_word), sizeof slot.test_word}, reach::caller).run();
    if (set != outcome::done) {
        return set;
    }
    slot.test_word.fetch_add(1, std::memory_order_seq_cst);
    const bool seen = slot.test_seen.load(std::memory_order_seq_cst);
    const outcome unset = task({index, 0, 0}, reach::caller).run();
    return seen ? unset : outcome::refused;
}

std::error_code arm_with_handler(std::size_t index, std::uint64_t address, std::size_t size, watch_output output) {
    preempt::prepare_process_exit();
    if (stacks_lack_room()) {
        return win::to_error(win::misuse::no_exception_room);
    }
    watch_slot& slot = watch_slots[index];
    if (const outcome tested = test(index); tested != outcome::done) {
        return to_error(tested);
    }
    slot.hits.clear();
    slot.size.store(size, std::memory_order_relaxed);
    slot.output.store(output, std::memory_order_relaxed);
    slot.address.store(address, std::memory_order_relaxed);
    slot.state.store(watch_slot::use::armed, std::memory_order_release);
    const outcome set = task({index, address, size}, reach::caller_and_workers).run();
    if (set != outcome::done) {
        static_cast<void>(task({index, 0, 0}, reach::caller_and_workers).run());
    }
    return to_error(set);
}

// With success the handler has a user more.
std::error_code arm_slot(std::size_t index, std::uint64_t address, std::size_t size, watch_output output) {
    win::registration_user user(watch_handler());
    const std::error_code error = arm_with_handler(index, address, size, output);
    if (!error) {
        watch_handler().add_user();
    }
    return error;
}

std::string text_of(const raw_hit& hit) {
    const auto* const first = reinterpret_cast<const char*>(hit.name.data());
    return {first, ::strnlen(first, sizeof hit.name)};
}

} // namespace

watch::watch(const volatile void* address, std::size_t size, watch_output output) {
    if (const std::error_code error = arm(address, size, output)) {
        throw std::system_error(error, "moor: watch");
    }
}

watch::watch(const volatile void* address, std::size_t size, watch_output output, std::error_code& error) {
    error = arm(address, size, output);
}

std::error_code watch::arm(const volatile void* address, std::size_t size, watch_output output) {
    const auto where = reinterpret_cast<std::uint64_t>(address);
    if (where == 0 || size > 8 || !std::has_single_bit(size) || where % size != 0) {
        return win::to_error(std::errc::invalid_argument);
    }
    const int taken = take_slot();
    if (taken < 0) {
        return win::to_error(std::errc::resource_unavailable_try_again);
    }
    const auto index = static_cast<std::size_t>(taken);
    std::error_code error;
    try {
        error = on_system_stack([&] { return arm_slot(index, where, size, output); });
    } catch (...) {
        give_slot(index);
        throw;
    }
    if (error) {
        give_slot(index);
        return error;
    }
    slot_ = taken;
    return {};
}

watch::~watch() {
    if (slot_ < 0) {
        return;
    }
    const auto index = static_cast<std::size_t>(slot_);
    watch_slots[index].state.store(watch_slot::use::taken, std::memory_order_release);
    on_system_stack([index]() noexcept {
        static_cast<void>(task({index, 0, 0}, reach::caller_and_workers).run());
        watch_handler().drop_user();
    });
    give_slot(index);
}

std::uint64_t watch::count() const noexcept {
    return slot_ < 0 ? 0 : watch_slots[static_cast<std::size_t>(slot_)].hits.count();
}

std::vector<watch_hit> watch::hits() const {
    std::vector<watch_hit> found;
    if (slot_ < 0) {
        return found;
    }
    on_system_stack([&] {
        const loaded_code code;
        const hit_ring& ring = watch_slots[static_cast<std::size_t>(slot_)].hits;
        const std::uint64_t end = ring.count();
        for (std::uint64_t number = end > hit_ring::capacity ? end - hit_ring::capacity : 0; number != end; ++number) {
            const auto raw = ring.read(number);
            if (!raw) {
                continue;
            }
            watch_hit hit;
            hit.number = number;
            hit.instruction = raw->instruction;
            hit.value = raw->value;
            hit.coroutine = raw->coroutine;
            hit.coroutine_name = text_of(*raw);
            hit.stack = static_cast<watched_stack>(raw->thread_and_stack >> 32u);
            hit.thread = static_cast<std::uint32_t>(raw->thread_and_stack);
            if (const auto* const in = code.image_of(hit.instruction)) {
                hit.image = in->name();
                hit.offset = hit.instruction - in->code.base();
            }
            found.push_back(std::move(hit));
        }
    });
    return found;
}

} // namespace moor::debug
