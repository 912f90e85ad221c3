// A second stack to jump to and back from, by jump_fcontext or a function like it, without the library.
#pragma once

#include <cstddef>
#include <vector>

#include <boost/context/detail/fcontext.hpp>

#include "win/compiler.hpp"

namespace moor::bench {

using boost::context::detail::fcontext_t;
using boost::context::detail::transfer_t;

/// Not the library's switch: nothing but the registers and what `Jump` itself swaps.
template <transfer_t (*Jump)(fcontext_t, void*)>
class jump_partner {
public:
    jump_partner()
        : stack_(stack_size),
          there_(boost::context::detail::make_fcontext(stack_.data() + stack_.size(), stack_.size(), &jump_back)) {}
    jump_partner(const jump_partner&) = delete;
    jump_partner& operator=(const jump_partner&) = delete;

    /// There and back so many times: twice as many jumps.
    void visit(int times) noexcept { jump(there_, times); }

private:
    static constexpr std::size_t stack_size = std::size_t{64} * 1024;

    // Both stacks run this one loop, as coroutines that run the same code do: their returns go to the same places.
    MOOR_NOINLINE static void jump(fcontext_t& other, int times) noexcept {
        for (int done = 0; done < times; ++done) {
            other = Jump(other, nullptr).fctx;
        }
    }

    // Never returns; the stack is dropped with the object.
    static void jump_back(transfer_t arrival) {
        for (;;) {
            jump(arrival.fctx, 1 << 30);
        }
    }

    std::vector<std::byte> stack_;
    fcontext_t there_;
};

} // namespace moor::bench
