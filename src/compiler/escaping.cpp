// What of a function's locals escapes, by the rule of the pass (place_locals.cpp), and what the pass refuses.
#include "compiler/placing.hpp"

#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>

using namespace llvm;

namespace moor::compiler {

namespace {

bool lies_within(std::int64_t offset, std::uint64_t bytes, std::uint64_t size) {
    return offset >= 0 && bytes <= size && static_cast<std::uint64_t>(offset) <= size - bytes;
}

} // namespace

bool only_direct(const Value& address, std::int64_t offset, std::uint64_t size, const DataLayout& layout) {
    for (const User* const user : address.users()) {
        if (const auto* const load = dyn_cast<LoadInst>(user)) {
            const TypeSize bytes = layout.getTypeStoreSize(load->getType());
            if (bytes.isScalable() || !lies_within(offset, fixed(bytes), size)) {
                return false;
            }
        } else if (const auto* const store = dyn_cast<StoreInst>(user)) {
            const TypeSize bytes = layout.getTypeStoreSize(store->getValueOperand()->getType());
            if (store->getValueOperand() == &address || bytes.isScalable() ||
                !lies_within(offset, fixed(bytes), size)) {
                return false;
            }
        } else if (const auto* const element = dyn_cast<GetElementPtrInst>(user)) {
            APInt more(64, 0);
            if (!element->getType()->isPointerTy() || !element->accumulateConstantOffset(layout, more) ||
                !only_direct(*element, offset + more.getSExtValue(), size, layout)) {
                return false;
            }
        } else if (isa<BitCastInst>(user)) {
            if (!only_direct(*user, offset, size, layout)) {
                return false;
            }
        } else if (const auto* const intrinsic = dyn_cast<IntrinsicInst>(user)) {
            if (!intrinsic->isLifetimeStartOrEnd()) {
                return false;
            }
        } else {
            return false;
        }
    }
    return true;
}

bool stays_on_control_stack(const AllocaInst& local, const DataLayout& layout) {
    const auto bits = local.getAllocationSizeInBits(layout);
    return local.isStaticAlloca() && bits && !bits->isScalable() && only_direct(local, 0, fixed(*bits) / 8, layout) &&
           local.getAlign().value() <= frame_alignment; // code generation would align the whole frame for it
}

// ---- What is refused ----------------------------------------------------------------------------------------------

namespace {

constexpr unsigned most_arguments = 256; // of a variadic call: src/sched/data_stack_calls.cpp

void refuse(const Function& function, const Instruction& at, const Twine& what) {
    function.getContext().diagnose(DiagnosticInfoUnsupported(
        function,
        what + " does not work on a stack that moves (moor_enable_movable_stacks); put this function in a "
               "file that is compiled without",
        at.getDebugLoc()));
}

} // namespace

bool refuse_what_cannot_move(Function& function) {
    bool refused = false;
    // Growth keeps 128 bits of each vector register. Other conventions pass nothing in more.
    const bool in_registers = function.getCallingConv() == CallingConv::X86_VectorCall ||
                              function.getCallingConv() == CallingConv::X86_RegCall;
    for (const Argument& each : function.args()) {
        const auto* const shape = dyn_cast<FixedVectorType>(each.getType());
        if (in_registers && shape != nullptr && fixed(shape->getPrimitiveSizeInBits()) > 128) {
            refuse(function, function.getEntryBlock().front(),
                   "moor: a vector of more than 128 bits in a register argument");
            return true;
        }
    }
    for (Instruction& each : instructions(function)) {
        const auto* const call = dyn_cast<CallBase>(&each);
        if (call == nullptr) {
            continue;
        }
        const Function* const callee = call->getCalledFunction();
        if (call->hasFnAttr(Attribute::ReturnsTwice)) {
            refuse(function, each, "moor: setjmp");
            return true;
        }
        if (call->getFunctionType()->isVarArg() && call->arg_size() > most_arguments) {
            refuse(function, each, "moor: a variadic call with so many arguments");
            refused = true;
        }
        if (callee == nullptr) {
            continue;
        }
        switch (callee->getIntrinsicID()) {
        case Intrinsic::frameaddress:
        case Intrinsic::addressofreturnaddress:
        case Intrinsic::sponentry:
        case Intrinsic::localescape:
        case Intrinsic::eh_sjlj_setjmp:
            refuse(function, each, "moor: the address of a frame");
            refused = true;
            break;
        default: break;
        }
    }
    return refused;
}

} // namespace moor::compiler
