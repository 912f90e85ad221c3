// A walk as the system makes it, by unwinding that neither locks nor faults (unwind/unwind.hpp), over the stack that
// the TEB describes: the system takes no frame elsewhere for valid.
#include "debug/fault_reach.hpp"

#include <cstddef>

#include "debug/language_handlers.hpp"
#include "debug/loaded_code.hpp"
#include "sched/worker.hpp"
#include "unwind/function_address.hpp"
#include "unwind/main_image.hpp"
#include "unwind/unwind.hpp"
#include "win/teb.hpp"

namespace moor::debug {
namespace {

// From the innermost frame outwards, without the system's help.
class frames {
public:
    enum class step : std::uint8_t { done, end };

    frames(const loaded_code& code, const CONTEXT& context) noexcept
        : code_(code), registers_(unwind::registers_of(context)), stack_{registers_.stack_pointer(),
                                                                         win::teb::read(win::teb::field::stack_base)} {
        look();
    }

    [[nodiscard]] const unwind::machine_registers& registers() const noexcept { return registers_; }
    /// Null: nothing is said of that code.
    [[nodiscard]] const unwind::function_entry* entry() const noexcept { return entry_; }
    /// Of the entry.
    [[nodiscard]] const loaded_code::image* image() const noexcept { return image_; }

    /// To the caller's frame, if there is one: above this one, behind a call.
    [[nodiscard]] step next() noexcept {
        const loaded_code::image* const any = image_ != nullptr ? image_ : code_.any();
        if (any == nullptr || (entry_ == nullptr && !innermost_)) {
            return step::end; // only the innermost function may do without an entry
        }
        const std::uint64_t below = registers_.stack_pointer();
        // Of a frame without an entry nothing is read but the stack.
        if (unwind::unwind_frame(any->code, entry_, stack_, registers_) != unwind::unwind_result::done ||
            registers_.stack_pointer() <= below || !code_.is_return_address(registers_.instruction)) {
            return step::end;
        }
        innermost_ = false;
        look();
        return step::done;
    }

private:
    void look() noexcept {
        image_ = code_.image_of(registers_.instruction);
        entry_ = image_ != nullptr ? image_->code.function_at(registers_.instruction) : nullptr;
    }

    const loaded_code& code_;
    unwind::machine_registers registers_;
    const unwind::stack_bounds stack_;
    const loaded_code::image* image_ = nullptr;
    const unwind::function_entry* entry_ = nullptr;
    bool innermost_ = true;
};

} // namespace

std::size_t calls_to(const CONTEXT& context, std::span<std::uint64_t> found) noexcept {
    const loaded_code& code = code_at_start();
    frames walk(code, context);
    std::size_t count = 0;
    for (bool more = !found.empty(); more; more = count != found.size() && walk.next() == frames::step::done) {
        // A return address may be that of the next line, or of the next function.
        found[count] = walk.registers().instruction - (count == 0 ? 0 : 1);
        ++count;
    }
    return count;
}

fault_reach reach_of_fault(const CONTEXT& context) noexcept {
    const loaded_code& code = code_at_start();
    const std::uint64_t base = unwind::without_jump(reinterpret_cast<const void*>(&moor_coroutine_base));
    const loaded_code::image* const own = code.image_of(base);
    if (own == nullptr) {
        return fault_reach::handler; // moor is part of an image that was loaded later than the first runtime began
    }
    frames walk(code, context);
    bool asked = false;
    constexpr unsigned most_frames = 100'000;
    for (unsigned frame = 0; frame != most_frames; ++frame) {
        if (const unwind::function_entry* const entry = walk.entry()) {
            const loaded_code::image& in = *walk.image();
            const auto whole = in.code.whole_function(*entry);
            if (whole && in.code.base() + whole->begin == base) {
                return fault_reach::base;
            }
            asked = asked || may_take_fault(in.code, whole ? *whole : *entry, &in == own);
        }
        if (walk.next() != frames::step::done) {
            break;
        }
    }
    return asked ? fault_reach::handler : fault_reach::nobody;
}

} // namespace moor::debug
