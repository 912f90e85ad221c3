// The functions that the test's executable imports from the system, replaced for a while: so a test reaches every call
// of the library that does not go through a table, and the library needs no table for it.
#pragma once

#include <stdexcept>

namespace moor::test {

/// The place where the executable keeps the address of an imported function; null when it imports none of that name.
/// Every call goes through it.
[[nodiscard]] void** import_place(const char* name);

/// Stores `replacement` there and returns what was there before. Throws std::runtime_error when there is no such
/// import.
void* replace_import(const char* name, void* replacement);

} // namespace moor::test
