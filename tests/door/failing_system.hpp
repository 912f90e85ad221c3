// A table of system calls that counts every call by its entry and the part of a run that it comes in, has one of them
// fail, and knows which handles and sockets were opened through it and not closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "door/entries.hpp"

namespace moor::test {

/// The parts of a run, as the scenario says.
enum class part_of_run : unsigned { start, use, end };
inline constexpr std::size_t part_count = 3;
inline constexpr const char* part_names[part_count]{"start", "use", "end"};

/// One call and how it fails.
struct call_fault {
    entry which{};
    part_of_run part{};
    std::uint64_t number = 0; ///< of the calls of that entry in that part, from 0
    int error = 0;
};

/// In place of the system's table from its construction on; one at a time.
class failing_system {
public:
    failing_system();
    ~failing_system();
    failing_system(const failing_system&) = delete;
    failing_system& operator=(const failing_system&) = delete;

    /// Forgets all counts, and has that call of the next run fail; none for a run without a fault.
    static void arm(const std::optional<call_fault>& fault);

    // Any thread.
    static void enter(part_of_run part) noexcept;
    [[nodiscard]] static std::uint64_t calls(entry which, part_of_run part) noexcept;
    /// Whether the call that was to fail has come.
    [[nodiscard]] static bool has_failed() noexcept;

    /// Handles and sockets opened since arm() and not closed, by the function that opened them; empty when there are
    /// none.
    [[nodiscard]] static std::string left_open();

private:
    win::replaced_system_calls replaced_;
};

} // namespace moor::test
