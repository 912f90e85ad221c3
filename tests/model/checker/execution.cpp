// The steps of an execution. Between two of them another thread may have its turn: before each atomic access there is a
// choice of threads, and each load has a choice of values.
#include "execution.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

#include "explorer.hpp"

namespace moor::model {
namespace {

constexpr std::size_t stack_size = std::size_t{256} * 1024;
constexpr std::size_t arena_size = std::size_t{8} * 1024 * 1024;

std::byte* mapped(std::size_t bytes) {
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::abort();
    }
    return static_cast<std::byte*>(memory);
}

// The same for all executions, so that addresses are the same in each.
std::byte* const stacks = mapped(stack_size * most_threads);
std::byte* const arena = mapped(arena_size);
memory shared_memory;

std::memory_order load_order(std::memory_order order) noexcept {
    switch (order) {
    case std::memory_order_release: return std::memory_order_relaxed;
    case std::memory_order_acq_rel: return std::memory_order_acquire;
    default: return order;
    }
}

std::memory_order store_order(std::memory_order order) noexcept {
    switch (order) {
    case std::memory_order_acquire:
    case std::memory_order_consume: return std::memory_order_relaxed;
    case std::memory_order_acq_rel: return std::memory_order_release;
    default: return order;
    }
}

} // namespace

execution::execution(const scenario& what, const bounds& limits, const planted& fault, sharing& shared, chooser& ways)
    : what_(what), limits_(limits), fault_(fault), shared_(shared), ways_(ways), memory_(shared_memory),
      preemptions_left_(limits.preemptions), stale_left_(limits.stale_loads), arena_at_(arena) {
    memory_.reset();
}

execution::~execution() = default;

// ---- Threads ---------------------------------------------------------------------------------------------------

ending execution::run() {
    fibers_[0].is = status::ready;
    fibers_[0].body = [this] { what_.run(); };
    running_ = 0;
    if (_setjmp(outside_) == 0) {
        switch_to(0);
    }
    active_ = nullptr;
    return ending_;
}

void execution::fiber_main() noexcept {
    execution& self = *starting_;
    const std::size_t number = self.running_;
    active_ = &self;
    self.fibers_[number].body();
    active_ = nullptr;
    self.fibers_[number].is = status::done;
    if (number == 0) {
        self.end(ending::complete);
    }
    self.choose_thread(false);
    std::abort(); // nobody returns to one that has ended
}

// Does not return to a thread that has ended.
void execution::switch_to(std::size_t thread) {
    fiber& next = fibers_[thread];
    running_ = thread;
    if (next.started) {
        _longjmp(next.where, 1);
    }
    next.started = true;
    starting_ = this;
    ucontext_t context;
    ::getcontext(&context);
    context.uc_stack.ss_sp = stacks + thread * stack_size;
    context.uc_stack.ss_size = stack_size;
    context.uc_link = nullptr;
    ::makecontext(&context, &fiber_main, 0);
    ::setcontext(&context);
    std::abort();
}

void execution::end(ending how) {
    active_ = nullptr;
    ending_ = how;
    is_over_ = true;
    _longjmp(outside_, 1);
}

void execution::complain(std::string what) {
    complaint_ = std::move(what);
    end(ending::wrong);
}

void execution::check(const std::optional<violation>& found) {
    if (found) {
        complain(found->what);
    }
}

bool execution::can_go_on(std::size_t thread) {
    fiber& of = fibers_[thread];
    switch (of.is) {
    case status::ready: return true;
    case status::blocked: {
        const location& where = memory_.at(of.blocked_on, of.size, thread);
        return where.history.back().value != of.blocked_while;
    }
    case status::waits_for_store: return memory_.writes() != of.writes_seen;
    case status::joins:
        return std::all_of(fibers_.begin() + 1, fibers_.begin() + static_cast<std::ptrdiff_t>(threads_),
                           [](const fiber& each) { return each.is == status::done; });
    default: return false;
    }
}

