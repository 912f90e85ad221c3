#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>

#include <moor/endpoint.hpp>
#include <moor/sendable_file.hpp>
#include <moor/task_group.hpp>
#include <moor/tcp.hpp>

#include "header_examples.hpp"

void sendable_file_example() {
    const auto folder = std::filesystem::current_path();
    std::filesystem::current_path(std::filesystem::temp_directory_path());
    std::ofstream("page.html") << "hello";

    auto listener = moor::tcp_listener::bind({"127.0.0.1", 0});
    moor::task_group both;
    both.spawn([&] {
        auto stream = listener.accept();
        stream.send_file(moor::sendable_file::open("page.html"));
    });
    both.spawn([&] {
        auto stream = moor::tcp_stream::connect(listener.local_endpoint());
        std::array<std::byte, 5> text{};
        stream.read_exactly(text);
        expect(text[0] == std::byte{'h'} && text[4] == std::byte{'o'}, "sendable_file");
    });
    both.wait();

    std::filesystem::remove("page.html");
    std::filesystem::current_path(folder);
}
