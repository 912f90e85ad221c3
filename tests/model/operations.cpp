// An overlapped call between its owner and the worker that dequeues its packet (laws 1 and 2): the owner sees the
// result, and the operation goes back to its pool once, not before its packet was dequeued.
#include "iocp/operation.hpp"

#include <system_error>

#include "checker/model.hpp"
#include "io/io_context.hpp"
#include "system.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

const about operation_files{.files = {"iocp/operation.cpp", "iocp/operation.hpp"}};

const win::unique_socket no_socket;

const scenario awaits{"operations", "the owner waits while the packet is dequeued", operation_files, [] {
                          world of;
                          kernel system;
                          iocp::operation call;
                          run_threads(
                              [&] {
                                  const as_coroutine self(of.workers[0]);
                                  call.begin();
                                  system.submit(call);
                                  io::await(call, win::io_handle(no_socket), no_limit);
                                  require(call.completed() && call.transferred() == 7, "the owner sees the result");
                                  call.begin(); // and may use it again
                                  system.submit(call);
                                  io::await(call, win::io_handle(no_socket), no_limit);
                                  require(call.completed() && call.transferred() == 7, "the owner sees the result");
                              },
                              [&] {
                                  const as_coroutine self(of.workers[1]);
                                  system.dequeue(7);
                                  system.dequeue(7);
                              });
                      }};

const scenario stops{"operations", "the owner is stopped while the packet is dequeued", operation_files, [] {
                         world of;
                         kernel system;
                         iocp::operation call;
                         run_threads(
                             [&] {
                                 const as_coroutine self(of.workers[0]);
                                 call.begin();
                                 system.submit(call);
                                 io::await(call, win::io_handle(no_socket), no_limit);
                                 require(call.completed() && call.transferred() == 7, "the owner sees the result");
                                 require(system.pending() == 0, "no packet is to come");
                                 call.retire();
                             },
                             [&] {
                                 const as_coroutine self(of.workers[1]);
                                 system.dequeue(7);
                             },
                             [&] { of.workers[0].runs.request_stop(); });
                     }};

const scenario abandons{"operations", "the owner abandons it while the packet is dequeued", operation_files, [] {
                            world of;
                            kernel system;
                            iocp::operation call;
                            int returned = 0;
                            run_threads(
                                [&] {
                                    const as_coroutine self(of.workers[0]);
                                    call.begin();
                                    system.submit(call);
                                    if (!call.abandon()) {
                                        require(call.transferred() == 7, "the owner sees the result");
                                        call.retire();
                                        ++returned;
                                    }
                                },
                                [&] {
                                    const as_coroutine self(of.workers[1]);
                                    if (system.dequeue(7) == iocp::packet_outcome::abandoned) {
                                        call.retire();
                                        ++returned;
                                    }
                                });
                            require(returned == 1, "it goes back to its pool once");
                        }};

const scenario handled{
    "operations", "a packet runs a handler, which submits again", operation_files, [] {
        world of;
        kernel system;
        struct shared {
            iocp::operation call;
            kernel& system;
            int completions = 0;
        } context{{}, system};
        context.call.complete_to(
            [](iocp::operation& completed, void* argument) noexcept {
                auto& of_handler = *static_cast<shared*>(argument);
                if (++of_handler.completions < 3) {
                    completed.begin();
                    of_handler.system.submit(completed);
                }
            },
            &context);
        context.call.begin();
        system.submit(context.call);
        run_threads([&] { system.dequeue(1); }, [&] { system.dequeue(2); }, [&] { system.dequeue(3); });
        require(context.completions == 3 && context.call.transferred() != 0, "each packet is handled once");
    }};

} // namespace
} // namespace moor::model