// Goes on with one of the threads; returns when it is the caller's turn again.
void execution::choose_thread(bool current_can) {
    std::array<std::size_t, most_threads> able{};
    std::size_t count = 0;
    if (current_can) {
        able[count++] = running_;
    }
    std::uint64_t state = memory_.state();
    for (std::size_t thread = 0; thread != threads_; ++thread) {
        const bool can = thread != running_ ? can_go_on(thread) : current_can;
        state = mixed(state, static_cast<std::uint64_t>(fibers_[thread].is) * 2 + (can ? 1u : 0u));
        if (can && thread != running_) {
            able[count++] = thread;
        }
    }
    if (count == 0) {
        complain("no thread can go on: what they wait for never happens");
    }
    if (ways_.is_known(mixed(state, running_ * 2 + (current_can ? 1u : 0u)), preemptions_left_, stale_left_)) {
        end(ending::known);
    }
    if (steps_.size() > limits_.steps) {
        end(ending::too_long);
    }
    const bool is_free = !current_can;
    const unsigned ways = is_free || preemptions_left_ != 0 ? static_cast<unsigned>(count) : 1;
    const std::size_t chosen = able[ways_.choose(ways)];
    if (chosen == running_) {
        return;
    }
    if (!is_free) {
        --preemptions_left_;
    }
    if (_setjmp(fibers_[running_].where) == 0) {
        switch_to(chosen);
    }
}

// Threads may change before it, if they see what it does.
void execution::begin_step(std::uintptr_t address, bool stores) {
    if (threads_ > 1 && shared_.use(address, running_, stores)) {
        choose_thread(true);
    }
}

void execution::start_thread(std::function<void()> body) {
    const own_code own(*this);
    if (threads_ == most_threads) {
        std::fputs("a scenario starts too many threads\n", stderr);
        std::abort();
    }
    const std::size_t number = threads_++;
    fibers_[number].is = status::ready;
    fibers_[number].body = std::move(body);
    memory_.start(number, 0);
}

void execution::join_threads() {
    const own_code own(*this);
    fibers_[0].is = status::joins;
    choose_thread(false);
    fibers_[0].is = status::ready;
    for (std::size_t thread = 1; thread != threads_; ++thread) {
        memory_.join(thread, 0);
        fibers_[thread] = {};
    }
    threads_ = 1;
}

// ---- Steps -----------------------------------------------------------------------------------------------------

// Which of the stores a load sees: the newest, or an older one. `only_failures`: older ones with another value than
// `expected`, since an exchange takes nothing but the newest.
std::size_t execution::choose_store(location& of, std::memory_order order, bool only_failures, std::uint64_t expected) {
    const std::size_t newest = of.history.size() - 1;
    if (stale_left_ == 0) {
        return newest;
    }
    const std::size_t first = memory_.first_visible(of, running_, order);
    std::array<std::size_t, 16> able{};
    std::size_t count = 0;
    able[count++] = newest;
    for (std::size_t index = newest; index-- > first && count != able.size();) {
        if (!only_failures || of.history[index].value != expected) {
            able[count++] = index;
        }
    }
    const std::size_t chosen = able[ways_.choose(static_cast<unsigned>(count))];
    if (chosen != newest) {
        --stale_left_;
    }
    return chosen;
}

std::uint64_t execution::load(std::uintptr_t address, std::uint8_t size, std::memory_order order, const void* site) {
    const own_code own(*this);
    begin_step(address, false);
    const site_use use{access::load, order};
    order = fault_.order_at(site, load_order(order));
    location& of = memory_.at(address, size, running_);
    check(memory_.atomic_access(of, false, running_));
    const std::size_t index = choose_store(of, order, false, 0);
    const std::uint64_t value = memory_.load(of, index, running_, order);
    record({"loads", address, value, use, site, index + 1 != of.history.size()});
    return value;
}

void execution::store(std::uintptr_t address, std::uint8_t size, std::uint64_t value, std::memory_order order,
                      const void* site) {
    const own_code own(*this);
    begin_step(address, true);
    const site_use use{access::store, order};
    order = fault_.order_at(site, store_order(order));
    location& of = memory_.at(address, size, running_);
    check(memory_.atomic_access(of, true, running_));
    memory_.write(of, value, running_, order);
    record({"stores", address, value, use, site});
}

