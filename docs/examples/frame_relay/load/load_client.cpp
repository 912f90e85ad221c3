#include "load/load_client.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <moor/spawn.hpp>

namespace frame_relay {
namespace {

using namespace std::chrono_literals;

/// A relay that takes longer than this for anything is broken.
constexpr auto patience = 30s;

std::int64_t now() noexcept {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

} // namespace

load_client::load_client(std::uint32_t index, const message_plan& plan, load_totals& totals,
                         const std::vector<std::uint32_t>& receivers, const std::vector<std::uint32_t>& senders,
                         unsigned window)
    : index_(index), plan_(plan), totals_(totals), window_(window), choices_(index) {
    for (const std::uint32_t peer : receivers) {
        add_link(peer, true);
    }
    for (const std::uint32_t peer : senders) {
        add_link(peer, false);
    }
    planned_.reserve(most_in_batch);
    batch_.reserve(most_in_batch);
    batch_bytes_.reserve(most_in_batch);
}

void load_client::add_link(std::uint32_t peer, bool takes_data) {
    const auto known = std::ranges::find(links_, peer, &load_link::peer);
    if (known == links_.end()) {
        links_.push_back({.peer = peer, .takes_data = takes_data});
    } else {
        known->takes_data = known->takes_data || takes_data;
    }
}

const load_link* load_client::find_link(std::uint32_t peer) const noexcept {
    const auto found = std::ranges::find(links_, peer, &load_link::peer);
    return found == links_.end() ? nullptr : &*found;
}

void load_client::connect(const moor::endpoint& server) {
    stream_ = moor::tcp_stream::connect(server, patience);
    stream_.set_no_delay(true);
    stream_.write(make_client_hello(plan_.key_of(index_)).wire(), patience);
    const frame answer = next_frame();
    server_greeting greeting;
    if (!answer || answer.type() != frame_type::server_hello ||
        read_server_hello(answer, greeting) != codec_error::none) {
        throw std::runtime_error("the relay did not answer the hello");
    }
    decoder_.accept(from_server);
}

void load_client::run() {
    auto writer = moor::spawn({.name = "load writer"}, [this] { run_writer(); });
    try {
        while (frame received = next_frame()) {
            handle(std::move(received));
        }
        fail("the relay closed the connection"); // unless we have finished
    } catch (const std::exception& error) {
        fail(error.what());
    }
    enter(phase::finished);
    writer.join();
    stream_.close();
}

void load_client::enter(phase next) {
    {
        const std::lock_guard guard(lock_);
        phase_ = std::max(phase_, next);
    }
    changed_.notify_one();
}

std::uint64_t load_client::unacknowledged() const {
    const std::lock_guard guard(lock_);
    std::uint64_t count = 0;
    for (const load_link& each : links_) {
        count += each.data_sent - each.data_confirmed;
    }
    return count;
}

std::uint64_t load_client::missing() const {
    const std::lock_guard guard(lock_);
    std::uint64_t count = 0;
    for (const load_link& each : links_) {
        count += each.expected - each.received;
    }
    return count;
}

void load_client::fail(const char* why) {
    const std::lock_guard guard(lock_);
    if (phase_ != phase::finished && failure_.empty()) {
        failure_ = why;
    }
}

// ---- Reader -------------------------------------------------------------------------------------------------------

/// An empty frame when the relay has closed the connection. Throws.
frame load_client::next_frame() {
    while (true) {
        codec_error malformed{};
        frame next = decoder_.next(unread_, malformed);
        if (next) {
            return next;
        }
        if (malformed != codec_error::none) {
            throw std::runtime_error(fmt::format("malformed frame from the relay ({})", to_string(malformed)));
        }
        const std::span<std::byte> buffer(buffer_.get(), buffer_size);
        const std::size_t count = stream_.read_some(buffer);
        if (count == 0) {
            return {};
        }
        unread_ = buffer.first(count);
    }
}

void load_client::handle(frame&& received) {
    switch (received.type()) {
    case frame_type::receive: account_for(received); break;
    case frame_type::ping: {
        received.set_type(frame_type::pong);
        const std::lock_guard guard(lock_);
        pongs_.push_back(std::move(received));
        break;
    }
    case frame_type::closing:
        throw std::runtime_error(
            fmt::format("the relay closed the connection for reason {}", static_cast<int>(read_closing(received))));
    default: break; // who is gone shows as missing acknowledgements
    }
    changed_.notify_one();
}

void load_client::account_for(const frame& received) {
    message text;
    const client_key sender = received.key();
    const bool intact = plan_.read(received.data(), text) && text.destination == index_ &&
                        text.source == message_plan::index_of(sender) && plan_.key_of(text.source) == sender;
    if (!intact || !is_in_order(text)) {
        totals_.corrupted.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    totals_.latencies.record(std::chrono::nanoseconds(now() - text.sent_at));
    totals_.frames.fetch_add(1, std::memory_order_relaxed);
    totals_.bytes.fetch_add(received.wire().size(), std::memory_order_relaxed);
}

/// Enters the message into its link. False when it cannot be the next one from there.
bool load_client::is_in_order(const message& text) {
    const std::lock_guard guard(lock_);
    const auto from = std::ranges::find(links_, text.source, &load_link::peer);
    if (from == links_.end() || text.sequence < from->expected || text.acknowledged > from->data_sent) {
        return false;
    }
    from->expected = text.sequence + 1;
    ++from->received;
    from->data_received += text.carries_data ? 1 : 0;
    from->data_confirmed = std::max(from->data_confirmed, text.acknowledged);
    return true;
}

// ---- Writer -------------------------------------------------------------------------------------------------------

void load_client::run_writer() {
    std::error_code ignored;
    try {
        write_messages();
    } catch (const std::exception& error) {
        fail(error.what());
    }
    // The relay reads the end, closes its side, and that ends the reader.
    stream_.shutdown(moor::shutdown_side::send, ignored);
}

void load_client::write_messages() {
    while (true) {
        {
            std::unique_lock lock(lock_);
            changed_.wait(lock, [this] { return has_work(); });
            if (phase_ == phase::finished) {
                return;
            }
            plan_batch();
        }
        make_frames();
        stream_.write(batch_bytes_, patience);
    }
}

bool load_client::has_work() const noexcept {
    return phase_ == phase::finished || !pongs_.empty() ||
           std::ranges::any_of(links_, [this](const load_link& each) { return has_room(each) || owes_report(each); });
}

bool load_client::has_room(const load_link& to) const noexcept {
    return phase_ == phase::sending && to.takes_data && to.data_sent - to.data_confirmed < window_;
}

/// While data flows an acknowledgement for every half window is enough to keep it flowing.
bool load_client::owes_report(const load_link& to) const noexcept {
    const std::uint64_t unreported = to.data_received - to.data_reported;
    return unreported > 0 && (phase_ == phase::draining || unreported * 2 >= window_);
}

/// Under the lock: decides what goes out, which is quick; the bytes are made outside of it.
void load_client::plan_batch() {
    batch_ = std::exchange(pongs_, {});
    planned_.clear();
    // A random start keeps one receiver from having always the first turn.
    const std::size_t start = choices_.below(links_.size());
    for (bool found = true; found && planned_.size() < most_in_batch;) {
        found = false;
        for (std::size_t i = 0; i < links_.size() && planned_.size() < most_in_batch; ++i) {
            load_link& to = links_[(start + i) % links_.size()];
            if (has_room(to) || owes_report(to)) {
                plan_message(to, has_room(to));
                found = true;
            }
        }
    }
}

void load_client::plan_message(load_link& to, bool carries_data) {
    planned_.push_back({.source = index_,
                        .destination = to.peer,
                        .sequence = to.sent++,
                        .acknowledged = to.data_received,
                        .carries_data = carries_data});
    to.data_sent += carries_data ? 1 : 0;
    to.data_reported = to.data_received;
}

void load_client::make_frames() {
    for (message& text : planned_) {
        frame made = make_send(plan_.key_of(text.destination), plan_.size_of(text));
        text.sent_at = now();
        plan_.write(text, made.data());
        batch_.push_back(std::move(made));
    }
    batch_bytes_.clear();
    for (const frame& each : batch_) {
        batch_bytes_.push_back(each.wire());
    }
}

} // namespace frame_relay
