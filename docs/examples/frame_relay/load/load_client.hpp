// One client of the load: sends messages to a few others, and accounts for every message that they send to it.
//
// A window bounds what is on its way between two clients, so that the relay's queues never fill and its policy for slow
// receivers never has to drop anything: then every missing message is a fault. Acknowledgements are messages like all
// others and are accounted for in the same way.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <moor/condition_variable.hpp>
#include <moor/endpoint.hpp>
#include <moor/mutex.hpp>
#include <moor/tcp.hpp>

#include "frame_codec.hpp"
#include "load/latency_histogram.hpp"
#include "load/message.hpp"

namespace frame_relay {

/// What all clients of a run share.
struct load_totals {
    latency_histogram latencies;
    std::atomic<std::uint64_t> frames{0};    ///< received and verified
    std::atomic<std::uint64_t> bytes{0};     ///< of those frames, as they travelled
    std::atomic<std::uint64_t> corrupted{0}; ///< received and not what was sent, or out of order
};

/// Both directions between a client and one other.
struct load_link {
    std::uint32_t peer = 0;
    bool takes_data = false;          ///< whether the client sends data to it
    std::uint64_t sent = 0;           ///< messages to it; the sequence of the next one
    std::uint64_t data_sent = 0;      ///< those of them that had data
    std::uint64_t data_confirmed = 0; ///< how many of those it has acknowledged
    std::uint64_t received = 0;       ///< verified messages from it
    std::uint64_t expected = 0;       ///< sequence of the next one; ahead of `received` by what was lost
    std::uint64_t data_received = 0;  ///< messages with data among those received
    std::uint64_t data_reported = 0;  ///< how many of those the client has acknowledged
};

class load_client {
public:
    enum class phase : std::uint8_t {
        quiet,    ///< connected, sends nothing of its own
        sending,  ///< as much as the windows allow
        draining, ///< no new data; acknowledges everything at once
        finished, ///< closes the connection
    };

    /// `plan` and `totals` outlive the client. It sends data to the clients `receivers` and gets data from `senders`;
    /// `window` messages with data may be unacknowledged towards each receiver.
    load_client(std::uint32_t index, const message_plan& plan, load_totals& totals,
                const std::vector<std::uint32_t>& receivers, const std::vector<std::uint32_t>& senders,
                unsigned window);
    load_client(const load_client&) = delete;
    load_client& operator=(const load_client&) = delete;

    /// Connects and introduces itself. Throws std::system_error.
    void connect(const moor::endpoint& server);

    /// After connect(): reads until the connection ends, with a coroutine of its own for writing.
    void run();

    /// Any coroutine. Phases only go forward.
    void enter(phase next);

    /// Messages with data that were sent and not acknowledged yet.
    [[nodiscard]] std::uint64_t unacknowledged() const;

    /// Messages received with a gap before them, so far.
    [[nodiscard]] std::uint64_t missing() const;

    // For the account at the end, when run() has returned.
    [[nodiscard]] const std::vector<load_link>& links() const noexcept { return links_; }
    [[nodiscard]] const load_link* find_link(std::uint32_t peer) const noexcept;
    /// Why the connection ended before the run did; empty when it did not.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

private:
    void add_link(std::uint32_t peer, bool takes_data);

    // Reader.
    [[nodiscard]] frame next_frame();
    void handle(frame&& received);
    void account_for(const frame& received);
    [[nodiscard]] bool is_in_order(const message& text);

    // Writer.
    void run_writer();
    void write_messages();
    [[nodiscard]] bool has_work() const noexcept;
    [[nodiscard]] bool owes_report(const load_link& to) const noexcept;
    [[nodiscard]] bool has_room(const load_link& to) const noexcept;
    void plan_batch();
    void plan_message(load_link& to, bool carries_data);
    void make_frames();

    void fail(const char* why);

    static constexpr std::size_t most_in_batch = 16;
    static constexpr std::size_t buffer_size = 16 * 1024;

    const std::uint32_t index_;
    const message_plan& plan_;
    load_totals& totals_;
    const unsigned window_;
    moor::tcp_stream stream_;

    // The reader's.
    frame_decoder decoder_{first_from_server, default_max_payload};
    std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    std::span<const std::byte> unread_;

    mutable moor::mutex lock_; // guards the next five
    moor::condition_variable changed_;
    phase phase_ = phase::quiet;
    std::vector<load_link> links_;
    std::vector<frame> pongs_;
    std::string failure_;

    // The writer's.
    seeded_random choices_;
    std::vector<message> planned_;
    std::vector<frame> batch_;
    std::vector<std::span<const std::byte>> batch_bytes_;
};

} // namespace frame_relay
