#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include <moor/endpoint.hpp>
#include <moor/shared_mutex.hpp>

#include "header_examples.hpp"

namespace {

using moor::endpoint;

moor::shared_mutex guard;
std::map<std::string, endpoint> table;

std::optional<endpoint> find(const std::string& name) {
    std::shared_lock lock(guard);
    const auto found = table.find(name);
    return found == table.end() ? std::nullopt : std::optional(found->second);
}
void add(const std::string& name, endpoint where) {
    std::unique_lock lock(guard);
    table.insert_or_assign(name, where);
}

} // namespace

void shared_mutex_example() {
    add("local", endpoint("127.0.0.1", 80));
    expect(find("local") == endpoint("127.0.0.1", 80) && !find("remote"), "shared_mutex");
}
