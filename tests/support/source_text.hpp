// Reading the project's own sources in a test: the tree, without comments and literals, and the functions that a header
// declares. Knows as much of C++ as this project's style uses, no more.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moor::test {

/// The root of the source tree, also when the test runs under Wine on a Unix path. Empty when it is not there.
[[nodiscard]] std::filesystem::path source_root();

/// Headers and sources below `folder`, sorted.
[[nodiscard]] std::vector<std::filesystem::path> sources_below(const std::filesystem::path& folder);

[[nodiscard]] std::string read_text(const std::filesystem::path& file);

/// The code alone: comments, preprocessor lines and the contents of literals are gone.
[[nodiscard]] std::string code_of(std::string_view text);

/// Whether `name` occurs in `code` as a whole identifier.
[[nodiscard]] bool names(std::string_view code, std::string_view name);

struct declared_function {
    std::string name;
    std::string result;                  ///< everything before the name
    std::vector<std::string> parameters; ///< each with its name, blanks made single
};

/// The functions that `code` declares at namespace scope, in order.
[[nodiscard]] std::vector<declared_function> functions_in(std::string_view code);

} // namespace moor::test
