// The data stack by itself: a chain of chunks, frames of any size, back to any mark, and nothing kept for long.
#include "stack/data_stack.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace moor::stack {
namespace {

// Chunks from the heap, which are counted and given back to it.
class chunks {
public:
    data_memory make(std::size_t size) {
        made_.push_back(std::make_unique<std::byte[]>(size + 64));
        auto address = reinterpret_cast<std::uintptr_t>(made_.back().get());
        address = (address + 63) / 64 * 64;
        ++out;
        return {reinterpret_cast<std::byte*>(address), size, {}};
    }
    void take_back(data_memory&&) { --out; }

    auto taker() {
        return [this](data_memory&& given) { take_back(std::move(given)); };
    }

    int out = 0;

private:
    std::vector<std::unique_ptr<std::byte[]>> made_;
};

std::byte* take(data_stack& from, chunks& source, std::size_t bytes) {
    std::byte* frame = from.take(bytes);
    if (frame == nullptr) {
        from.add(source.make(from.next_size(bytes)));
        frame = from.take(bytes);
    }
    return frame;
}

TEST(data_stack, begins_with_nothing) {
    data_stack stack;
    EXPECT_TRUE(stack.empty());
    EXPECT_EQ(stack.size(), 0u);
    EXPECT_EQ(stack.take(16), nullptr);
    EXPECT_EQ(stack.pointer(), nullptr);
}

TEST(data_stack, frames_of_every_size_are_aligned_and_apart) {
    chunks source;
    data_stack stack;
    std::vector<std::pair<std::byte*, std::size_t>> frames;
    for (std::size_t bytes = 16; bytes <= 300'000; bytes += bytes / 3 / 16 * 16 + 16) {
        std::byte* const frame = take(stack, source, bytes);
        ASSERT_NE(frame, nullptr) << bytes;
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % 16, 0u);
        std::fill(frame, frame + bytes, std::byte(frames.size()));
        frames.emplace_back(frame, bytes);
    }
    for (std::size_t index = 0; index != frames.size(); ++index) {
        const auto [frame, bytes] = frames[index];
        EXPECT_EQ(std::count(frame, frame + bytes, std::byte(index)), static_cast<std::ptrdiff_t>(bytes));
    }
    while (!frames.empty()) {
        EXPECT_EQ(stack.pointer(), frames.back().first);
        stack.rewind(frames.back().first + frames.back().second, source.taker());
        frames.pop_back();
        if (!frames.empty() && stack.pointer() != frames.back().first) { // the newer chunk is empty now
            stack.rewind(frames.back().first, source.taker());
        }
    }
    EXPECT_EQ(source.out, 1) << "the first one stays";
    stack.clear(source.taker());
    EXPECT_EQ(source.out, 0);
}

TEST(data_stack, chunks_double_up_to_the_largest_segment) {
    chunks source;
    data_stack stack;
    EXPECT_EQ(stack.next_size(16), data_stack::smallest_chunk);
    EXPECT_EQ(stack.next_size(1000), 2048u);
    for (std::size_t expected = data_stack::smallest_chunk; expected <= 4 * largest_segment; expected *= 2) {
        EXPECT_EQ(stack.next_size(16), std::min(expected, largest_segment));
        const std::size_t before = stack.size();
        stack.add(source.make(stack.next_size(16)));
        EXPECT_EQ(stack.size(), before + std::min(expected, largest_segment));
    }
    EXPECT_EQ(stack.next_size(largest_segment), 2 * largest_segment);
    stack.clear(source.taker());
    EXPECT_EQ(stack.size(), 0u);
}

TEST(data_stack, goes_back_over_several_chunks_at_once) {
    chunks source;
    data_stack stack;
    std::byte* const first = take(stack, source, 512);
    for (int frame = 0; frame != 20; ++frame) {
        take(stack, source, 3000);
    }
    EXPECT_GT(source.out, 3);
    stack.rewind(first, source.taker());
    EXPECT_EQ(stack.pointer(), first);
    EXPECT_EQ(source.out, 1);
    stack.clear(source.taker());
}