std::uint64_t execution::compare_exchange(std::uintptr_t address, std::uint8_t size, std::uint64_t expected,
                                          std::uint64_t desired, std::memory_order success, std::memory_order failure,
                                          const void* site) {
    if (fault_.splits(site)) {
        const std::uint64_t seen = load(address, size, success, site);
        if (seen == expected) {
            store(address, size, desired, success, site);
        }
        return seen;
    }
    const own_code own(*this);
    begin_step(address, true);
    const site_use use{access::update, success};
    success = fault_.order_at(site, success);
    failure = fault_.order_at(site, load_order(failure));
    location& of = memory_.at(address, size, running_);
    const std::size_t index = choose_store(of, failure, true, expected);
    if (index + 1 == of.history.size() && of.history.back().value == expected) {
        check(memory_.atomic_access(of, true, running_));
        memory_.read_modify_write(of, desired, running_, success);
        record({"exchanges", address, desired, use, site});
        return expected;
    }
    check(memory_.atomic_access(of, false, running_));
    const std::uint64_t seen = memory_.load(of, index, running_, failure);
    record({"fails to exchange", address, seen, use, site, index + 1 != of.history.size()});
    return seen;
}

void execution::fence(std::memory_order order, const void* site) {
    const own_code own(*this);
    const site_use use{access::fence, order};
    order = fault_.order_at(site, order);
    if (order == std::memory_order_seq_cst && threads_ > 1) {
        choose_thread(true); // others are nobody's concern
    }
    if (order != std::memory_order_relaxed) {
        memory_.fence(running_, order);
    }
    record({"fences", 0, 0, use, site});
}

void execution::plain(std::uintptr_t address, std::size_t bytes, bool writes, const void* site) {
    const own_code own(*this);
    const auto found =
        writes ? memory_.plain_write(address, bytes, running_) : memory_.plain_read(address, bytes, running_);
    if (found) {
        record({writes ? "writes plainly" : "reads plainly", address, 0, {}, site});
        complain(found->what);
    }
}

// ---- What scenarios and the system's stand-ins do --------------------------------------------------------------

void execution::require(bool holds, const char* what) {
    if (!holds) {
        const own_code own(*this);
        complain(std::string("it does not hold that ") + what);
    }
}

unsigned execution::choose(unsigned count) {
    const own_code own(*this);
    const unsigned chosen = ways_.choose(count);
    memory_.note(running_, chosen + 101);
    record({"chooses", 0, chosen});
    return chosen;
}

void execution::wait_for_a_store() {
    const own_code own(*this);
    fiber& self = fibers_[running_];
    record({"waits for a store"});
    if (self.writes_seen == memory_.writes()) {
        self.is = status::waits_for_store;
        choose_thread(false);
        self.is = status::ready;
    }
    self.writes_seen = memory_.writes(); // of which it has seen none, perhaps, and sees them all from here on
    memory_.catch_up(running_);
}

void execution::block_while_equal(std::uintptr_t address, std::uint8_t size, std::uint64_t value) {
    const own_code own(*this);
    fiber& self = fibers_[running_];
    self.is = status::blocked;
    self.blocked_on = address;
    self.size = size;
    self.blocked_while = value;
    choose_thread(can_go_on(running_));
    self.is = status::ready;
    memory_.catch_up(running_);
}

// ---- Memory ----------------------------------------------------------------------------------------------------

void* execution::allocate(std::size_t bytes, std::size_t alignment) {
    const own_code own(*this);
    const auto at = (reinterpret_cast<std::uintptr_t>(arena_at_) + alignment - 1) / alignment * alignment;
    arena_at_ = reinterpret_cast<std::byte*>(at + std::max<std::size_t>(bytes, 1));
    if (arena_at_ > arena + arena_size) {
        std::fputs("a scenario allocates too much\n", stderr);
        std::abort();
    }
    memory_.note(running_, at);
    return reinterpret_cast<void*>(at);
}

// Nothing is used twice in one execution, so that later accesses are found.
void execution::deallocate(void* memory, std::size_t bytes) {
    const own_code own(*this);
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    check(memory_.plain_write(address, bytes, running_));
    memory_.freed(address, bytes);
}

void* execution::thread_local_of(const void* variable, std::size_t bytes, std::size_t alignment, const void* initial) {
    fiber& self = fibers_[running_];
    for (const auto& [known, memory] : self.locals) {
        if (known == variable) {
            return memory;
        }
    }
    void* const memory = allocate(bytes, alignment);
    const own_code own(*this);
    if (initial != nullptr) {
        std::memcpy(memory, initial, bytes);
    } else {
        std::memset(memory, 0, bytes);
    }
    self.locals.emplace_back(variable, memory);
    return memory;
}

} // namespace moor::model
