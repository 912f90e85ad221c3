// A peer (peers/support/peer.hpp) for the tests of what talks with peers: its jobs are the ways to answer.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "win/windows.hpp"

namespace {

std::uint64_t items_of(const std::string& line) {
    const std::size_t at = line.find("items=");
    return at == std::string::npos ? 0 : std::strtoull(line.c_str() + at + 6, nullptr, 10);
}

void answer(const std::string& line, const std::string& threads) {
    if (line.starts_with("about")) {
        std::cout << R"(ok name="fake peer" version="1.2" settings="threads )" << threads << '"' << std::endl;
    } else if (line.starts_with("hang")) {
        std::this_thread::sleep_for(std::chrono::hours(1));
    } else if (line.starts_with("die")) {
        ::TerminateProcess(::GetCurrentProcess(), 7);
    } else if (line.starts_with("mutter")) { // no whole line, then the end
        std::cout << "ok sec" << std::flush;
        ::TerminateProcess(::GetCurrentProcess(), 0);
    } else if (line.starts_with("events")) { // two system calls for each item, and some at the beginning
        const std::uint64_t items = items_of(line);
        const HANDLE event = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
        for (std::uint64_t done = 0; done < items; ++done) {
            ::SetEvent(event);
            ::ResetEvent(event);
        }
        ::CloseHandle(event);
        std::cout << "ok seconds=0.5 items=" << items << std::endl;
    } else {
        std::cout << "cannot it is a fake" << std::endl;
    }
}

} // namespace

int main(int argc, char** argv) {
    for (std::string line; std::getline(std::cin, line);) {
        answer(line, argc > 1 ? argv[1] : "");
    }
    return 0;
}
