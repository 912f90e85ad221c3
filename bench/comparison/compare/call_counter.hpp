// Counting the system calls that another process makes, by name, without its help and for every language alike.
//
// A program on Windows enters the system through functions of ntdll.dll whose names begin with Nt. Each begins with
//
//     4c 8b d1            mov r10, rcx
//     b8 nn nn nn nn      mov eax, number of the call
//
// on Windows, and in Wine since version 8. The counter replaces these eight bytes by a jump to code of its own, in a
// block that it allocates in the process within reach: that code adds one to the function's counter, does what the
// eight bytes did, and jumps back behind them. Under Wine some of these functions do their work without a call to the
// Wine server: what is counted are system calls as Windows counts them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "win/windows.hpp"

namespace moor::bench::compare {

/// Calls by the name of the function.
using call_counts = std::map<std::string, std::uint64_t>;

class call_counter {
public:
    /// Begins to count in `process`, which must be in a system call that waits, or about to be: none of its threads may
    /// be within the first instructions of such a function. The handle must stay open as long as this lives. The
    /// process is changed until its end. Throws std::system_error, or std::runtime_error when its ntdll is not as said
    /// above.
    explicit call_counter(HANDLE process);

    /// All functions called since counting began.
    [[nodiscard]] call_counts read() const;

private:
    struct stub {
        std::string name;
        std::uintptr_t address; // the same in all processes
    };

    // The functions of our own ntdll that have this beginning; some have several names.
    static std::vector<stub> find_stubs();
    void check_same_code() const;
    void build_block();
    void patch() const;

    HANDLE process_;
    std::vector<stub> stubs_;
    std::uintptr_t block_ = 0;    // code, in the other process
    std::uintptr_t counters_ = 0; // behind it, in pages of their own
};

/// What came to `after` since `before`, without what did not.
[[nodiscard]] call_counts difference(const call_counts& before, const call_counts& after);

} // namespace moor::bench::compare
