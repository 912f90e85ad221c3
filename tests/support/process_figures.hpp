// What the process has of the system's at this moment. Each call takes from microseconds to some milliseconds.
#pragma once

#include <cstdint>

namespace moor::test {

/// Handles that are open. Sockets are some of them.
[[nodiscard]] std::uint64_t process_handles();
[[nodiscard]] std::uint64_t process_threads();
/// Bytes in blocks of all heaps that are in use.
[[nodiscard]] std::uint64_t heap_bytes();
/// Bytes of memory that it has for itself, committed: by the list of its regions, which counts what programs of Windows
/// have and not what Wine needs beside that.
[[nodiscard]] std::uint64_t committed_bytes();
/// The same as the system charges it. Under Wine: what was written to, with Wine's own tables. It keeps one for each
/// place in the address space where something was ever reserved, and moor reserves at random places: a megabyte for
/// each runtime.
[[nodiscard]] std::uint64_t charged_bytes();
/// Bytes of address space that are reserved or committed for itself.
[[nodiscard]] std::uint64_t reserved_bytes();

} // namespace moor::test