TEST(data_stack, goes_back_to_before_its_first_chunk) {
    chunks source;
    data_stack stack;
    take(stack, source, 512);
    take(stack, source, 5000);
    stack.rewind(nullptr, source.taker());
    EXPECT_EQ(source.out, 1);
    EXPECT_EQ(stack.size(), 1024u);
    EXPECT_NE(stack.take(1024 - data_stack::header_bytes), nullptr) << "all of it is free";
    stack.clear(source.taker());
}

// A chunk that was found empty for long is gone, and who remembers its start finds what lay above as it was.
TEST(data_stack, gives_an_empty_chunk_back_after_a_while) {
    chunks source;
    data_stack stack;
    std::byte* const first = take(stack, source, 512);
    std::byte* const second = take(stack, source, 5000);
    std::byte* const start_of_second = second + 5000;
    stack.rewind(start_of_second, source.taker());
    for (int suspension = 0; suspension != 15; ++suspension) {
        stack.trim(source.taker());
        EXPECT_EQ(source.out, 2);
    }
    stack.trim(source.taker());
    EXPECT_EQ(source.out, 1);
    EXPECT_EQ(stack.pointer(), first);
    stack.rewind(start_of_second, source.taker());
    EXPECT_EQ(stack.pointer(), first);
    for (int suspension = 0; suspension != 100; ++suspension) {
        stack.trim(source.taker());
    }
    EXPECT_EQ(source.out, 1) << "a frame lies in it";
    stack.clear(source.taker());
}

TEST(data_stack, goes_back_to_a_frame_that_fills_its_chunk) {
    chunks source;
    data_stack stack;
    std::byte* const first = take(stack, source, data_stack::smallest_chunk - data_stack::header_bytes);
    take(stack, source, 16);
    EXPECT_EQ(source.out, 2);
    stack.rewind(first, source.taker());
    EXPECT_EQ(stack.pointer(), first);
    EXPECT_EQ(source.out, 1);
    stack.clear(source.taker());
}

TEST(data_stack, an_older_chunk_has_its_own_room_again) {
    chunks source;
    data_stack stack;
    std::byte* const first = take(stack, source, 512);
    take(stack, source, 5000);
    stack.rewind(first, source.taker());
    const std::size_t room = data_stack::smallest_chunk - data_stack::header_bytes - 512;
    EXPECT_EQ(stack.take(room + 16), nullptr);
    EXPECT_EQ(stack.take(room), first - room);
    stack.clear(source.taker());
}

TEST(data_stack, keeps_a_chunk_that_is_used_now_and_then) {
    chunks source;
    data_stack stack;
    take(stack, source, 512);
    std::byte* const second = take(stack, source, 5000);
    for (int suspension = 0; suspension != 100; ++suspension) {
        stack.trim(source.taker());
    }
    EXPECT_EQ(source.out, 2) << "a frame lies in the newer one";
    for (int round = 0; round != 4; ++round) {
        stack.rewind(second + 5000, source.taker());
        for (int suspension = 0; suspension != 15; ++suspension) {
            stack.trim(source.taker());
        }
        ASSERT_EQ(stack.take(5000), second);
        stack.trim(source.taker());
    }
    EXPECT_EQ(source.out, 2);
    stack.clear(source.taker());
}

TEST(data_stack, keeps_its_first_chunk_only_if_it_is_small) {
    for (const auto& [frame, kept] : {std::pair<std::size_t, int>(512, 1), std::pair<std::size_t, int>(5000, 0)}) {
        chunks source;
        data_stack stack;
        std::byte* const first = take(stack, source, frame);
        stack.rewind(first + frame, source.taker());
        for (int suspension = 0; suspension != 100; ++suspension) {
            stack.trim(source.taker());
        }
        EXPECT_EQ(source.out, kept) << frame;
        EXPECT_EQ(stack.empty(), kept == 0);
        stack.clear(source.taker());
    }
}

} // namespace
} // namespace moor::stack
