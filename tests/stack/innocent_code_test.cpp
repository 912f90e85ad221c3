// Ordinary code that keeps addresses of its locals wherever it likes: in nodes on the heap, in closures, in other
// coroutines, in views. Each case moves the stack between two uses of what it keeps.
#include <algorithm>
#include <any>
#include <array>
#include <atomic>
#include <bitset>
#include <cctype>
#include <complex>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <moor/channel.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/wait_group.hpp>

#include "stack/on_movable.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

// Moves the stack, and has others use the memory that it has left.
[[gnu::noinline]] void disturb() {
    static_cast<void>(test::grow_by_kibibytes(60));
    for (unsigned size = 0; size < 6; ++size) {
        spawn({.stack = stack_kind::movable, .stack_size = std::size_t{1024} << size}, [size] {
            static_cast<void>(test::grow_by_kibibytes(1u << size));
        }).join();
    }
    this_coroutine::yield();
}

struct innocent {
    const char* name;
    bool (*works)();
};

// A type of generators as every textbook has it.
template <class T>
struct generator {
    struct promise_type {
        T value;
        generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(T given) {
            value = given;
            return {};
        }
        void return_void() {}
        void unhandled_exception() { throw; }
    };
    std::coroutine_handle<promise_type> handle;
    generator(std::coroutine_handle<promise_type> of) : handle(of) {}
    generator(generator&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    generator(const generator&) = delete;
    generator& operator=(const generator&) = delete;
    ~generator() {
        if (handle) {
            handle.destroy();
        }
    }
    bool next() {
        handle.resume();
        return !handle.done();
    }
};
generator<int> evens(const std::array<int, 8>& of) {
    for (const int each : of) {
        if (each % 2 == 0) {
            co_yield each;
        }
    }
}

struct node {
    node* previous = this;
    node* next = this;
    int value = 0;
    void link(node& after) {
        previous = &after;
        next = after.next;
        after.next->previous = this;
        after.next = this;
    }
};
int read_all(const node& head) {
    int all = 0;
    for (const node* each = head.next; each != &head && all < 1000; each = each->next) {
        all = all * 10 + each->value;
    }
    return all;
}

std::vector<std::string_view> split(std::string_view line) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; (at = line.find(' ')) != line.npos; line.remove_prefix(at + 1)) {
        parts.push_back(line.substr(0, at));
    }
    parts.push_back(line);
    return parts;
}

