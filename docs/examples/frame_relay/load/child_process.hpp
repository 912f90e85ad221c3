// A server started by the load generator: its standard input is the leash (end-of-file tells it to stop), its standard
// output comes line by line. Everything here blocks plain threads, so it is used outside the runtime only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace frame_relay {

class child_process {
public:
    /// Starts `program` with `arguments`; its standard error is ours. Throws std::system_error.
    child_process(const std::string& program, const std::vector<std::string>& arguments);

    /// Ends the child: kindly for a few seconds, then by force.
    ~child_process();

    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    /// The next line that the child wrote; empty when none came in time or its output has ended.
    [[nodiscard]] std::optional<std::string> next_line(std::chrono::milliseconds at_most);

    /// Closes the child's standard input and waits for its end; its exit status, empty when it runs on.
    [[nodiscard]] std::optional<std::uint32_t> stop(std::chrono::milliseconds at_most);

private:
    struct close_handle {
        void operator()(void* handle) const noexcept;
    };
    using unique_handle = std::unique_ptr<void, close_handle>;

    struct pipe {
        unique_handle read;
        unique_handle write;
    };

    [[nodiscard]] static pipe make_pipe();
    void start(const std::string& program, const std::vector<std::string>& arguments, const pipe& input,
               const pipe& output);
    void read_lines();

    unique_handle process_;
    unique_handle input_;
    unique_handle output_;

    std::mutex lock_; // guards the next three
    std::condition_variable changed_;
    std::deque<std::string> lines_;
    bool output_ended_ = false;

    std::thread reader_; // last: it uses all of the above
};

} // namespace frame_relay
