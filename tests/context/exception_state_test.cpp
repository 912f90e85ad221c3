// C++ exceptions of interleaved coroutines: which ones are being handled and how many are in flight belongs to the
// coroutine, wherever it goes on.
#include "context/exception_state.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/run.hpp"
#include "support/seed.hpp"
#include "support/spin.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

struct numbered {
    int number;
};

// Suspends in one of several ways; with several workers the coroutine often goes on on another one.
void suspend(unsigned how) {
    switch (how % 4) {
    case 0:
    case 1: this_coroutine::yield(); break;
    case 2: this_coroutine::sleep_for(std::chrono::microseconds(50)); break;
    default: spawn([] { this_coroutine::yield(); }).join(); break;
    }
}

int number_of_current() {
    const std::exception_ptr current = std::current_exception();
    if (!current) {
        return 0;
    }
    try {
        std::rethrow_exception(current);
    } catch (const numbered& caught) {
        return caught.number;
    }
}

class exceptions_on : public testing::TestWithParam<unsigned> {
protected:
    /// Runs `body(number)` on `count` coroutines at once.
    template <class Body>
    void interleave(int count, Body body) const {
        test::in_runtime(GetParam(), [count, body] {
            std::vector<join_handle<void>> handles;
            for (int number = 1; number <= count; ++number) {
                handles.push_back(spawn(body, number));
            }
            for (auto& handle : handles) {
                handle.join();
            }
        });
    }
};
INSTANTIATE_TEST_SUITE_P(workers, exceptions_on, testing::Values(1u, 2u, 4u));

TEST_P(exceptions_on, a_catch_block_suspends) {
    interleave(20, [](int number) {
        for (unsigned round = 0; round < 50; ++round) {
            try {
                throw numbered{number};
            } catch (const numbered& caught) {
                suspend(round + static_cast<unsigned>(number));
                ASSERT_EQ(caught.number, number);
                ASSERT_EQ(number_of_current(), number);
                suspend(round);
                ASSERT_EQ(number_of_current(), number);
            }
            ASSERT_EQ(std::current_exception(), nullptr);
            suspend(round);
            ASSERT_EQ(std::current_exception(), nullptr);
        }
    });
}

TEST_P(exceptions_on, a_rethrow_after_a_suspension_throws_ones_own) {
    interleave(20, [](int number) {
        for (unsigned round = 0; round < 50; ++round) {
            int seen = 0;
            try {
                try {
                    throw numbered{number};
                } catch (...) {
                    suspend(round + static_cast<unsigned>(number));
                    throw;
                }
            } catch (const numbered& caught) {
                suspend(round);
                seen = caught.number;
            }
            ASSERT_EQ(seen, number);
        }
    });
}

// The rethrow happens on another worker than the throw: shown, not hoped for.
TEST(exceptions, a_rethrow_on_another_worker) {
    test::in_runtime(2, [] {
        for (int round = 1; round <= 10; ++round) {
            bool moved = false;
            std::atomic<bool> gone{false};
            join_handle<bool> occupant;
            auto traveller = spawn([&] {
                try {
                    try {
                        throw numbered{round};
                    } catch (...) {
                        const unsigned here = this_coroutine::worker();
                        // Keeps this worker busy while the traveller is in its queue, until another one has taken it.
                        occupant =
                            spawn({.worker = here}, [&] { return test::spin_until([&] { return gone.load(); }); });
                        while (this_coroutine::worker() == here && !occupant.done()) {
                            this_coroutine::yield();
                        }
                        moved = this_coroutine::worker() != here;
                        gone = true;
                        EXPECT_EQ(number_of_current(), round);
                        throw;
                    }
                } catch (const numbered& caught) {
                    EXPECT_EQ(caught.number, round);
                }
            });
            traveller.join();
            EXPECT_TRUE(moved) << "round " << round;
            EXPECT_TRUE(occupant.join());
        }
    });
}

TEST_P(exceptions_on, catch_blocks_nest) {
    struct nest {
        static void at(int depth, int number) {
            try {
                throw numbered{number * 100 + depth};
            } catch (const numbered& outer) {
                suspend(static_cast<unsigned>(depth + number));
                if (depth < 8) {
                    at(depth + 1, number);
                }
                ASSERT_EQ(number_of_current(), number * 100 + depth);
                try {
                    suspend(static_cast<unsigned>(depth));
                    throw numbered{-outer.number};
                } catch (const numbered& inner) {
                    suspend(static_cast<unsigned>(number));
                    ASSERT_EQ(inner.number, -outer.number);
                    ASSERT_EQ(number_of_current(), -outer.number);
                }
                ASSERT_EQ(outer.number, number * 100 + depth);
                ASSERT_EQ(number_of_current(), outer.number);
            }
        }
    };
    interleave(20, [](int number) {
        for (int round = 0; round < 5; ++round) {
            nest::at(0, number);
        }
    });
}

