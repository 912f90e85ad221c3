// See source_text.hpp.
#include "support/source_text.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

namespace moor::test {
namespace {

bool is_identifier(char each) { return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_'; }

// Blanks made single, none at the ends.
std::string tidy(std::string_view text) {
    std::string made;
    for (const char each : text) {
        const bool blank = std::isspace(static_cast<unsigned char>(each)) != 0;
        if (!blank) {
            made += each;
        } else if (!made.empty() && made.back() != ' ') {
            made += ' ';
        }
    }
    if (!made.empty() && made.back() == ' ') {
        made.pop_back();
    }
    return made;
}

std::vector<std::string> split_parameters(std::string_view list) {
    std::vector<std::string> made;
    int depth = 0;
    std::size_t first = 0;
    for (std::size_t index = 0; index <= list.size(); ++index) {
        if (index == list.size() || (list[index] == ',' && depth == 0)) {
            if (auto each = tidy(list.substr(first, index - first)); !each.empty()) {
                made.push_back(std::move(each));
            }
            first = index + 1;
        } else if (list[index] == '<' || list[index] == '(') {
            ++depth;
        } else if (list[index] == '>' || list[index] == ')') {
            --depth;
        }
    }
    return made;
}

} // namespace

std::filesystem::path source_root() {
    const std::string given = MOOR_SOURCE_DIR;
    for (const std::string& candidate : {given, "Z:" + given}) {
        std::error_code ignored;
        if (std::filesystem::exists(std::filesystem::path(candidate) / "src" / "iocp", ignored)) {
            return candidate;
        }
    }
    return {};
}

std::vector<std::filesystem::path> sources_below(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> found;
    for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
        const auto extension = each.path().extension();
        if (each.is_regular_file() && (extension == ".cpp" || extension == ".hpp" || extension == ".h")) {
            found.push_back(each.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::string read_text(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string code_of(std::string_view text) {
    std::string code;
    bool line_is_blank = true;
    for (std::size_t index = 0; index < text.size();) {
        const std::string_view rest = text.substr(index);
        if (rest.starts_with("//")) {
            index = std::min(text.find('\n', index), text.size());
        } else if (rest.starts_with("/*")) {
            const std::size_t end = text.find("*/", index + 2);
            index = end == std::string_view::npos ? text.size() : end + 2;
            code += ' ';
        } else if (rest.front() == '#' && line_is_blank) {
            // To the end of the line, and of those that a backslash joins to it.
            do {
                index = std::min(text.find('\n', index + 1), text.size());
            } while (index < text.size() && text[index - 1] == '\\');
        } else if (rest.front() == '"' || (rest.front() == '\'' && (index == 0 || !is_identifier(text[index - 1])))) {
            const char quote = rest.front();
            code += quote;
            for (++index; index < text.size() && text[index] != quote; ++index) {
                index += text[index] == '\\' ? 1 : 0;
            }
            code += quote;
            ++index;
        } else {
            line_is_blank =
                rest.front() == '\n' || (line_is_blank && std::isspace(static_cast<unsigned char>(rest.front())) != 0);
            code += rest.front();
            ++index;
        }
    }
    return code;
}

bool names(std::string_view code, std::string_view name) {
    for (std::size_t at = code.find(name); at != std::string_view::npos; at = code.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if ((at == 0 || !is_identifier(code[at - 1])) && (end == code.size() || !is_identifier(code[end]))) {
            return true;
        }
    }
    return false;
}

std::vector<declared_function> functions_in(std::string_view code) {
    std::vector<declared_function> found;
    std::size_t first = 0;
    for (std::size_t index = 0; index < code.size(); ++index) {
        const char each = code[index];
        if (each == '{' || each == '}') {
            first = index + 1; // namespaces open and close; nothing else with braces declares a function
        } else if (each == '(') {
            std::size_t begin = index;
            while (begin > first && std::isspace(static_cast<unsigned char>(code[begin - 1])) != 0) {
                --begin;
            }
            const std::size_t name_end = begin;
            while (begin > first && is_identifier(code[begin - 1])) {
                --begin;
            }
            int depth = 1;
            std::size_t end = index + 1;
            for (; end < code.size() && depth != 0; ++end) {
                depth += code[end] == '(' ? 1 : code[end] == ')' ? -1 : 0;
            }
            declared_function made;
            made.name = std::string(code.substr(begin, name_end - begin));
            made.result = tidy(code.substr(first, begin - first));
            made.parameters = split_parameters(code.substr(index + 1, end - index - 2));
            found.push_back(std::move(made));
            index = std::min(code.find(';', end), code.size());
            first = index + 1;
        } else if (each == ';') {
            first = index + 1;
        }
    }
    return found;
}

} // namespace moor::test
