// One execution of a scenario: its threads, which are stacks of this one thread, and the choices on its way.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <setjmp.h>
#include <ucontext.h>

#include "memory.hpp"
#include "model.hpp"
#include "sites.hpp"

namespace moor::model {

/// Where an execution could go on in several ways.
class chooser {
public:
    virtual unsigned choose(unsigned count) = 0;
    /// Before a choice of threads: whether that state is known with as many bounds left, and so leads to nothing new.
    [[nodiscard]] virtual bool is_known(std::uint64_t state, unsigned preemptions_left, unsigned stale_left) = 0;

protected:
    ~chooser() = default;
};

/// Which atomic objects several threads use, one of which stores to it. What all others do there is of no concern to
/// other threads, and needs no choice of threads before. Learnt from one execution to the next.
class sharing {
public:
    /// A use in the present search; true when the object is known as shared.
    bool use(std::uintptr_t address, std::size_t thread, bool stores) {
        users& of = users_[address];
        of.threads = static_cast<std::uint8_t>(of.threads | 1u << thread);
        of.is_stored_to = of.is_stored_to || stores;
        if (!of.is_shared && of.is_stored_to && (of.threads & (of.threads - 1)) != 0) {
            of.is_shared = true;
            has_grown_ = true;
        }
        return of.is_shared;
    }

    /// Whether something has turned out to be shared since the last call: what was searched before was too little.
    [[nodiscard]] bool has_grown() noexcept { return std::exchange(has_grown_, false); }

private:
    struct users {
        std::uint8_t threads = 0;
        bool is_stored_to = false;
        bool is_shared = false;
    };
    std::unordered_map<std::uintptr_t, users> users_;
    bool has_grown_ = false;
};

enum class ending : std::uint8_t { complete, known, too_long, wrong };

struct step {
    const char* what = "";
    std::uintptr_t address = 0;
    std::uint64_t value = 0;
    site_use use{}; ///< as it is in the source
    const void* site = nullptr;
    bool is_stale = false;
    std::uint8_t thread = 0;
};

class execution {
public:
    execution(const scenario& what, const bounds& limits, const planted& fault, sharing& shared, chooser& ways);
    ~execution();
    execution(const execution&) = delete;
    execution& operator=(const execution&) = delete;

    /// Runs the scenario once.
    ending run();

    /// The one that runs now; null outside of one, and in the model's own code.
    [[nodiscard]] static execution* current() noexcept { return active_; }

    [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }
    [[nodiscard]] std::uint32_t outcomes() const noexcept { return outcomes_; }
    [[nodiscard]] const std::vector<step>& steps() const noexcept { return steps_; }

    // -- What instrumented code does -----------------------------------------------------------------------------
    std::uint64_t load(std::uintptr_t address, std::uint8_t size, std::memory_order order, const void* site);
    void store(std::uintptr_t address, std::uint8_t size, std::uint64_t value, std::memory_order order,
               const void* site);
    /// `change` makes the new value of the old one. Returns the old one.
    template <class Change>
    std::uint64_t update(std::uintptr_t address, std::uint8_t size, std::memory_order order, const void* site,
                         Change&& change);
    /// Returns what was there; equal to `expected` when it was exchanged.
    std::uint64_t compare_exchange(std::uintptr_t address, std::uint8_t size, std::uint64_t expected,
                                   std::uint64_t desired, std::memory_order success, std::memory_order failure,
                                   const void* site);
    void fence(std::memory_order order, const void* site);
    void plain(std::uintptr_t address, std::size_t bytes, bool writes, const void* site);
    void* allocate(std::size_t bytes, std::size_t alignment);
    void deallocate(void* memory, std::size_t bytes);
    void* thread_local_of(const void* variable, std::size_t bytes, std::size_t alignment, const void* initial);

    // -- What scenarios do -----------------------------------------------------------------------------------------
    void start_thread(std::function<void()> body);
    void join_threads();
    void require(bool holds, const char* what);
    void outcome(unsigned number) noexcept { outcomes_ |= 1u << number; }
    unsigned choose(unsigned count);
    void wait_for_a_store();
    void block_while_equal(std::uintptr_t address, std::uint8_t size, std::uint64_t value);
    [[nodiscard]] std::size_t thread() const noexcept { return running_; }

private:
    enum class status : std::uint8_t { absent, ready, blocked, waits_for_store, joins, done };
    struct fiber {
        status is = status::absent;
        std::uintptr_t blocked_on = 0;
        std::uint8_t size = 0;
        std::uint64_t blocked_while = 0;
        std::uint64_t writes_seen = 0; // when it last waited for a store
        bool started = false;
        std::function<void()> body;
        jmp_buf where;
        std::vector<std::pair<const void*, void*>> locals; // thread_local variables
    };
    /// The model's own code runs: what it does is not looked at.
    class own_code {
    public:
        explicit own_code(execution& of) noexcept : of_(of) { active_ = nullptr; }
        ~own_code() { active_ = &of_; }
        own_code(const own_code&) = delete;
        own_code& operator=(const own_code&) = delete;

    private:
        execution& of_;
    };

    [[nodiscard]] bool can_go_on(std::size_t thread);
    void choose_thread(bool current_can);
    void begin_step(std::uintptr_t address, bool stores);
    void switch_to(std::size_t thread);
    [[noreturn]] void end(ending how);
    [[noreturn]] void complain(std::string what);
    void check(const std::optional<violation>& found);
    std::size_t choose_store(location& of, std::memory_order order, bool only_failures, std::uint64_t expected);
    void record(const step& taken) {
        steps_.push_back(taken);
        steps_.back().thread = static_cast<std::uint8_t>(running_);
    }
    static void fiber_main() noexcept;

    static inline execution* active_ = nullptr;
    static inline execution* starting_ = nullptr;

    const scenario& what_;
    const bounds& limits_;
    const planted& fault_;
    sharing& shared_;
    chooser& ways_;
    memory& memory_; // kept from one execution to the next
    std::array<fiber, most_threads> fibers_;
    std::size_t threads_ = 1;
    std::size_t running_ = 0;
    unsigned preemptions_left_;
    unsigned stale_left_;
    bool is_over_ = false;
    ending ending_ = ending::complete;
    std::uint32_t outcomes_ = 0;
    std::string complaint_;
    std::vector<step> steps_;
    jmp_buf outside_;
    std::byte* arena_at_;
};

template <class Change>
std::uint64_t execution::update(std::uintptr_t address, std::uint8_t size, std::memory_order order, const void* site,
                                Change&& change) {
    if (fault_.splits(site)) {
        const std::uint64_t before = load(address, size, order, site);
        store(address, size, change(before), order, site);
        return before;
    }
    const own_code own(*this);
    begin_step(address, true);
    location& of = memory_.at(address, size, running_);
    check(memory_.atomic_access(of, true, running_));
    const std::uint64_t before = of.history.back().value;
    const std::uint64_t after = change(before);
    record({"changes", address, after, {access::update, order}, site});
    memory_.read_modify_write(of, after, running_, fault_.order_at(site, order));
    return before;
}

} // namespace moor::model
