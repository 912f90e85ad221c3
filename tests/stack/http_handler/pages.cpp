#include "stack/http_handler/pages.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <coroutine>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <system_error>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include <moor/channel.hpp>
#include <moor/error.hpp>
#include <moor/mutex.hpp>
#include <moor/spawn.hpp>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/wait_group.hpp>

namespace moor::test {
namespace {

// A wait in the middle of whatever the page does, as a database would be one.
[[gnu::noinline]] void query_database() { this_coroutine::yield(); }

// ---- Containers and views of locals ---------------------------------------------------------------------------------

std::string headers_page(const http_request& asked) {
    std::map<std::string_view, std::string_view> sorted;
    for (const auto& [name, value] : asked.headers) {
        sorted.emplace(name, value);
        query_database();
    }
    std::string text;
    for (const auto& [name, value] : sorted) {
        text += std::string(name) + "=" + std::string(value) + ";";
    }
    return text;
}

std::string words_page(const http_request& asked) {
    char copy[256] = {};
    std::memcpy(copy, asked.body.data(), std::min(asked.body.size(), sizeof copy - 1));
    std::map<std::string_view, int> counts;
    std::list<std::string_view> in_order;
    std::deque<std::size_t> lengths;
    std::set<std::string> upper;
    std::string_view rest(copy);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        const std::string_view word = rest.substr(0, end);
        ++counts[word];
        in_order.push_front(word);
        lengths.push_back(word.size());
        std::string large(word);
        std::transform(large.begin(), large.end(), large.begin(), [](char letter) {
            return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
        });
        upper.insert(std::move(large));
        query_database();
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::string text;
    for (const auto& [word, count] : counts) {
        text += std::string(word) + ":" + std::to_string(count) + " ";
    }
    for (const std::string_view word : in_order) {
        text += word.substr(0, 1);
    }
    text += " " + std::to_string(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}));
    for (const std::string& word : upper) {
        text += " " + word;
    }
    return text;
}

// ---- Closures -------------------------------------------------------------------------------------------------------

std::string tree_page(const http_request& asked) {
    std::vector<std::vector<unsigned>> children(40);
    for (unsigned node = 1; node < children.size(); ++node) {
        children[(node - 1) / (1 + asked.number % 3)].push_back(node);
    }
    unsigned visited = 0;
    unsigned depth = 0;
    unsigned deepest = 0;
    const std::function<void(unsigned)> visit = [&](unsigned node) {
        ++visited;
        deepest = std::max(deepest, ++depth);
        if (node % 8 == 0) {
            query_database();
        }
        for (const unsigned child : children[node]) {
            visit(child);
        }
        --depth;
    };
    visit(0);
    return std::to_string(visited) + " nodes, depth " + std::to_string(deepest);
}

std::string sorted_page(const http_request& asked) {
    std::vector<unsigned> numbers(24);
    unsigned value = asked.number;
    std::generate(numbers.begin(), numbers.end(), [&value] { return value = (value * 75 + 74) % 257; });
    unsigned comparisons = 0;
    std::sort(numbers.begin(), numbers.end(), [&](unsigned left, unsigned right) {
        if (++comparisons % 16 == 0) {
            query_database();
        }
        return left < right;
    });
    return fmt::format("{} {} {}", fmt::join(numbers, ","), std::is_sorted(numbers.begin(), numbers.end()),
                       comparisons > 24);
}

std::string stop_page(const http_request& asked) {
    std::stop_source source;
    std::string log = "before";
    {
        std::stop_callback note(source.get_token(), [&log] { log += ",stopped"; });
        query_database();
        if (asked.number % 2 == 0) {
            source.request_stop();
        }
        query_database();
    }
    return log + ",after";
}

// ---- Coroutines of both kinds ---------------------------------------------------------------------------------------

