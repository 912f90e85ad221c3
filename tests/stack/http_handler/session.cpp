#include <array>
#include <charconv>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "stack/http_handler/pages.hpp"
#include "stack/http_handler/session.hpp"

namespace moor::test {
namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";

unsigned number_of(std::string_view text) {
    unsigned number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// All parts are views of `text`.
http_request parse(std::string_view text) {
    http_request parsed;
    const std::size_t end = text.find(end_of_head);
    std::string_view head = text.substr(0, end);
    parsed.body = text.substr(end + end_of_head.size());
    std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    parsed.method = line.substr(0, line.find(' '));
    line.remove_prefix(parsed.method.size() + 1);
    const std::string_view target = line.substr(0, line.find(' '));
    parsed.path = target.substr(0, target.find('?'));
    if (const std::size_t query = target.find("?n="); query != target.npos) {
        parsed.number = number_of(target.substr(query + 3));
    }
    while (!head.empty()) {
        const std::string_view header = head.substr(0, head.find("\r\n"));
        const std::size_t colon = header.find(": ");
        parsed.headers[header.substr(0, colon)] = header.substr(colon + 2);
        head.remove_prefix(std::min(header.size() + 2, head.size()));
    }
    return parsed;
}

std::string answer_to(const http_request& asked) {
    std::string_view status = "404 Not Found";
    std::string body;
    for (const http_page& page : http_pages()) {
        if (page.path == asked.path) {
            try {
                body = page.answer(asked);
                status = "200 OK";
            } catch (const std::system_error& error) {
                status = "503 Service Unavailable";
                body = error.code().message();
            } catch (const std::exception& error) {
                status = "500 Internal Server Error";
                body = error.what();
            }
        }
    }
    const auto id = asked.headers.find("X-Id");
    return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nX-Id: " + (id == asked.headers.end() ? std::string("none") : std::string(id->second)) +
           std::string(end_of_head) + body;
}

// Of the first request in `text`; 0 when it is not all there.
std::size_t length_of_request(std::string_view text) {
    const std::size_t end = text.find(end_of_head);
    if (end == text.npos) {
        return 0;
    }
    constexpr std::string_view header = "Content-Length: ";
    const std::size_t length = text.substr(0, end).find(header);
    const std::size_t body = length == text.npos ? 0 : number_of(text.substr(length + header.size()));
    const std::size_t whole = end + end_of_head.size() + body;
    return whole <= text.size() ? whole : 0;
}

} // namespace

std::string answer_http(std::string_view text) { return answer_to(parse(text)); }

void serve_http(tcp_stream peer) {
    char buffer[2048];
    std::size_t used = 0;
    for (;;) {
        const std::size_t length = length_of_request({buffer, used});
        if (length != 0) {
            const std::string answer = answer_http({buffer, length});
            peer.write(std::as_bytes(std::span(answer)));
            std::memmove(buffer, buffer + length, used - length);
            used -= length;
            continue;
        }
        const std::size_t more = peer.read_some(std::as_writable_bytes(std::span(buffer).subspan(used)));
        if (more == 0) {
            return;
        }
        used += more;
    }
}

} // namespace moor::test
