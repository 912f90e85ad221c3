// A handle that one closes while others begin calls on it: the system handle is closed once, after the last use, every
// call ends, and the object goes with the last reference.
#include <system_error>

#include "checker/model.hpp"
#include "io/io_context.hpp"
#include "io/shared_handle.hpp"
#include "iocp/overlapped_calls.hpp"
#include "system.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

const about closing_files{
    .files = {"io/shared_handle.cpp", "io/shared_handle.hpp", "iocp/open_handles.cpp", "iocp/open_handles.hpp"}};

struct observations {
    int closed = 0;
    int destroyed = 0;
};

class handle final : public io::shared_handle {
public:
    handle(iocp::io_service& service, observations& seen) noexcept : shared_handle(service), seen_(seen) {}
    ~handle() override { ++seen_.destroyed; }

    bool is_open = true;

private:
    [[nodiscard]] win::io_handle borrow() const noexcept override {
        require(is_open, "a handle that is used is open");
        return win::io_handle(socket_);
    }
    void close_handle() noexcept override {
        is_open = false;
        ++seen_.closed;
    }

    observations& seen_;
    win::unique_socket socket_;
};

// A call of a coroutine, as socket_call makes it.
void call_on(handle& used, kernel& system) {
    const io::shared_handle::use open(used);
    if (!open) {
        return;
    }
    require(used.is_open, "a handle that is used is open");
    iocp::operation call;
    call.begin();
    system.submit(call);
    if (used.closing()) {
        iocp::cancel(call, win::io_handle(win::unique_socket()));
    }
    io::await(call, win::io_handle(win::unique_socket()), no_limit);
    require(used.is_open, "a handle that is used is open");
}

const scenario closes{"closing", "one closes while another one submits a call that only a cancellation ends",
                      closing_files, [] {
                          world of;
                          kernel system;
                          system.completes_only_cancelled = true;
                          observations seen;
                          auto* const used = new handle(of.runtime.io, seen);
                          used->retain();
                          run_threads(
                              [&] {
                                  const as_coroutine self(of.workers[0]);
                                  call_on(*used, system);
                                  used->release();
                              },
                              [&] {
                                  const as_coroutine self(of.workers[1]);
                                  used->close();
                                  used->release();
                              });
                          require(seen.closed == 1 && seen.destroyed == 1, "it is closed and destroyed once");
                          require(of.runtime.io.handles.count() == 0, "the list does not know it any more");
                      }};

const scenario two_close{"closing",
                         "two close and wait for the end, a third one uses it",
                         {.files = closing_files.files, .quick = {.preemptions = 2, .stale_loads = 1}},
                         [] {
                             world of;
                             kernel system;
                             observations seen;
                             auto* const used = new handle(of.runtime.io, seen);
                             used->retain();
                             used->retain();
                             const auto close = [&](std::size_t number) {
                                 return [&, number] {
                                     const as_coroutine self(of.workers[number]);
                                     require(!used->close_and_wait(no_limit), "it is waited for");
                                     require(seen.closed == 1, "it is closed when the wait is over");
                                     used->release();
                                 };
                             };
                             run_threads(close(0), close(1), [&] {
                                 {
                                     const io::shared_handle::use open(*used);
                                     if (open) {
                                         require(used->is_open, "a handle that is used is open");
                                     }
                                 }
                                 used->release();
                             });
                             require(seen.closed == 1 && seen.destroyed == 1, "it is closed and destroyed once");
                         }};

const scenario shutdown{"closing", "the runtime closes all handles while their owner does", closing_files, [] {
                            world of;
                            kernel system;
                            observations seen;
                            auto* const used = new handle(of.runtime.io, seen);
                            run_threads(
                                [&] {
                                    const as_coroutine self(of.workers[0]);
                                    used->close();
                                    used->release();
                                },
                                [&] { of.runtime.io.handles.close_all(); });
                            require(seen.closed == 1 && seen.destroyed == 1, "it is closed and destroyed once");
                            require(of.runtime.io.handles.count() == 0, "the list does not know it any more");
                        }};

// Who uses it need not have a reference: the use keeps the object, too.
const scenario use_outlives{"closing", "its owner closes it and goes while another one uses it", closing_files, [] {
                                world of;
                                kernel system;
                                observations seen;
                                auto* const used = new handle(of.runtime.io, seen);
                                const bool begun = used->enter();
                                require(begun, "it is open");
                                run_threads(
                                    [&] {
                                        require(used->is_open, "a handle that is used is open");
                                        used->leave();
                                    },
                                    [&] {
                                        const as_coroutine self(of.workers[0]);
                                        used->close();
                                        used->release();
                                    });
                                require(seen.closed == 1 && seen.destroyed == 1, "it is closed and destroyed once");
                            }};

// A listener's call has a reference and no use.
const scenario call_outlives{"closing", "a call's packet comes while its handle is closed", closing_files, [] {
                                 world of;
                                 observations seen;
                                 auto* const used = new handle(of.runtime.io, seen);
                                 {
                                     const io::shared_handle::use open(*used);
                                     used->begin_call();
                                     used->begin_call();
                                 }
                                 run_threads([&] { used->end_call(); }, [&] { used->end_call(); },
                                             [&] {
                                                 const as_coroutine self(of.workers[0]);
                                                 require(!used->close_and_wait(no_limit), "it is waited for");
                                                 require(seen.closed == 1, "it is closed when the wait is over");
                                                 used->release();
                                             });
                                 require(seen.closed == 1 && seen.destroyed == 1, "it is closed and destroyed once");
                                 require(of.runtime.io.handles.count() == 0, "the list does not know it any more");
                             }};

} // namespace
} // namespace moor::model