const innocent cases[] = {
    // -- Strings and values --------------------------------------------------------------------------------------
    {"short string",
     [] {
         std::string text = "short text";
         disturb();
         text += "!";
         return text == "short text!";
     }},
    {"array of strings",
     [] {
         std::array<std::string, 4> all{"a", "bb", "ccc", "dddd"};
         disturb();
         std::swap(all[0], all[3]);
         return all[0] == "dddd" && all[3] == "a";
     }},
    {"optional",
     [] {
         std::optional<std::string> kept = "abc";
         disturb();
         return kept && *kept == "abc";
     }},
    {"variant",
     [] {
         std::variant<int, std::string> kept = "abc";
         disturb();
         return std::get<1>(kept) == "abc";
     }},
    {"tuple",
     [] {
         std::tuple<std::string, std::pair<std::string, int>> kept{"x", {"y", 2}};
         disturb();
         return std::get<0>(kept) == "x" && std::get<1>(kept).first == "y";
     }},
    {"any",
     [] {
         std::any kept = std::string("abc");
         disturb();
         return std::any_cast<std::string>(kept) == "abc";
     }},
    {"string streams",
     [] {
         std::ostringstream out;
         std::istringstream in("12 cd");
         in.tie(&out);
         int number = 0;
         std::string word;
         in >> number;
         out << "abc" << number;
         disturb();
         in >> word;
         out << word;
         return out.str() == "abc12cd";
     }},
    {"bits, complex, random",
     [] {
         std::bitset<128> bits;
         bits[77] = true;
         std::complex<double> number(1, 2);
         std::mt19937_64 one(7);
         std::mt19937_64 other(7);
         disturb();
         return bits[77] && number.imag() == 2 && one() == other();
     }},
    // -- Containers ----------------------------------------------------------------------------------------------
    {"map",
     [] {
         std::map<int, int> kept;
         for (int i = 0; i < 9; ++i) {
             kept[i] = i;
         }
         disturb();
         kept[77] = 1;
         int count = 0;
         for (const auto& each : kept) {
             count += each.first >= 0 && count < 100 ? 1 : 0;
         }
         return count == 10 && kept.find(4) != kept.end() && kept.find(55) == kept.end();
     }},
    {"empty map",
     [] {
         std::map<int, int> kept;
         disturb();
         kept[1] = 2;
         kept[3] = 4;
         return kept.size() == 2 && kept.begin()->first == 1;
     }},
    {"set of strings",
     [] {
         std::set<std::string> kept{"a", "b", "c"};
         disturb();
         kept.insert("d");
         std::string all;
         for (const auto& each : kept) {
             all += each;
         }
         return all == "abcd";
     }},
    {"list",
     [] {
         std::list<int> kept{1, 2, 3};
         disturb();
         kept.push_back(4);
         return std::accumulate(kept.begin(), kept.end(), 0) == 10;
     }},
    {"forward_list",
     [] {
         std::forward_list<int> kept{1, 2, 3};
         disturb();
         kept.push_front(0);
         return *std::next(kept.begin(), 3) == 3;
     }},
    {"deque",
     [] {
         std::deque<int> kept(500, 1);
         disturb();
         kept.push_front(-1);
         return std::accumulate(kept.begin(), kept.end(), 0) == 499;
     }},
    {"priority_queue",
     [] {
         std::priority_queue<int> kept;
         kept.push(3);
         kept.push(9);
         disturb();
         kept.push(5);
         return kept.top() == 9;
     }},
    {"unordered_map",
     [] {
         std::unordered_map<int, int> kept;
         kept[1] = 2;
         disturb();
         kept[2] = 3;
         kept.erase(1);
         return kept.size() == 1 && kept.find(2) != kept.end() && kept.find(1) == kept.end();
     }},
    {"unordered_set of strings",
     [] {
         std::unordered_set<std::string> kept;
         for (char letter = 'a'; letter < 'u'; ++letter) {
             kept.insert(std::string(1, letter));
         }
         disturb();
         for (char letter = 'a'; letter < 'u'; ++letter) {
             kept.erase(std::string(1, letter));
         }
         kept.insert("z");
         return kept.size() == 1 && kept.count("z") == 1;
     }},
    {"memory resources in a local buffer",
     [] {
         std::array<std::byte, 1024> buffer;
         std::pmr::monotonic_buffer_resource resource(buffer.data(), buffer.size());
         std::pmr::vector<std::pmr::string> words(&resource);
         std::pmr::map<int, int> numbers(&resource);
         words.emplace_back("short");
         words.emplace_back("a long string that does not fit the small buffer");
         for (int i = 0; i < 5; ++i) {
             numbers[i] = i;
         }
         disturb();
         words.emplace_back("third");
         numbers[9] = 9;
         return words[0] == "short" && words[1].size() == 48 && words[2] == "third" && numbers.size() == 6;
     }},
    // -- References to locals --------------------------------------------------------------------------------------
    {"function with a reference",
     [] {
         int x = 1;
         int y = 2;
         int z = 3;
         std::function<int()> call = [&x, &y, &z] {
             x = 10;
             return x + y + z;
         };
         disturb();
         return call() == 15 && x == 10;
     }},
    {"recursive function",
     [] {
         std::vector<std::vector<int>> tree(200);
         for (int i = 0; i + 1 < 200; ++i) {
             tree[std::size_t(i)].push_back(i + 1);
         }
         int visited = 0;
         int depth = 0;
         int deepest = 0;
         std::function<void(int)> visit = [&](int at) {
             ++visited;
             deepest = std::max(deepest, ++depth);
             for (const int child : tree[std::size_t(at)]) {
                 visit(child);
             }
             --depth;
         };
         visit(0);
         return visited == 200 && deepest == 200 && depth == 0;
     }},
    {"lambda of an algorithm",
     [] {
         std::vector<int> numbers{3, 1, 2};
         int compared = 0;
         std::sort(numbers.begin(), numbers.end(), [&](int a, int b) {
             ++compared;
             disturb();
             return a < b;
         });
         return numbers[0] == 1 && numbers[2] == 3 && compared > 1;
     }},
    {"views of a local buffer",
     [] {
         const char buffer[64] = "GET /index.html HTTP/1.1";
         const std::string line = "GET /i HTTP";
         const auto parts = split(buffer);
         const auto others = split(line);
         disturb();
         return parts.size() == 3 && parts[1] == "/index.html" && others.size() == 3 && others[1] == "/i";
     }},
    {"headers as views",
     [] {
         const char buffer[128] = "Host: a\nAccept: b\n";
         std::unordered_map<std::string_view, std::string_view> headers;
         std::string_view rest(buffer);
         for (std::size_t line = 0; (line = rest.find('\n')) != rest.npos; rest.remove_prefix(line + 1)) {
             const std::size_t colon = rest.find(':');
             headers[rest.substr(0, colon)] = rest.substr(colon + 2, line - colon - 2);
         }
         disturb();
         const auto found = headers.find("Host");
         return found != headers.end() && found->second == "a";
     }},
    {"vector of addresses",
     [] {
         int a = 1;
         int b = 2;
         std::vector<int*> kept{&a, &b};
         std::vector<std::reference_wrapper<int>> references{a};
         test::keep(*kept.data());
         disturb();
         test::keep(*kept.data());
         *kept[0] = 7;
         references[0].get() += 1;
         return a == 8 && *kept[1] == 2;
     }},
    {"shared_ptr to a local",
     [] {
         int x = 5;
         std::shared_ptr<int> kept(&x, [](int* of) { *of = 6; });
         disturb();
         const bool as_before = *kept == 5;
         kept.reset();
         return as_before && x == 6;
     }},
    {"deleter with a reference",
     [] {
         std::vector<int> log;
         auto note = [&log](int* of) {
             log.push_back(*of);
             delete of;
         };
         {
             std::unique_ptr<int, decltype(note)> kept(new int(3), note);
             disturb();
         }
         return log.size() == 1 && log[0] == 3;
     }},
    {"lock of a local mutex",
     [] {
         std::mutex lock;
         {
             const std::unique_lock held(lock);
             disturb();
         }
         const bool free = lock.try_lock();
         lock.unlock();
         return free;
     }},
    {"iterators and spans",
     [] {
         std::vector<int> numbers{1, 2, 3};
         int local[8] = {1, 2, 3, 4, 5, 6, 7, 8};
         const auto first = numbers.begin();
         int& second = numbers[1];
         const auto part = std::span(local).subspan(2, 3);
         disturb();
         part[0] = 30;
         return *first == 1 && second == 2 && local[2] == 30;
     }},
    {"list of locals",
     [] {
         node head;
         node a;
         node b;
         a.value = 1;
         b.value = 2;
         a.link(head);
         b.link(a);
         disturb();
         return read_all(head) == 12;
     }},
    {"list with nodes on the heap",
     [] {
         node head;
         const auto a = std::make_unique<node>();
         a->value = 1;
         a->link(head);
         disturb();
         const auto b = std::make_unique<node>();
         b->value = 2;
         b->link(head);
         return read_all(head) == 21;
     }},
    {"arena in a local",
     [] {
         struct {
             alignas(16) std::byte bytes[256];
             std::byte* next = bytes;
         } arena;
         int* const taken = ::new (arena.next) int(4);
         arena.next += 16;
         disturb();
         return *taken == 4 && arena.next == arena.bytes + 16;
     }},
    {"hidden address",
     [] {
         int local = 7;
         const std::uintptr_t hidden = reinterpret_cast<std::uintptr_t>(&local) ^ 0x5555;
         disturb();
         *reinterpret_cast<int*>(hidden ^ 0x5555) += 1;
         test::keep(local);
         return local == 8;
     }},
    {"generator over a local",
     [] {
         const std::array<int, 8> numbers{1, 2, 3, 4, 5, 6, 7, 8};
         auto chosen = evens(numbers);
         int sum = 0;
         while (chosen.next()) {
             disturb();
             sum += chosen.handle.promise().value;
         }
         return sum == 20;
     }},
    {"stop_callback",
     [] {
         std::stop_source source;
         int called = 0;
         const std::stop_callback note(source.get_token(), [&called] { ++called; });
         disturb();
         source.request_stop();
         return called == 1;
     }},
    // -- Exceptions -------------------------------------------------------------------------------------------------
    {"exception_ptr",
     [] {
         std::exception_ptr kept;
         try {
             throw std::runtime_error("boom");
         } catch (...) {
             kept = std::current_exception();
         }
         disturb();
         try {
             std::rethrow_exception(kept);
         } catch (const std::runtime_error& thrown) {
             return std::string(thrown.what()) == "boom";
         }
         return false;
     }},
    {"move within a handler, then rethrow",
     [] {
         const std::string local = "local";
         try {
             try {
                 throw std::runtime_error("boom");
             } catch (const std::runtime_error&) {
                 disturb();
                 throw;
             }
         } catch (const std::exception& thrown) {
             return std::string(thrown.what()) == "boom" && local == "local";
         }
         return false;
     }},
    {"exception within a handler",
     [] {
         try {
             throw 1;
         } catch (int) {
             disturb();
             try {
                 throw std::string("within");
             } catch (const std::string& thrown) {
                 static_cast<void>(test::grow_by_kibibytes(30));
                 return thrown == "within";
             }
         }
         return false;
     }},
    // -- Other coroutines -------------------------------------------------------------------------------------------
    {"child with a reference",
     [] {
         int x = 0;
         std::atomic<bool> go{false};
         auto child = spawn([&] {
             while (!go.load()) {
                 this_coroutine::yield();
             }
             x = 9;
         });
         this_coroutine::yield();
         static_cast<void>(test::grow_by_kibibytes(60));
         go = true;
         child.join();
         return x == 9;
     }},
    {"channel of views",
     [] {
         channel<std::string_view> views(4);
         const std::string text = "hi";
         views.send(std::string_view(text));
         disturb();
         return *views.receive() == "hi";
     }},
    {"local channel and wait group of children",
     [] {
         channel<int> numbers(0);
         wait_group all;
         int sum = 0;
         for (int number = 1; number <= 3; ++number) {
             all.add(1);
             spawn({.stack = stack_kind::movable}, [&numbers, &all, number] {
                 disturb();
                 numbers.send(number);
                 all.done();
             });
         }
         for (int count = 0; count < 3; ++count) {
             sum += *numbers.receive();
             disturb();
         }
         all.wait();
         return sum == 6;
     }},
    {"task group",
     [] {
         int x = 0;
         {
             task_group children;
             children.spawn([&] { x = 4; });
             static_cast<void>(test::grow_by_kibibytes(20));
             children.wait();
         }
         return x == 4;
     }},
};

class innocent_code : public testing::TestWithParam<innocent> {};

TEST_P(innocent_code, works) {
    const innocent tried = GetParam();
    EXPECT_TRUE(test::on_movable([tried] { return tried.works(); }));
}
INSTANTIATE_TEST_SUITE_P(all, innocent_code, testing::ValuesIn(cases), [](const auto& each) {
    std::string name = each.param.name;
    std::replace_if(
        name.begin(), name.end(), [](unsigned char letter) { return std::isalnum(letter) == 0; }, '_');
    return name;
});

} // namespace
} // namespace moor
