// Temporaries that code generation makes on the control stack by itself, and whose addresses it may keep: the pass
// takes away what would need one.
#include "compiler/placing.hpp"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

using namespace llvm;

namespace moor::compiler {

// Vectors that are indexed by a variable are put into memory by code generation, and the address of that may be kept in
// a register. So they are put into a local variable here.
void index_vectors_in_memory(Function& function) {
    SmallVector<Instruction*, 4> found;
    for (Instruction& each : instructions(function)) {
        if ((isa<ExtractElementInst>(each) && !isa<Constant>(each.getOperand(1))) ||
            (isa<InsertElementInst>(each) && !isa<Constant>(each.getOperand(2)))) {
            found.push_back(&each);
        }
    }
    for (Instruction* const each : found) {
        Value* const vector = each->getOperand(0);
        Type* const type = vector->getType();
        auto* const shape = dyn_cast<FixedVectorType>(type);
        if (shape == nullptr ||
            function.getParent()->getDataLayout().getTypeSizeInBits(shape->getElementType()) % 8 != 0) {
            continue; // a mask: its elements are bits, which code generation widens in registers
        }
        IRBuilder<> at_entry(&*function.getEntryBlock().getFirstInsertionPt());
        AllocaInst* const memory = at_entry.CreateAlloca(type);
        IRBuilder<> builder(each);
        builder.CreateStore(vector, memory);
        const bool inserts = isa<InsertElementInst>(each);
        Value* const wide = builder.CreateZExtOrTrunc(each->getOperand(inserts ? 2 : 1), builder.getInt64Ty());
        // An index beyond the end is undefined, but must not write elsewhere: so it is taken modulo the next power of
        // two.
        std::uint64_t mask = 1;
        while (mask < shape->getNumElements()) {
            mask *= 2;
        }
        Value* const index = builder.CreateAnd(wide, mask - 1);
        Value* const place = builder.CreateInBoundsGEP(type, memory, {builder.getInt64(0), index});
        Value* result = nullptr;
        if (inserts) {
            builder.CreateStore(each->getOperand(1), place);
            result = builder.CreateLoad(type, memory);
        } else {
            result = builder.CreateLoad(shape->getElementType(), place);
        }
        each->replaceAllUsesWith(result);
        each->eraseFromParent();
    }
}

namespace {

// Operations that become calls of the compiler's library with arguments in memory, which code generation puts on the
// control stack itself: divisions of 128-bit integers, their conversions, accesses of that size that are atomic, and
// x87 or quadruple-precision arithmetic.
bool needs_temporary(const Instruction& each) {
    const auto wide_integer = [](const Type* type) { return type->isIntegerTy() && type->getIntegerBitWidth() > 64; };
    const auto floating = [](const Type* type) { return type->getScalarType()->isFloatingPointTy(); };
    const auto long_double = [](const Type* type) {
        return type->getScalarType()->isX86_FP80Ty() || type->getScalarType()->isFP128Ty();
    };
    const auto wide_access = [&each](const Type* type) {
        return each.isAtomic() && each.getModule()->getDataLayout().getTypeSizeInBits(const_cast<Type*>(type)) > 64;
    };
    switch (each.getOpcode()) {
    case Instruction::Load:
    case Instruction::AtomicRMW: return wide_access(each.getType());
    case Instruction::Store: return wide_access(each.getOperand(0)->getType());
    case Instruction::AtomicCmpXchg: return wide_access(each.getOperand(1)->getType());
    case Instruction::SDiv:
    case Instruction::UDiv:
    case Instruction::SRem:
    case Instruction::URem: return wide_integer(each.getType());
    case Instruction::FRem: return true;
    case Instruction::SIToFP:
    case Instruction::UIToFP: return wide_integer(each.getOperand(0)->getType());
    case Instruction::FPToSI:
    case Instruction::FPToUI: return wide_integer(each.getType());
    case Instruction::FAdd:
    case Instruction::FSub:
    case Instruction::FMul:
    case Instruction::FDiv: return each.getType()->getScalarType()->isFP128Ty();
    case Instruction::FPExt:
    case Instruction::FPTrunc:
        return each.getType()->getScalarType()->isFP128Ty() ||
               each.getOperand(0)->getType()->getScalarType()->isFP128Ty();
    case Instruction::Call:
        if (const auto* const call = dyn_cast<IntrinsicInst>(&each)) {
            return floating(each.getType()) && long_double(each.getType()) &&
                   call->getIntrinsicID() != Intrinsic::fabs && call->getIntrinsicID() != Intrinsic::copysign &&
                   !call->isAssumeLikeIntrinsic();
        }
        return false;
    default: return false;
    }
}

// Each of them moves to a function of its own that does nothing else: its temporaries are gone before anything moves.
// What registers do not hold is handed over in locals of the caller's, which lie on the data stack.
void set_apart(Instruction& each, SmallVectorImpl<Function*>& made) {
    Module& module = *each.getModule();
    Function& caller = *each.getFunction();
    IRBuilder<> builder(&each);
    IRBuilder<> at_entry(&*caller.getEntryBlock().getFirstInsertionPt());
    const auto local_of = [&at_entry](Type* type) {
        AllocaInst* const local = at_entry.CreateAlloca(type);
        local->setAlignment(Align(frame_alignment));
        return local;
    };
    SmallVector<Type*, 4> types;
    SmallVector<Value*, 4> values;
    const unsigned count = isa<CallBase>(each) ? cast<CallBase>(each).arg_size() : each.getNumOperands();
    for (unsigned index = 0; index != count; ++index) {
        Value* value = each.getOperand(index);
        if (isa<Constant>(value)) {
            continue;
        }
        if (goes_by_address(value->getType())) {
            AllocaInst* const local = local_of(value->getType());
            builder.CreateStore(value, local);
            value = local;
        }
        values.push_back(value);
        types.push_back(value->getType());
    }
    AllocaInst* const result = goes_by_address(each.getType()) ? local_of(each.getType()) : nullptr;
    if (result != nullptr) {
        values.push_back(result);
        types.push_back(result->getType());
    }
    auto* const apart =
        Function::Create(FunctionType::get(result != nullptr ? builder.getVoidTy() : each.getType(), types, false),
                         GlobalValue::InternalLinkage, "moor.apart", &module);
    apart->copyAttributesFrom(&caller);
    apart->setLinkage(GlobalValue::InternalLinkage);
    apart->setComdat(nullptr);
    apart->setDLLStorageClass(GlobalValue::DefaultStorageClass);
    apart->setAttributes(
        AttributeList::get(module.getContext(), caller.getAttributes().getFnAttrs(), AttributeSet(), {}));
    apart->setPersonalityFn(nullptr);
    apart->setCallingConv(CallingConv::C);
    apart->removeFnAttr(Attribute::AlwaysInline);
    apart->addFnAttr(Attribute::NoInline);
    IRBuilder<> within(BasicBlock::Create(module.getContext(), "", apart));
    Instruction* const copy = each.clone();
    auto argument = apart->arg_begin();
    for (unsigned index = 0; index != count; ++index) {
        Value* const value = each.getOperand(index);
        if (!isa<Constant>(value)) {
            Value* handed = &*argument++;
            if (goes_by_address(value->getType())) {
                handed = within.CreateLoad(value->getType(), handed);
            }
            copy->setOperand(index, handed);
        }
    }
    copy->setDebugLoc({});
    within.Insert(copy);
    if (result != nullptr) {
        within.CreateStore(copy, &*argument);
        within.CreateRetVoid();
    } else if (each.getType()->isVoidTy()) {
        within.CreateRetVoid();
    } else {
        within.CreateRet(copy);
    }
    CallInst* const call = builder.CreateCall(apart, values);
    call->setDebugLoc(each.getDebugLoc());
    if (result != nullptr) {
        each.replaceAllUsesWith(builder.CreateLoad(each.getType(), result));
    } else {
        each.replaceAllUsesWith(call);
    }
    each.eraseFromParent();
    made.push_back(apart);
}

} // namespace

void set_temporaries_apart(Function& function, SmallVectorImpl<Function*>& made) {
    SmallVector<Instruction*, 4> found;
    for (Instruction& each : instructions(function)) {
        if (needs_temporary(each)) {
            found.push_back(&each);
        }
    }
    for (Instruction* const each : found) {
        set_apart(*each, made);
    }
}

} // namespace moor::compiler
