// Using a segment that is not one's own ends the process: by a fault under fault_on_free, by a message when it is given
// back twice. Each in a child process.
#include <cstdint>
#include <cstdio>

#include <gmock/gmock.h>

#include "stack/segment_cache.hpp"
#include "stack/segment_pool.hpp"
#include "support/child.hpp"
#include "win/windows.hpp"

namespace moor::stack {
namespace {

using testing::HasSubstr;

constexpr std::size_t kibibyte = 1024;

segment_pool_options faulting() {
    segment_pool_options options;
    options.address_space = std::size_t{16} * 1024 * 1024;
    options.fault_on_free = true;
    return options;
}

void expect_fault(const test::scenario& wanted) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, static_cast<std::uint32_t>(STATUS_ACCESS_VIOLATION));
    EXPECT_THAT(end.error_output, HasSubstr("before"));
}

void expect_message(const test::scenario& wanted) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, HasSubstr("moor: a stack segment was given back that is not in use"));
}

// Touches a byte that the pool has taken back; other segments are taken and given meanwhile.
void touch_after_giving(std::size_t size, std::size_t offset, bool writes) {
    segment_pool pool(faulting());
    segment_cache cache(pool);
    const segment freed = cache.take(size);
    volatile std::byte* const byte = freed.base + offset;
    *byte = std::byte{1};
    cache.give(freed);
    for (int other = 0; other != 50; ++other) {
        cache.give(cache.take(size));
    }
    std::fputs("before\n", stderr);
    std::fflush(stderr);
    if (writes) {
        *byte = std::byte{2};
    } else {
        static_cast<void>(*byte);
    }
}

const test::scenario read_freed("read_freed", [] { touch_after_giving(2 * kibibyte, 2 * kibibyte - 1, false); });
TEST(fault_on_free, reading_a_freed_segment_faults) { expect_fault(read_freed); }

const test::scenario write_freed("write_freed", [] { touch_after_giving(2 * kibibyte, 0, true); });
TEST(fault_on_free, writing_a_freed_segment_faults) { expect_fault(write_freed); }

const test::scenario write_large("write_large", [] { touch_after_giving(64 * kibibyte, 8 * kibibyte, true); });
TEST(fault_on_free, writing_a_large_freed_segment_faults) { expect_fault(write_large); }

const test::scenario freed_twice_there("freed_twice_there", [] {
    segment_pool pool(faulting());
    const segment freed = pool.take(4 * kibibyte);
    pool.give(freed);
    pool.give(freed);
});
TEST(fault_on_free, giving_twice_is_reported) { expect_message(freed_twice_there); }

const test::scenario freed_twice("freed_twice", [] {
    segment_pool pool;
    const segment freed = pool.take(4 * kibibyte);
    static_cast<void>(pool.take(4 * kibibyte)); // the chunk stays with its class
    pool.give(freed);
    pool.give(freed);
});
TEST(segment_pool, giving_twice_is_reported) { expect_message(freed_twice); }

const test::scenario last_freed_twice("last_freed_twice", [] {
    segment_pool pool;
    const segment freed = pool.take(4 * kibibyte);
    pool.give(freed);
    pool.give(freed);
});
TEST(segment_pool, giving_the_last_of_a_chunk_twice_is_reported) { expect_message(last_freed_twice); }

const test::scenario other_size("other_size", [] {
    segment_pool pool;
    const segment taken = pool.take(4 * kibibyte);
    pool.give({taken.base, 2 * kibibyte});
});
TEST(segment_pool, giving_another_size_is_reported) { expect_message(other_size); }

const test::scenario no_size("no_size", [] {
    segment_pool pool;
    const segment taken = pool.take(4 * kibibyte);
    pool.give({taken.base, 5 * kibibyte});
});
TEST(segment_pool, giving_what_is_no_size_is_reported) { expect_message(no_size); }

const test::scenario inner_address("inner_address", [] {
    segment_pool pool;
    const segment taken = pool.take(4 * kibibyte);
    pool.give({taken.base + kibibyte, 4 * kibibyte});
});
TEST(segment_pool, giving_an_inner_address_is_reported) { expect_message(inner_address); }

const test::scenario never_taken("never_taken", [] {
    segment_pool pool;
    const segment taken = pool.take(64 * kibibyte);
    pool.give({taken.base + 1000 * 64 * kibibyte, 64 * kibibyte});
});
TEST(segment_pool, giving_what_was_never_taken_is_reported) { expect_message(never_taken); }

const test::scenario foreign("foreign", [] {
    segment_pool pool;
    segment_pool other;
    pool.give(other.take(2 * kibibyte));
});
TEST(segment_pool, giving_another_pools_segment_is_reported) { expect_message(foreign); }

const test::scenario empty("empty", [] {
    segment_pool pool;
    pool.give({nullptr, 2 * kibibyte});
});
TEST(segment_pool, giving_an_empty_segment_is_reported) { expect_message(empty); }

} // namespace
} // namespace moor::stack
