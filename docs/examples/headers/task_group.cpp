#include <chrono>
#include <string>

#include <moor/task_group.hpp>

#include "header_examples.hpp"

using namespace std::chrono_literals;

namespace {

using url = std::string;

struct page {
    std::string text;
    std::string images;
};

std::string fetch(const url& address) { return "text of " + address; }
std::string fetch_images(const url& address) { return "images of " + address; }

page load(const url& address) {
    page result;
    moor::task_group parts;
    parts.spawn([&] { result.text = fetch(address); });
    parts.spawn([&] { result.images = fetch_images(address); });
    parts.wait(2s);
    return result;
}

} // namespace

void task_group_example() {
    const page loaded = load("a page");
    expect(loaded.text == "text of a page" && loaded.images == "images of a page", "task_group");
}
