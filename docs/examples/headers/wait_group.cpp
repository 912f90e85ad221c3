#include <array>

#include <moor/spawn.hpp>
#include <moor/wait_group.hpp>

#include "header_examples.hpp"

namespace {

void work(int& part) { part *= 2; }

} // namespace

void wait_group_example() {
    std::array<int, 3> parts{1, 2, 3};
    moor::wait_group pending;
    for (auto& part : parts) {
        pending.add();
        moor::spawn([&] {
            work(part);
            pending.done();
        });
    }
    pending.wait();
    expect(parts == std::array{2, 4, 6}, "wait_group");
}
