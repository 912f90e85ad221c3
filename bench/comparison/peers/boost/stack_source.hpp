// Where the stacks of coroutines come from, with asio::spawn and Boost.Fiber.
#pragma once

#include <cstddef>
#include <utility>
#include <variant>

#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/context/stack_traits.hpp>

namespace moor::bench::peers {

/// A stack allocator. Copies share the pool that there may be.
class stack_source {
public:
    using traits_type = boost::context::stack_traits;

    /// What is fastest for so many threads.
    explicit stack_source(unsigned threads, std::size_t size = traits_type::default_size())
        : stacks_(threads == 1 ? kind(std::in_place_type<pool>, size) : kind(std::in_place_type<heap>, size)) {}
    /// Each stack by itself, from malloc: a pool writes into the stacks that it has ready, and so into a page more of
    /// each.
    [[nodiscard]] static stack_source from_heap(std::size_t size) { return stack_source(several, size); }

    boost::context::stack_context allocate() {
        return std::visit([](auto& stacks) { return stacks.allocate(); }, stacks_);
    }
    void deallocate(boost::context::stack_context& stack) noexcept {
        std::visit([&stack](auto& stacks) { stacks.deallocate(stack); }, stacks_);
    }

private:
    using pool = boost::context::pooled_fixedsize_stack;
    using heap = boost::context::fixedsize_stack;
    using kind = std::variant<pool, heap>;
    static constexpr unsigned several = 2;

    kind stacks_;
};

} // namespace moor::bench::peers
