#include <atomic>
#include <map>
#include <string>

#include <moor/once.hpp>
#include <moor/task_group.hpp>

#include "header_examples.hpp"

namespace {

using table = std::map<std::string, double>;

std::atomic<int> downloads{0};

table download() {
    ++downloads;
    return {{"EUR", 1.0}};
}

moor::once loaded;
table rates;

const table& get_rates() {
    loaded.call([] { rates = download(); });
    return rates;
}

} // namespace

void once_example() {
    moor::task_group readers;
    for (int i = 0; i < 4; ++i) {
        readers.spawn([] { expect(get_rates().contains("EUR"), "once"); });
    }
    readers.wait();
    expect(downloads == 1, "once: downloads");
}
