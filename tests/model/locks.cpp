// What coroutines share: one at a time is inside, no unit is lost, and whoever waits is woken.
#include <mutex>
#include <system_error>

#include <moor/mutex.hpp>
#include <moor/once.hpp>
#include <moor/semaphore.hpp>

#include "checker/model.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

const about mutex_files{.files = {"sync/mutex.cpp", "sync/waiting.hpp", "moor/mutex.hpp"}};

const scenario mutex_hands_over{"mutex", "three coroutines lock", mutex_files, [] {
                                    world of;
                                    mutex guarded;
                                    int count = 0;
                                    const auto body = [&](std::size_t number) {
                                        return [&, number] {
                                            const as_coroutine self(of.workers[number]);
                                            const std::lock_guard guard(guarded);
                                            ++count;
                                        };
                                    };
                                    run_threads(body(0), body(1), body(2));
                                    require(count == 3, "no count of a holder is lost");
                                }};

const scenario mutex_gives_up{"mutex", "one that waits is stopped while the owner unlocks", mutex_files, [] {
                                  world of;
                                  mutex guarded;
                                  int count = 0;
                                  bool second_was_in = false;
                                  bool third_was_in = false;
                                  run_threads(
                                      [&] {
                                          const as_coroutine self(of.workers[0]);
                                          const std::lock_guard guard(guarded);
                                          ++count;
                                      },
                                      [&] {
                                          const as_coroutine self(of.workers[1]);
                                          std::error_code error;
                                          if (guarded.lock(no_limit, error)) {
                                              second_was_in = true;
                                              ++count;
                                              guarded.unlock();
                                          }
                                      },
                                      [&] {
                                          of.workers[1].runs.request_stop();
                                          const as_coroutine self(of.workers[2]);
                                          if (guarded.try_lock()) {
                                              third_was_in = true;
                                              ++count;
                                              guarded.unlock();
                                          }
                                      });
                                  require(count == 1 + second_was_in + third_was_in, "no count of a holder is lost");
                                  require(guarded.try_lock(), "it is free in the end");
                                  guarded.unlock();
                              }};

// A coroutine that has got the mutex may destroy it: whoever unlocked it does not look at it any more.
const scenario mutex_ends{"mutex", "the second to lock destroys it", mutex_files, [] {
                              world of;
                              auto* const guarded = new mutex;
                              std::atomic<int> users{2};
                              const auto body = [&](std::size_t number) {
                                  return [&, number] {
                                      const as_coroutine self(of.workers[number]);
                                      guarded->lock();
                                      const bool last = users.fetch_sub(1, std::memory_order_relaxed) == 1;
                                      guarded->unlock();
                                      if (last) {
                                          delete guarded;
                                      }
                                  };
                              };
                              run_threads(body(0), body(1));
                          }};

const about once_files{.files = {"sync/once.cpp", "sync/waiting.hpp", "moor/once.hpp"}};

const scenario once_runs{"once", "three call it, the first run fails", once_files, [] {
                             world of;
                             once single;
                             int runs = 0;
                             int result = 0;
                             const auto body = [&](std::size_t number) {
                                 return [&, number] {
                                     const as_coroutine self(of.workers[number]);
                                     try {
                                         single.call([&] {
                                             if (++runs == 1) {
                                                 throw 1;
                                             }
                                             result = 42;
                                         });
                                         require(result == 42, "what the run has written is seen");
                                     } catch (int) {
                                     }
                                 };
                             };
                             run_threads(body(0), body(1), body(2));
                             require(runs == 2, "it runs again after a failure, and then no more");
                         }};

const scenario once_is_done{"once", "one looks whether it is done", once_files, [] {
                                world of;
                                once single;
                                int result = 0;
                                run_threads(
                                    [&] {
                                        const as_coroutine self(of.workers[0]);
                                        single.call([&] { result = 42; });
                                    },
                                    [&] {
                                        const as_coroutine self(of.workers[1]);
                                        single.call([&] { result = 42; });
                                        require(result == 42, "what the run has written is seen");
                                    },
                                    [&] {
                                        if (single.done()) {
                                            require(result == 42, "what the run has written is seen");
                                        }
                                    });
                            }};

const about semaphore_files{.files = {"sync/semaphore.cpp", "sync/waiting.hpp", "win/spin_lock.hpp"}};

const scenario semaphore_serves{"semaphore", "two wait for units that two release", semaphore_files, [] {
                                    world of;
                                    semaphore units(0);
                                    int inside = 0;
                                    run_threads(
                                        [&] {
                                            const as_coroutine self(of.workers[0]);
                                            units.acquire(2);
                                            ++inside;
                                            units.release(2);
                                        },
                                        [&] {
                                            const as_coroutine self(of.workers[1]);
                                            units.acquire(1);
                                            units.release(1);
                                        },
                                        [&] {
                                            units.release(1);
                                            units.release(1);
                                        });
                                    require(inside == 1 && units.available() == 2, "no unit is lost");
                                }};

const scenario semaphore_gives_up{"semaphore", "the first in line is stopped, the second is served", semaphore_files,
                                  [] {
                                      world of;
                                      semaphore units(1);
                                      bool first_was_in = false;
                                      run_threads(
                                          [&] {
                                              const as_coroutine self(of.workers[0]);
                                              std::error_code error;
                                              first_was_in = units.acquire(2, no_limit, error);
                                          },
                                          [&] {
                                              const as_coroutine self(of.workers[1]);
                                              units.acquire(1);
                                              units.release(1);
                                          },
                                          [&] { of.workers[0].runs.request_stop(); });
                                      require(!first_was_in && units.available() == 1, "no unit is lost");
                                  }};

} // namespace
} // namespace moor::model
