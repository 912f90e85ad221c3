// What the server of the HTTP test answers: pages written as somebody would who has never heard of stacks that move.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace moor::test {

/// A request as the session has parsed it: views of the session's own local buffer.
struct http_request {
    std::string_view method;
    std::string_view path;
    unsigned number = 0; ///< of the query, ?n=
    std::unordered_map<std::string_view, std::string_view> headers;
    std::string_view body;
};

struct http_page {
    std::string_view path;
    std::string (*answer)(const http_request& asked);
};

/// All pages. An answer depends on nothing but the request. They suspend, so: only on a coroutine.
[[nodiscard]] std::span<const http_page> http_pages() noexcept;

} // namespace moor::test
