#include <atomic>
#include <optional>

#include <moor/channel.hpp>
#include <moor/spawn.hpp>
#include <moor/wait_group.hpp>

#include "header_examples.hpp"

namespace {

struct job {
    int number;
};

int jobs_read = 0;
std::atomic<int> total{0};
moor::wait_group done(10);

std::optional<job> read_job() { return jobs_read < 10 ? std::optional(job{jobs_read++}) : std::nullopt; }

void work(const job& given) {
    total += given.number;
    done.done();
}

} // namespace

void channel_example() {
    moor::channel<job> jobs(16);
    for (int i = 0; i < 4; ++i) {
        moor::spawn([jobs] {
            for (job& next : jobs) work(next);
        });
    }
    while (auto next = read_job()) jobs.send(std::move(*next));
    jobs.close();

    done.wait();
    expect(total == 45, "channel");
}
