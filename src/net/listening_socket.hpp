// What is behind a tcp_listener: a ring of accepting calls that stay outstanding whether or not anybody is in accept().
//
// Their packets may come in any order and may outlive the handle. So each call has a completion handler instead of a
// waiting coroutine: the worker that dequeues the packet hands the connection to the first waiting acceptor, or puts it
// into the ready list, or disposes of it when the listener is closed. A pending call holds a reference to this object,
// which holds the socket that the call accepts into: nothing is freed under the kernel. Rejected: acceptors that each
// await the oldest call (completions need not be in order), and a coroutine per listener (one stack more for nothing).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include <moor/detail/wait.hpp>
#include <moor/tcp.hpp>

#include "io/io_context.hpp"
#include "io/shared_handle.hpp"
#include "net/stream_socket.hpp"
#include "win/spin_lock.hpp"

namespace moor::detail {

class listening_socket final : public io::shared_handle {
public:
    /// Binds, listens and starts the calls. Null with an error. The caller owns the reference.
    [[nodiscard]] static listening_socket* open(const endpoint& local, const listen_options& options,
                                                std::error_code& error);

    /// The next connection; null with an error. As tcp_listener::accept.
    [[nodiscard]] stream_socket* accept(const wait_limit& limit, std::error_code& error);

    /// The bound address, fixed since open().
    [[nodiscard]] const endpoint& local() const noexcept { return local_; }
    [[nodiscard]] SOCKET native_handle() noexcept;

private:
    // One accepting call after another. Idle (nothing in it), armed (its packet is awaited), ready (completed, nobody
    // has it), or taken by an acceptor. Armed and taken ones are counted in active_.
    struct slot {
        listening_socket* owner = nullptr;
        win::unique_socket accepted;
        io::operation_owner call; // empty while armed: the operation is its packet's then
        slot* next = nullptr;
    };

    // First-in first-out.
    class slot_list {
    public:
        [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
        void push(slot& added) noexcept;
        [[nodiscard]] slot* pop() noexcept;

    private:
        slot* first_ = nullptr;
        slot* last_ = nullptr;
    };

    listening_socket(win::unique_socket socket, const endpoint& local, unsigned slots, iocp::io_service& service);

    // Arming.
    std::error_code arm_idle_slots() noexcept;
    std::error_code arm(slot& idle) noexcept;
    static void on_accepted(iocp::operation& completed, void* context) noexcept;
    void deliver(slot& completed) noexcept;

    // Taking.
    [[nodiscard]] slot* take(const wait_limit& limit, std::error_code& error) noexcept;
    void became_idle(slot& emptied) noexcept;
    [[nodiscard]] std::error_code error_of(slot& completed) noexcept;
    [[nodiscard]] stream_socket* make_stream(win::unique_socket accepted, std::error_code& error) noexcept;

    [[nodiscard]] win::io_handle borrow() const noexcept override { return win::io_handle(socket_); }
    /// Sends every acceptor away and drops the connections that nobody took.
    void let_go() noexcept override;
    void close_handle() noexcept override { socket_.close(); }

    win::unique_socket socket_;
    const endpoint local_;
    iocp::io_service& service_;
    std::vector<slot> slots_; // never resized

    spin_lock lock_; // guards all below
    slot_list idle_;
    slot_list ready_;
    std::size_t active_ = 0;
    wait_queue acceptors_; // each waiter's `slot` points to a slot* of its own; left null it means: look again
};

} // namespace moor::detail
