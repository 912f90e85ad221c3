// The lock inside every primitive: one holder at a time, and each sees what the one before has written.
#include "win/spin_lock.hpp"

#include <mutex>

#include "checker/model.hpp"

namespace moor::model {
namespace {

const about lock_files{.files = {"moor/detail/spin_lock.hpp", "win/spin_lock.hpp", "win/spin_lock.cpp"}};

const scenario three_holders{"spin lock", "three threads lock, one of them only if it is free", lock_files, [] {
                                 detail::spin_lock lock;
                                 int count = 0;
                                 int most = 2;
                                 run_threads(
                                     [&] {
                                         const std::lock_guard guard(lock);
                                         ++count;
                                     },
                                     [&] {
                                         const std::lock_guard guard(lock);
                                         ++count;
                                     },
                                     [&] {
                                         if (lock.try_lock()) {
                                             ++count;
                                             ++most;
                                             lock.unlock();
                                         }
                                     });
                                 require(count == most, "no count of a holder is lost");
                             }};

} // namespace
} // namespace moor::model