// While a destructor of an unwinding coroutine is suspended, others throw, catch and unwind.
TEST_P(exceptions_on, a_destructor_suspends_during_unwinding) {
    struct guard {
        int number;
        explicit guard(int of) : number(of) {}
        ~guard() {
            EXPECT_EQ(std::uncaught_exceptions(), 1);
            suspend(static_cast<unsigned>(number));
            EXPECT_EQ(std::uncaught_exceptions(), 1);
            try { // a throw within, which does not leave the destructor
                throw numbered{-number};
            } catch (const numbered& caught) {
                suspend(static_cast<unsigned>(number) + 1);
                EXPECT_EQ(caught.number, -number);
                EXPECT_EQ(std::uncaught_exceptions(), 1);
            }
        }
    };
    interleave(20, [](int number) {
        for (int round = 0; round < 20; ++round) {
            try {
                const guard first(number);
                const guard second(number + 1);
                throw numbered{number};
            } catch (const numbered& caught) {
                ASSERT_EQ(std::uncaught_exceptions(), 0);
                suspend(static_cast<unsigned>(round));
                ASSERT_EQ(caught.number, number);
            }
        }
    });
}

TEST_P(exceptions_on, uncaught_exceptions_counts_ones_own) {
    // Half of them unwind all the time, the other half only looks.
    struct slow_unwinding {
        ~slow_unwinding() { suspend(0); }
    };
    interleave(20, [](int number) {
        for (unsigned round = 0; round < 50; ++round) {
            if (number % 2 == 0) {
                try {
                    const slow_unwinding slow;
                    throw numbered{number};
                } catch (const numbered&) {
                }
            } else {
                suspend(round);
            }
            ASSERT_EQ(std::uncaught_exceptions(), 0);
            ASSERT_EQ(std::current_exception(), nullptr);
        }
    });
}

TEST_P(exceptions_on, a_coroutine_spawned_in_a_catch_block_starts_with_none) {
    interleave(10, [](int number) {
        try {
            throw numbered{number};
        } catch (const numbered&) {
            spawn([] {
                EXPECT_EQ(std::current_exception(), nullptr);
                EXPECT_EQ(std::uncaught_exceptions(), 0);
                try {
                    throw numbered{-1};
                } catch (const numbered& caught) {
                    this_coroutine::yield();
                    EXPECT_EQ(caught.number, -1);
                }
            }).join();
            ASSERT_EQ(number_of_current(), number);
        }
    });
}

TEST_P(exceptions_on, an_exception_ptr_is_rethrown_by_many) {
    auto owned = std::make_shared<int>(1);
    struct payload {
        std::shared_ptr<int> owned;
    };
    test::in_runtime(GetParam(), [&owned] {
        auto carried = std::make_exception_ptr(payload{owned});
        std::vector<join_handle<void>> handles;
        for (unsigned number = 0; number < 20; ++number) {
            handles.push_back(spawn([&, number] {
                for (unsigned round = 0; round < 20; ++round) {
                    try {
                        std::rethrow_exception(carried);
                    } catch (const payload& caught) {
                        suspend(round + number);
                        ASSERT_EQ(caught.owned, owned);
                    }
                }
            }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
    });
    EXPECT_EQ(owned.use_count(), 1) << "every exception was destroyed";
}

TEST_P(exceptions_on, an_exception_passes_from_a_coroutine_to_its_joiner_in_a_catch_block) {
    interleave(10, [](int number) {
        for (int round = 0; round < 20; ++round) {
            try {
                throw numbered{number};
            } catch (const numbered&) {
                try {
                    spawn([number] {
                        this_coroutine::yield();
                        throw numbered{number + 1000};
                    }).join();
                    FAIL();
                } catch (const numbered& caught) {
                    ASSERT_EQ(caught.number, number + 1000);
                }
                ASSERT_EQ(number_of_current(), number);
            }
        }
    });
}

TEST_P(exceptions_on, a_cancelled_sleep_in_a_catch_block) {
    test::in_runtime(GetParam(), [] {
        std::vector<join_handle<void>> handles;
        for (int number = 1; number <= 20; ++number) {
            handles.push_back(spawn([number] {
                try {
                    throw numbered{number};
                } catch (const numbered&) {
                    try {
                        this_coroutine::sleep_for(1h);
                        ADD_FAILURE();
                    } catch (const std::system_error& error) {
                        EXPECT_EQ(error.code(), std::errc::operation_canceled);
                        this_coroutine::yield();
                    }
                    EXPECT_EQ(number_of_current(), number);
                }
            }));
        }
        this_coroutine::yield();
        for (auto& handle : handles) {
            handle.request_stop();
        }
        for (auto& handle : handles) {
            handle.join();
        }
    });
}

// Throws through many frames, of which some suspend on the way.
TEST_P(exceptions_on, deep_unwinding_at_random) {
    const std::uint32_t seed = test::test_seed();
    struct deep {
        static int descend(int levels, std::minstd_rand& random) {
            struct guard {
                unsigned how;
                ~guard() {
                    if (how < 4) {
                        suspend(how);
                    }
                }
            };
            const guard at_end{static_cast<unsigned>(random() % 40)};
            if (levels == 0) {
                throw numbered{7};
            }
            if (levels % 5 != 0) {
                return descend(levels - 1, random);
            }
            try {
                return descend(levels - 1, random);
            } catch (const numbered& caught) {
                if (random() % 2 == 0) {
                    throw numbered{caught.number};
                }
                throw;
            }
        }
    };
    interleave(10, [seed](int number) {
        std::minstd_rand random(seed + static_cast<std::uint32_t>(number));
        for (int round = 0; round < 5; ++round) {
            EXPECT_THROW(deep::descend(50, random), numbered);
            ASSERT_EQ(std::uncaught_exceptions(), 0);
            ASSERT_EQ(std::current_exception(), nullptr);
        }
    });
}

} // namespace
} // namespace moor
