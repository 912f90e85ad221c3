// libuv as a peer: making connections and tearing them down. Handles are used again after their close callback.
#include <array>
#include <cstdint>
#include <deque>
#include <tuple>
#include <vector>

#include "peers/libuv/libuv_jobs.hpp"
#include "peers/libuv/loop.hpp"

namespace moor::bench::peers {
namespace {

template <class handle>
uv_stream_t* as_stream(handle& used) noexcept {
    return reinterpret_cast<uv_stream_t*>(&used);
}

/// One end of a connection: the handle, and room for the byte that goes each way.
struct end {
    uv_tcp_t handle{};
    std::array<char, 2> buffer{};

    /// `come` is the callback of uv_read_start. For callbacks.
    void read(event_loop& loop, uv_read_cb come) noexcept {
        const auto allocate = [](uv_handle_t* from, std::size_t, uv_buf_t* into) {
            // The handle is the first member; its data is the owner of both.
            auto& buffer_of_it = reinterpret_cast<end*>(from)->buffer;
            *into = uv_buf_init(buffer_of_it.data(), static_cast<unsigned>(buffer_of_it.size()));
        };
        std::ignore = loop.succeeded(uv_read_start(as_stream(handle), allocate, come), "uv_read_start");
    }
    /// One byte always fits into what the system has for it. For callbacks.
    void write_byte(event_loop& loop, char byte) noexcept {
        const auto window = uv_buf_init(&byte, 1);
        std::ignore = loop.succeeded(uv_try_write(as_stream(handle), &window, 1), "uv_try_write");
    }
    void close(uv_close_cb closed) noexcept { uv_close(reinterpret_cast<uv_handle_t*>(&handle), closed); }
};

/// Accepts, sends a byte back where clients ask, and closes.
class server {
public:
    server(event_loop& loop, bool asked) : loop_(loop), asked_(asked) {
        check(uv_tcp_init(loop_.get(), &listener_), "uv_tcp_init");
        listener_.data = this;
        check(uv_tcp_bind(&listener_, any_loopback_port(), 0), "uv_tcp_bind");
        const auto come = [](uv_stream_t* listener, int result) {
            auto& self = *static_cast<server*>(listener->data);
            self.loop_.guard([&] {
                check(result, "uv_listen");
                self.accept();
            });
        };
        check(uv_listen(as_stream(listener_), SOMAXCONN, come), "uv_listen");
    }

    [[nodiscard]] sockaddr_in address() const {
        sockaddr_in bound{};
        int size = sizeof bound;
        check(uv_tcp_getsockname(&listener_, reinterpret_cast<sockaddr*>(&bound), &size), "uv_tcp_getsockname");
        return bound;
    }

private:
    void accept() {
        if (free_.empty()) {
            free_.push_back(&ends_.emplace_back());
        }
        end& accepted = *free_.back();
        free_.pop_back();
        check(uv_tcp_init(loop_.get(), &accepted.handle), "uv_tcp_init");
        accepted.handle.data = this;
        check(uv_accept(as_stream(listener_), as_stream(accepted.handle)), "uv_accept");
        if (!asked_) {
            accepted.close(closed);
            return;
        }
        const auto come = [](uv_stream_t* from, ssize_t size, const uv_buf_t* data) {
            auto& self = *static_cast<server*>(from->data);
            if (size == 0) {
                return; // nothing there yet
            }
            if (size != 1) {
                self.loop_.fail("what came is not one byte");
                return;
            }
            auto& answering = *reinterpret_cast<end*>(from);
            answering.write_byte(self.loop_, data->base[0]);
            answering.close(closed);
        };
        accepted.read(loop_, come);
    }

    static void closed(uv_handle_t* handle) {
        static_cast<server*>(handle->data)->free_.push_back(reinterpret_cast<end*>(handle));
    }

    event_loop& loop_;
    const bool asked_;
    uv_tcp_t listener_{};
    std::deque<end> ends_;
    std::vector<end*> free_;
};

/// What the clients share.
struct work {
    event_loop& loop;
    std::uint64_t to_start;
    std::uint64_t to_end;
    sockaddr_in server;
    bool asks; // a byte each way
};

/// Connects, waits until the other end closes, closes, and again.
class client {
public:
    explicit client(work& shared) : shared_(shared) {}

    /// For callbacks.
    void connect() noexcept {
        if (shared_.loop.closing() || shared_.to_start == 0) {
            return;
        }
        --shared_.to_start;
        answered_ = false;
        const auto is_connected = [](uv_connect_t* request, int result) {
            auto& self = *static_cast<client*>(request->handle->data);
            if (!self.shared_.loop.closing() && self.shared_.loop.succeeded(result, "uv_tcp_connect")) {
                self.connected();
            }
        };
        shared_.loop.guard([this, is_connected] {
            check(uv_tcp_init(shared_.loop.get(), &end_.handle), "uv_tcp_init");
            end_.handle.data = this;
            check(uv_tcp_connect(&request_, &end_.handle, reinterpret_cast<const sockaddr*>(&shared_.server),
                                 is_connected),
                  "uv_tcp_connect");
        });
    }

private:
    void connected() noexcept {
        if (shared_.asks) {
            end_.write_byte(shared_.loop, ++question_);
        }
        const auto come = [](uv_stream_t* from, ssize_t size, const uv_buf_t*) {
            if (size != 0) {
                static_cast<client*>(from->data)->take(size);
            }
        };
        end_.read(shared_.loop, come);
    }

    void take(ssize_t size) noexcept {
        if (size > 0) {
            if (!shared_.asks || answered_ || size != 1 || end_.buffer[0] != question_) {
                shared_.loop.fail("the answer is not what was sent");
            }
            answered_ = true;
            return;
        }
        if (size != UV_EOF || shared_.asks != answered_) {
            shared_.loop.fail("the connection has not ended as it should");
            return;
        }
        const auto closed = [](uv_handle_t* handle) {
            auto& self = *static_cast<client*>(handle->data);
            self.shared_.loop.done();
            if (--self.shared_.to_end == 0) {
                self.shared_.loop.stop();
            }
            self.connect();
        };
        end_.close(closed);
    }

    work& shared_;
    end end_;
    uv_connect_t request_{};
    bool answered_ = false;
    char question_ = 0;
};

figures make_connections(std::uint64_t clients, std::uint64_t items, bool asking) {
    struct {
        std::deque<client> clients;
        std::deque<server> servers;
    } handles;
    event_loop loop; // gone before its handles are
    server& listening = handles.servers.emplace_back(loop, asking);
    work shared{loop, items, items, listening.address(), asking};
    for (std::uint64_t index = 0; index < clients; ++index) {
        handles.clients.emplace_back(shared);
    }
    const auto start = clock::now();
    for (client& starting : handles.clients) {
        starting.connect();
    }
    loop.run();
    return timed(clock::now() - start, items);
}

} // namespace

figures libuv_accept(const request& asked) { return make_connections(asked["clients"], asked.items(), false); }

figures libuv_connect(const request& asked) { return make_connections(1, asked.items(), true); }

} // namespace moor::bench::peers
