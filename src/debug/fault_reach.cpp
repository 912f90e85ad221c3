// See fault_reach.hpp. A walk as the system makes it, by unwinding that neither locks nor faults (preempt/unwind.hpp),
// over the stack that the TEB describes: the system takes no frame elsewhere for valid.
#include "debug/fault_reach.hpp"

#include <cstddef>

#include <excpt.h>

#include "debug/loaded_code.hpp"
#include "preempt/main_image.hpp"
#include "preempt/unwind.hpp"
#include "sched/worker.hpp"
#include "win/function_address.hpp"
#include "win/teb.hpp"

namespace moor::debug {
namespace {

// Whether the frame's function has a handler that may take a fault. Those of C++ do not.
bool may_handle(const preempt::code_image& image, const preempt::function_entry& entry, bool is_own) noexcept {
    constexpr unsigned has_handler = 1; // flag: asked when an exception is raised
    const auto at = image.unwind_info_of(entry);
    if (!at || (at->info.flags() & has_handler) == 0 || at->info.is_chained()) {
        return false;
    }
    const auto handler = image.read<std::uint32_t>(std::uint64_t{at->rva} + at->info.chained_at());
    const auto of_structured_exceptions = reinterpret_cast<std::uint64_t>(&__C_specific_handler);
    return !is_own || (handler && image.base() + *handler == of_structured_exceptions);
}

} // namespace

fault_reach reach_of_fault(const CONTEXT& context) noexcept {
    const loaded_code& code = code_at_start();
    preempt::machine_registers registers = preempt::registers_of(context);
    const preempt::stack_bounds stack{registers.stack_pointer(), win::teb::read(win::teb::field::stack_base)};
    const auto base = reinterpret_cast<std::uint64_t>(&moor_coroutine_base);
    const loaded_code::image* const own = code.image_of(base);
    if (own == nullptr) {
        return fault_reach::handler; // moor is part of an image that was loaded later than the first runtime began
    }
    bool asked = false;
    const auto broken = [&asked] { return asked ? fault_reach::handler : fault_reach::nobody; };
    constexpr unsigned most_frames = 100'000;
    for (unsigned frame = 0; frame != most_frames; ++frame) {
        const loaded_code::image* const in = code.image_of(registers.instruction);
        const preempt::function_entry* const entry =
            in != nullptr ? in->code.function_at(registers.instruction) : nullptr;
        if (entry == nullptr && frame != 0) {
            return broken();
        }
        if (entry != nullptr) {
            const auto whole = in->code.whole_function(*entry);
            if (whole && in->code.base() + whole->begin == base) {
                return fault_reach::base;
            }
            asked = asked || may_handle(in->code, whole ? *whole : *entry, in == own);
        }
        const std::uint64_t below = registers.stack_pointer();
        // Of a frame without an entry nothing is read but the stack.
        const preempt::code_image& image = in != nullptr ? in->code : own->code;
        if (preempt::unwind_frame(image, entry, stack, registers) != preempt::unwind_result::done ||
            registers.stack_pointer() <= below || !code.is_return_address(registers.instruction)) {
            return broken();
        }
    }
    return broken();
}

} // namespace moor::debug
