// See throwing.hpp. Making a text needs more stack than a movable one may have left.
#include "net/throwing.hpp"

#include <string>

namespace moor::net {

void throw_about(const std::error_code& error, const char* what) { throw std::system_error(error, what); }

void throw_about(const std::error_code& error, const char* what, const endpoint& where) {
    const std::string text = on_system_stack([&] { return what + (" " + where.to_string()); });
    throw std::system_error(error, text);
}

void throw_about(const std::error_code& error, const char* what, const std::filesystem::path& where) {
    const std::string text = on_system_stack([&] {
        const std::u8string name = where.u8string();
        return what + (" " + std::string(name.begin(), name.end()));
    });
    throw std::system_error(error, text);
}

} // namespace moor::net
