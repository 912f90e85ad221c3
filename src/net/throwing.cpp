// Making a text needs more stack than a movable one may have left.
#include "net/throwing.hpp"

#include <string>

#include <moor/stack.hpp>

namespace moor::net {
namespace {

// Values, made where the exception lies: nothing is left to destroy when it is thrown.
std::system_error about(const std::error_code& error, const char* what, const endpoint& where) {
    const std::string text = on_system_stack([&] { return what + (" " + where.to_string()); });
    return std::system_error(error, text);
}

std::system_error about(const std::error_code& error, const char* what, const std::filesystem::path& where) {
    const std::string text = on_system_stack([&] {
        const std::u8string name = where.u8string();
        return what + (" " + std::string(name.begin(), name.end()));
    });
    return std::system_error(error, text);
}

} // namespace

void throw_about(const std::error_code& error, const char* what, const endpoint& where) {
    throw about(error, what, where);
}
void throw_about(const std::error_code& error, const char* what, const std::filesystem::path& where) {
    throw about(error, what, where);
}

} // namespace moor::net
