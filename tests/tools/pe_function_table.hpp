// Whether the table of functions of an image file is what Windows and the library's preemption rely on: sorted, inside
// the image and its code, with unwind data that can be read. Linkers have got this wrong. For any PE file for amd64.
#pragma once

#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace moor::test {

/// One line for each problem; none when all is well.
[[nodiscard]] std::vector<std::string> function_table_problems(std::span<const std::byte> file);

/// Looks at the file of that name and says what it found, a line for each problem. The exit status for it: 0 when all
/// is well, 1 when not, 2 when the file cannot be read.
[[nodiscard]] int check_function_table(const std::string& name, std::ostream& out);

} // namespace moor::test
