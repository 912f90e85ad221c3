// The end of a call on a socket: waits for its packet if one will come (law 2), and says whether completion, deadline,
// stop or close ended it.
#include "io/io_socket.hpp"

namespace moor::io {

using detail::wake_reason;

socket_call::socket_call(io_socket& used, const wait_limit& limit, std::error_code& error) noexcept
    : socket_(used), open_(used), limit_(limit), error_(error), here_(current_io()) {
    error.clear();
    if (!open_) {
        error = win::to_error(std::errc::operation_canceled);
        return;
    }
    if (const auto deadline = used.deadline(); deadline < limit.deadline()) {
        narrowed_ = limit.no_later_than(deadline);
    }
    if (const std::error_code refused = may_begin(here_, used.runtime_id(), this->limit())) {
        error = refused;
        return;
    }
    call_ = operation_owner::acquire(*here_.service, error);
}

bool socket_call::may_go_on() noexcept {
    error_ = socket_.closing() ? win::to_error(std::errc::operation_canceled)
                               : may_begin(current_io(), socket_.runtime_id(), limit());
    return !error_;
}

std::size_t socket_call::finish(iocp::submission submitted) noexcept {
    auto reason = wake_reason::notified;
    if (submitted == iocp::submission::pending) {
        if (socket_.closing()) {
            iocp::cancel(*call_, socket_.borrow()); // close() may have come before the submission
        }
        reason = await(*call_, socket_.borrow(), limit());
    } else {
        share_worker(here_);
    }
    if (call_->error() == 0) {
        return call_->transferred();
    }
    error_ = outcome(iocp::socket_error(*call_, socket_.socket_), reason, socket_.closing());
    return 0;
}

} // namespace moor::io
