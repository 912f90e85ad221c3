// Finding out what wrote where it must not: a watch on a few bytes, and a look at the frames of a parked
// coroutine. For programs that are being debugged; what each can see and what not: docs/debugging.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace moor::debug {

/// What the code that wrote ran on.
enum class watched_stack : std::uint8_t {
    reserved, ///< a coroutine's
    movable,  ///< a coroutine's
    worker,   ///< a worker's own
    thread,   ///< of a thread that is no worker
};

/// One write to watched bytes.
struct watch_hit {
    std::uint64_t number = 0;      ///< of this watch's hits, from 0 in the order that they were recorded in
    std::uint64_t instruction = 0; ///< the one after that which wrote: the processor tells afterwards
    std::string image;             ///< file name of whose code that is; empty: of no image
    std::uint64_t offset = 0;      ///< from where the image is loaded; for a tool that knows its symbols
    std::uint64_t value = 0;       ///< of the watched bytes right after the write
    std::uint64_t coroutine = 0;   ///< id; 0: the thread ran none
    std::string coroutine_name;    ///< empty: the thread ran none
    watched_stack stack = watched_stack::thread; ///< what the writer ran on
    std::uint32_t thread = 0;                    ///< the system's number
};

/// How a watch tells of its hits, beside hits().
enum class watch_output : std::uint8_t {
    none,
    error_stream, ///< a line for each, written by the thread that wrote, right then
};

/// Has the processor tell of every write to a few bytes, by all workers of all runtimes that live now and by the
/// calling thread, for as long as this lives. At most four at a time in a process. Costs nothing until it is hit,
/// and microseconds for each write then.
///
/// Writes by the system's kernel are not seen, the late ones of overlapped calls among them: that is what
/// validate_stack and the switch stack_poison_copy are for. A write from a movable stack needs room there: a
/// runtime that has movable coroutines must have the switch exception_room.
class [[nodiscard]] watch {
public:
    /// `size` is 1, 2, 4 or 8, `address` a multiple of it. Any thread or coroutine; never suspends.
    /// Throws std::system_error: invalid_argument; resource_unavailable_try_again, there are four already or other
    /// code uses the processor's breakpoints; not_supported, a test at this moment showed that this system does not
    /// tell of writes; operation_not_permitted, a movable coroutine lives in a runtime without exception_room, or the
    /// process is ending.
    watch(const volatile void* address, std::size_t size, watch_output output = watch_output::none);
    /// Errors through `error`; it watches nothing then.
    watch(const volatile void* address, std::size_t size, watch_output output, std::error_code& error);
    /// Disarms it. From any thread or coroutine.
    ~watch();

    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;

    /// Writes so far. Any thread.
    [[nodiscard]] std::uint64_t count() const noexcept;

    /// The last 64 of them, the oldest first; without those that are being recorded now, and those that were written
    /// within another one's recording. Any thread.
    [[nodiscard]] std::vector<watch_hit> hits() const;

private:
    std::error_code arm(const volatile void* address, std::size_t size, watch_output output);

    int slot_ = -1; // which of the four; -1: none
};

/// What validate_stack found a coroutine to be.
enum class stack_state : std::uint8_t {
    not_found, ///< no coroutine of that id lives
    running,   ///< it runs, or will as soon as a worker has time for it; or it ran at every look
    parked,    ///< it waits; the report is of one moment of that
};

/// What is wrong with a return address.
enum class return_fault : std::uint8_t {
    none,
    upper_half_overwritten, ///< with an upper half of this program's code it is a return address
    no_code,                ///< it lies in no code
    no_call_before,         ///< it lies in code, but nothing returns there
    frame_lost,             ///< what says where it lies leads off the stack
};

/// What validate_stack has found.
struct stack_report {
    stack_state state = stack_state::not_found;  ///< the coroutine's
    std::string name;                            ///< the coroutine's
    std::vector<std::uint64_t> return_addresses; ///< the innermost first; the last one is the bad one, if there is any
    /// Whether the walk came to the coroutine's first function. If not, and nothing is bad, then some code on the way
    /// has no unwind data, and nothing is known of what lies beyond.
    bool complete = false;
    return_fault fault = return_fault::none; ///< of the last return address
    std::uint64_t slot = 0;                  ///< where the bad return address lies
    std::uint64_t value = 0;                 ///< what it is
    std::uint64_t restored = 0;              ///< upper_half_overwritten: what it was, most likely

    /// A few lines for a person.
    [[nodiscard]] std::string text() const;
};

/// Walks the frames of the coroutine of that id (join_handle::id, this_coroutine::id) and looks at every return
/// address. Any thread or coroutine. It neither stops the coroutine nor waits for it: it copies the stack, and believes
/// the copy only if the coroutine has stayed parked meanwhile. Of one that runs nothing can be said. Throws
/// std::bad_alloc.
[[nodiscard]] stack_report validate_stack(std::uint64_t id);

} // namespace moor::debug
