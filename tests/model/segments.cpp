// Segments on their way between workers' caches and the pool: one is in one place at a time, and what its last user
// wrote there is before what the next one does.
#include <cstring>

#include "checker/model.hpp"
#include "stack/segment_cache.hpp"
#include "stack/segment_pool.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

using stack::segment;
using stack::segment_cache;
using stack::segment_pool;

const about segment_files{
    .files = {"win/system_lock.hpp", "stack/segment_pool.cpp", "stack/segment_cache.hpp", "stack/segment_cache.cpp"}};

constexpr std::size_t size = stack::largest_segment;

// What a coroutine does on its stack.
void use(const segment& part) {
    require(static_cast<bool>(part), "there is a segment");
    auto* const lowest = reinterpret_cast<volatile std::uint64_t*>(part.base);
    *lowest = 1;
    require(*lowest == 1, "nobody else uses the segment");
    *lowest = 0;
}

const scenario caches{"segments", "two workers take and give through caches of two", segment_files, [] {
                          const fresh_address_space memory;
                          segment_pool pool({.address_space = 8 * size, .kept_chunks = 0, .chunks_per_commit = 1});
                          {
                              segment_cache first(pool, 2 * size);
                              segment_cache second(pool, 2 * size);
                              const auto body = [](segment_cache& own) {
                                  return [&own] {
                                      const segment one = own.take(size);
                                      const segment other = own.take(size);
                                      use(one);
                                      use(other);
                                      own.give(one);
                                      own.give(other);
                                      own.clear();
                                  };
                              };
                              run_threads(body(first), body(second));
                          }
                          require(pool.counters().in_use() == 0, "no segment is lost");
                      }};

const scenario wanders{"segments", "a coroutine takes its stack from one worker's cache to another's", segment_files,
                       [] {
                           const fresh_address_space memory;
                           segment_pool pool({.address_space = 8 * size, .kept_chunks = 0, .chunks_per_commit = 1});
                           {
                               segment_cache first(pool, 2 * size);
                               segment_cache second(pool, 2 * size);
                               std::atomic<std::byte*> on_its_way{nullptr};
                               run_threads(
                                   [&] {
                                       const segment one = first.take(size);
                                       use(one);
                                       on_its_way.store(one.base, std::memory_order_release);
                                       const segment other = first.take(size);
                                       use(other);
                                       first.give(other);
                                       first.clear();
                                   },
                                   [&] {
                                       const segment own = second.take(size);
                                       use(own);
                                       second.give(own);
                                       if (std::byte* const base = on_its_way.load(std::memory_order_acquire)) {
                                           use({base, size});
                                           second.give({base, size});
                                           on_its_way.store(nullptr, std::memory_order_relaxed);
                                       }
                                       second.clear();
                                   },
                                   [&] {
                                       // Whoever looks sees no more in caches than is out.
                                       static_cast<void>(pool.counters());
                                   });
                               if (std::byte* const base = on_its_way.load(std::memory_order_relaxed)) {
                                   second.give({base, size});
                               }
                           }
                           require(pool.counters().in_use() == 0, "no segment is lost");
                       }};

} // namespace
} // namespace moor::model
