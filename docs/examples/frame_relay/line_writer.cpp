#include "line_writer.hpp"

#include <array>
#include <new>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <windows.h>

namespace frame_relay {
namespace {

line_writer::sink standard_stream(DWORD which) {
    return [stream = ::GetStdHandle(which)](std::string_view text) {
        DWORD count = 0;
        while (!text.empty() &&
               ::WriteFile(stream, text.data(), static_cast<DWORD>(text.size()), &count, nullptr) != 0) {
            text.remove_prefix(count);
        }
    };
}

void say_what_was_lost(const line_writer::sink& output, std::uint64_t lines) {
    if (lines > 0) {
        std::array<char, 80> text; // no memory is asked for here, since it may be short
        const auto end =
            fmt::format_to_n(text.begin(), text.size(), "{} lines were lost: not read in time\n", lines).out;
        output(std::string_view(text.begin(), end));
    }
}

} // namespace

line_writer::line_writer(sink output, std::size_t most_lines)
    : lines_(most_lines), lost_(std::make_shared<std::atomic<std::uint64_t>>(0)),
      thread_([lines = lines_, finished = finished_, lost = lost_, print = std::move(output)] {
          while (const auto line = lines.receive()) {
              print(*line);
              // What was lost found the queue full: it came after the lines that were in it.
              if (lines.empty()) {
                  say_what_was_lost(print, lost->exchange(0, std::memory_order_relaxed));
              }
          }
          finished.close();
      }) {}

line_writer::~line_writer() {
    lines_.close();
    std::error_code stuck;
    finished_.receive(farewell_time, stuck);
    if (stuck) {
        thread_.detach();
    } else {
        thread_.join();
    }
}

void line_writer::write(std::string_view line) noexcept {
    try {
        std::string whole(line);
        whole += '\n';
        if (lines_.try_send(std::move(whole))) {
            return;
        }
    } catch (const std::bad_alloc&) {
    }
    lost_->fetch_add(1, std::memory_order_relaxed); // a counter that guards nothing
}

line_writer::sink standard_output() { return standard_stream(STD_OUTPUT_HANDLE); }
line_writer::sink standard_error() { return standard_stream(STD_ERROR_HANDLE); }

} // namespace frame_relay