template <class Value>
class generator {
public:
    struct promise_type {
        Value current{};
        generator get_return_object() { return generator(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(Value next) {
            current = next;
            return {};
        }
        void return_void() {}
        [[noreturn]] void unhandled_exception() { throw; }
    };

    explicit generator(std::coroutine_handle<promise_type> made) : handle_(made) {}
    generator(const generator&) = delete;
    generator& operator=(const generator&) = delete;
    ~generator() { handle_.destroy(); }

    std::optional<Value> next() {
        handle_.resume();
        return handle_.done() ? std::nullopt : std::optional(handle_.promise().current);
    }

private:
    std::coroutine_handle<promise_type> handle_;
};

generator<int> even_ones(const std::array<int, 12>& of) {
    for (const int each : of) {
        if (each % 2 == 0) {
            co_yield each;
        }
    }
}

std::string generator_page(const http_request& asked) {
    std::array<int, 12> local{};
    std::iota(local.begin(), local.end(), static_cast<int>(asked.number));
    generator<int> evens = even_ones(local);
    std::string text;
    while (const std::optional<int> even = evens.next()) {
        local[11] += 2; // seen by the generator, which has a reference
        query_database();
        text += std::to_string(*even) + " ";
    }
    return text;
}

std::string children_page(const http_request& asked) {
    const this_coroutine::stop_shield shield; // the children refer to what follows
    channel<unsigned> results(0);
    wait_group running;
    mutex lock;
    unsigned total = 0;
    std::array<unsigned, 4> squares{};
    for (unsigned child = 0; child < squares.size(); ++child) {
        running.add(1);
        spawn({.stack = stack_kind::movable}, [&, child] {
            query_database();
            squares[child] = (asked.number + child) * (asked.number + child);
            {
                const std::lock_guard guard(lock);
                total += squares[child];
                query_database();
            }
            results.send(child);
            running.done();
        });
    }
    unsigned order_free = 0;
    for (std::size_t count = 0; count < squares.size(); ++count) {
        order_free += 1u << *results.receive();
    }
    running.wait();
    return fmt::format("{} = {}, {:b}", fmt::join(squares, " + "), total, order_free);
}

// ---- Text -----------------------------------------------------------------------------------------------------------

std::string regex_page(const http_request& asked) {
    const std::string text = "item-" + std::to_string(asked.number);
    const std::regex pattern("([a-z]+)-([0-9]+)");
    std::smatch found;
    query_database();
    if (!std::regex_match(text, found, pattern)) {
        return "no match";
    }
    query_database();
    return found[2].str() + "/" + found[1].str();
}

int sum_of(int count, ...) {
    std::va_list arguments;
    va_start(arguments, count);
    int sum = 0;
    for (int index = 0; index < count; ++index) {
        query_database();
        sum += va_arg(arguments, int);
    }
    va_end(arguments);
    return sum;
}

std::string numbers_page(const http_request& asked) {
    const double value = asked.number + 0.25;
    std::ostringstream stream;
    stream << 3.25 << ' ' << value;
    query_database();
    stream << " end";
    char printed[64];
    const int length = std::snprintf(printed, sizeof printed, "%05u %.3f %s", asked.number, value, "text");
    query_database();
    std::array<char, 16> digits{};
    const auto converted = std::to_chars(digits.data(), digits.data() + digits.size(), asked.number * 1000u);
    query_database();
    return stream.str() + "|" + std::string(printed, static_cast<std::size_t>(length)) + "|" + std::to_string(value) +
           "|" + std::string(digits.data(), converted.ptr) + "|" + fmt::format("{:>8.2f}{:#x}", value, asked.number) +
           "|" + std::to_string(sum_of(5, 1, 2, 3, 4, static_cast<int>(asked.number)));
}

std::string time_page(const http_request& asked) {
    const std::time_t when = 86400 * static_cast<std::time_t>(asked.number) + 3661;
    std::tm parts{};
    if (const std::tm* const found = std::gmtime(&when)) {
        parts = *found; // before anybody else may ask
    }
    query_database();
    char text[64];
    const std::size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    query_database();
    return std::string(text, length);
}

std::string errors_page(const http_request& asked) {
    constexpr std::array<std::errc, 3> some{std::errc::no_such_file_or_directory, std::errc::permission_denied,
                                            std::errc::timed_out};
    const std::error_code error = std::make_error_code(some[asked.number % some.size()]);
    query_database();
    const std::string text = error.message();
    const std::error_code own(10061, winsock_category()); // WSAECONNREFUSED
    query_database();
    return text + "|" + (own == std::errc::connection_refused ? "refused" : "?") + "|" +
           (own.message().empty() ? "" : "said");
}

std::string paths_page(const http_request& asked) {
    const std::filesystem::path root("data");
    const std::filesystem::path file = root / ("part" + std::to_string(asked.number)) / "index.html";
    query_database();
    std::string text = file.generic_string() + " " + file.extension().string();
    for (const std::filesystem::path& part : file) {
        query_database();
        text += "," + part.string();
    }
    return text;
}

// ---- Exceptions and sums of types -----------------------------------------------------------------------------------

class on_leaving {
public:
    explicit on_leaving(std::string& log) : log_(log) {}
    on_leaving(const on_leaving&) = delete;
    on_leaving& operator=(const on_leaving&) = delete;
    ~on_leaving() {
        query_database();
        log_ += "left,";
    }

private:
    std::string& log_;
};

[[gnu::noinline]] void fail_below(unsigned levels, std::string& log) {
    const on_leaving leaving(log);
    std::array<char, 48> name{};
    std::snprintf(name.data(), name.size(), "level %u", levels);
    query_database();
    if (levels == 0) {
        throw std::runtime_error(name.data());
    }
    try {
        fail_below(levels - 1, log);
    } catch (const std::runtime_error& error) {
        query_database();
        log += std::string(name.data()) + " saw " + error.what() + ",";
        throw;
    }
}

std::string exceptions_page(const http_request& asked) {
    std::string log;
    std::exception_ptr kept;
    try {
        fail_below(asked.number % 4, log);
    } catch (...) {
        query_database();
        kept = std::current_exception();
    }
    query_database();
    try {
        std::rethrow_exception(kept);
    } catch (const std::exception& error) {
        log += error.what();
    }
    return log;
}

std::string variants_page(const http_request& asked) {
    using value = std::variant<int, double, std::string, std::vector<int>>;
    std::array<value, 4> values{static_cast<int>(asked.number), asked.number / 2.0,
                                "text" + std::to_string(asked.number), std::vector<int>(3, 7)};
    std::string text;
    const auto show = [&text](const auto& held) {
        using type = std::decay_t<decltype(held)>;
        query_database();
        if constexpr (std::is_same_v<type, std::string>) {
            text += "'" + held + "'";
        } else if constexpr (std::is_same_v<type, std::vector<int>>) {
            text += fmt::format("[{}]", fmt::join(held, " "));
        } else {
            text += fmt::format("{}", held);
        }
        text += ';';
    };
    for (const value& each : values) {
        std::visit(show, each);
    }
    std::optional<std::string> last = std::get<std::string>(values[2]);
    values[2] = 0;
    query_database();
    return text + *last;
}

// ---- Memory of its own ----------------------------------------------------------------------------------------------

[[gnu::noinline]] std::string& scratch_of_thread() {
    thread_local std::string scratch;
    return scratch;
}

std::string buffers_page(const http_request& asked) {
    const std::size_t count = 8 + asked.number % 8;
    auto* const numbers = static_cast<unsigned*>(__builtin_alloca(count * sizeof(unsigned)));
    std::array<std::uint16_t, 32> sums{};
    alignas(64) std::array<std::uint64_t, 8> aligned{};
    for (std::size_t index = 0; index < count; ++index) {
        numbers[index] = asked.number * static_cast<unsigned>(index);
        query_database();
        sums[count - index] = static_cast<std::uint16_t>(numbers[index] + sums[(count - index + 1) % sums.size()]);
        aligned[index % aligned.size()] += sums[count - index];
    }
    std::string& scratch = scratch_of_thread(); // until the next suspension
    scratch.assign(count, 'x');
    scratch += std::to_string(numbers[count - 1]);
    std::string text = scratch;
    query_database();
    for (const std::uint64_t each : aligned) {
        text += ' ' + std::to_string(each);
    }
    auto address = reinterpret_cast<std::uintptr_t>(aligned.data());
    asm volatile("" : "+r"(address)); // otherwise the compiler knows it to be aligned
    return text + (address % 64 == 0 ? " aligned" : " not aligned");
}

// What a page fails with becomes an answer of the session.
std::string failing_page(const http_request& asked) {
    std::vector<std::string> locals(3, "a local that is too long for its own place in the string");
    query_database();
    if (asked.number % 2 == 0) {
        throw std::invalid_argument("number " + std::to_string(asked.number) + " is even");
    }
    throw std::system_error(std::make_error_code(std::errc::not_supported), "page");
}

constexpr http_page pages[] = {
    {"/headers", &headers_page},
    {"/words", &words_page},
    {"/tree", &tree_page},
    {"/sorted", &sorted_page},
    {"/stop", &stop_page},
    {"/generator", &generator_page},
    {"/children", &children_page},
    {"/regex", &regex_page},
    {"/numbers", &numbers_page},
    {"/time", &time_page},
    {"/errors", &errors_page},
    {"/paths", &paths_page},
    {"/exceptions", &exceptions_page},
    {"/variants", &variants_page},
    {"/buffers", &buffers_page},
    {"/failing", &failing_page},
};

} // namespace

std::span<const http_page> http_pages() noexcept { return pages; }

} // namespace moor::test
