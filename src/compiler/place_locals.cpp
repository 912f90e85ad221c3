// The compiler pass behind stacks that move: a plugin for Clang (-fpass-plugin), built for the host by
// moor_enable_movable_stacks. It runs after the optimiser and before code generation, together with -fsplit-stack.
//
// Its rule. After it has run, nothing in a function has the address of a place on the control stack (the one that rsp
// points into, which moves): every local variable is either
//   - used by nothing but loads and stores at constant offsets within itself: each of them becomes an instruction that
//     addresses the place relative to rsp or rbp, and no address is ever formed; or
//   - on the data stack (src/stack/data_stack.hpp), which never moves.
// Whatever else would yield such an address is rewritten (arguments passed by value in memory, variadic arguments,
// vectors indexed by a variable, calls for which code generation would make a temporary of its own) or refused with an
// error (setjmp, the address of a frame). So when a function is suspended in a call, no register and no word
// of its frame holds an address of the control stack but saved frame pointers, which unwind data names.
//
// A function with locals on the data stack gets a frame there, of a size known here:
//     cell = TEB[moor_data_slot]; frame = cell->pointer - size; if (frame < cell->limit) frame = moor_data_enter(size);
// and gives it back wherever it returns; landing pads take back what the frames below them left. It is all written
// with ordinary loads and stores, since a coroutine that is interrupted between any two of them goes on with its cell.
//
// All functions go to the section .movable, which says of a return address whether it lies in covered code. Calls of
// other code, and names of inline functions, are the business of divert_calls.cpp, which runs afterwards and adds no
// local.
#include <cstdint>
#include <string>
#include <vector>

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/Local.h>
#if __has_include(<llvm/Passes/PassPlugin.h>)
#include <llvm/Passes/PassPlugin.h>
#endif

using namespace llvm;

namespace {

constexpr const char* section_of_covered_code = ".movable";
constexpr std::uint64_t frame_alignment = 16; // of every data frame
constexpr unsigned most_arguments = 256;      // of a variadic call: src/sched/data_stack_calls.cpp
constexpr unsigned gs_space = 256;            // LLVM's address space of what the gs segment register points to

#if LLVM_VERSION_MAJOR >= 16
template <class T>
std::uint64_t fixed(const T& size) {
    return size.getFixedValue();
}
#else
template <class T>
std::uint64_t fixed(const T& size) {
    return size.getFixedSize();
}
#endif

Type* byte_pointer(LLVMContext& context) { return PointerType::get(Type::getInt8Ty(context), 0); }

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

// ---- The rule ------------------------------------------------------------------------------------------------------

bool lies_within(std::int64_t offset, std::uint64_t bytes, std::uint64_t size) {
    return offset >= 0 && bytes <= size && static_cast<std::uint64_t>(offset) <= size - bytes;
}

// Whether `address`, which is `offset` bytes into an object of `size`, is used by nothing but loads and stores within
// it.
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

// ---- What is refused -----------------------------------------------------------------------------------------------

void refuse(const Function& function, const Instruction& at, const Twine& what) {
    function.getContext().diagnose(DiagnosticInfoUnsupported(
        function,
        what + " does not work on a stack that moves (moor_enable_movable_stacks); put this function in a "
               "file that is compiled without",
        at.getDebugLoc()));
}

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

// ---- Variadic functions --------------------------------------------------------------------------------------------

// The arguments of a variadic function lie on the control stack of its caller, and a va_list is an address there. So
// the function's body becomes a function of its own, which is given that address as a last argument; what is left of
// the variadic one has the arguments copied to the data stack first.
Function* split_variadic(Function& function) {
    Module& module = *function.getParent();
    LLVMContext& context = module.getContext();
    SmallVector<Type*, 8> types;
    for (const Argument& each : function.args()) {
        types.push_back(each.getType());
    }
    types.push_back(byte_pointer(context));
    auto* const body = Function::Create(FunctionType::get(function.getReturnType(), types, false),
                                        GlobalValue::InternalLinkage, function.getName() + ".body", &module);
    body->copyAttributesFrom(&function);
    body->setLinkage(GlobalValue::InternalLinkage);
    body->setDLLStorageClass(GlobalValue::DefaultStorageClass);
    body->setComdat(nullptr);
    body->removeFnAttr(Attribute::AlwaysInline);
    body->addFnAttr(Attribute::NoInline);
    body->setSubprogram(function.getSubprogram());
    function.setSubprogram(nullptr);
    while (!function.empty()) {
        BasicBlock& block = function.front();
        block.removeFromParent();
        block.insertInto(body);
    }
    auto to = body->arg_begin();
    for (Argument& each : function.args()) {
        to->takeName(&each);
        each.replaceAllUsesWith(&*to);
        ++to;
    }
    Argument* const arguments = &*to;
    SmallVector<CallInst*, 4> gone;
    for (Instruction& each : instructions(*body)) {
        if (auto* const call = dyn_cast<CallInst>(&each); call != nullptr && call->getCalledFunction() != nullptr) {
            const Intrinsic::ID which = call->getCalledFunction()->getIntrinsicID();
            if (which == Intrinsic::vastart) {
                IRBuilder<> builder(call);
                Value* const list =
                    builder.CreateBitCast(call->getArgOperand(0), PointerType::get(arguments->getType(), 0));
                builder.CreateStore(arguments, list);
            }
            if (which == Intrinsic::vastart || which == Intrinsic::vaend) {
                gone.push_back(call);
            }
        }
    }
    for (CallInst* const call : gone) {
        call->eraseFromParent();
    }

    // The variadic part: list = va_start; copy = moor_data_variadic(list); result = body(..., copy).
    IRBuilder<> builder(BasicBlock::Create(context, "", &function));
    AllocaInst* const list = builder.CreateAlloca(byte_pointer(context));
#if LLVM_VERSION_MAJOR >= 19
    Function* const start = Intrinsic::getDeclaration(&module, Intrinsic::vastart, {list->getType()});
#else
    Function* const start = Intrinsic::getDeclaration(&module, Intrinsic::vastart);
#endif
    builder.CreateCall(start, {builder.CreateBitCast(list, byte_pointer(context))});
    FunctionCallee copy =
        module.getOrInsertFunction("moor_data_variadic", byte_pointer(context), byte_pointer(context));
    Value* const copied = builder.CreateCall(copy, {builder.CreateLoad(byte_pointer(context), list)});
    SmallVector<Value*, 8> arguments_of_call;
    for (Argument& each : function.args()) {
        arguments_of_call.push_back(&each);
    }
    arguments_of_call.push_back(copied);
    CallInst* const call = builder.CreateCall(body, arguments_of_call);
    call->setCallingConv(body->getCallingConv());
    call->setAttributes(AttributeList::get(context, AttributeSet(), body->getAttributes().getRetAttrs(), {}));
    for (unsigned index = 0; index != function.arg_size(); ++index) {
        for (const Attribute::AttrKind kind : {Attribute::StructRet, Attribute::ByVal}) {
            if (function.hasParamAttribute(index, kind)) {
                call->addParamAttr(index, function.getAttributes().getParamAttr(index, kind));
            }
        }
    }
    if (function.getReturnType()->isVoidTy()) {
        builder.CreateRetVoid();
    } else {
        builder.CreateRet(call);
    }
    return body;
}

// A thunk, which jumps to another variadic function with the arguments where they are.
bool passes_arguments_on(Function& function) {
    for (BasicBlock& each : function) {
        if (const CallInst* const last = each.getTerminatingMustTailCall();
            last != nullptr && last->getFunctionType()->isVarArg()) {
            return true;
        }
    }
    return false;
}

// ---- Temporaries of code generation --------------------------------------------------------------------------------

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

bool goes_by_address(const Type* type) { return type->isVectorTy() || type->isX86_FP80Ty() || type->isFP128Ty(); }

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

// Windows' convention passes vectors and long doubles by the address of a temporary. Clang makes a local of it where
// the program says so, but the optimiser turns references into values, and then code generation would. So a reference
// it is again. (In registers they would not survive growth, which knows 128 bits of each.)
Function* pass_by_address(Function& function) {
    const auto behind_address = [](const Argument& each) { return goes_by_address(each.getType()); };
    if (!function.hasLocalLinkage() || function.hasAddressTaken() || function.isVarArg() ||
        std::none_of(function.arg_begin(), function.arg_end(), behind_address)) {
        return &function;
    }
    Module& module = *function.getParent();
    SmallVector<Type*, 8> types;
    for (const Argument& each : function.args()) {
        types.push_back(behind_address(each) ? PointerType::get(each.getType(), 0) : each.getType());
    }
    auto* const changed = Function::Create(FunctionType::get(function.getReturnType(), types, false),
                                           GlobalValue::InternalLinkage, "", &module);
    changed->copyAttributesFrom(&function);
    changed->takeName(&function);
    changed->setLinkage(GlobalValue::InternalLinkage);
    changed->setComdat(function.getComdat());
    changed->setSubprogram(function.getSubprogram());
    function.setSubprogram(nullptr);
    while (!function.empty()) {
        BasicBlock& block = function.front();
        block.removeFromParent();
        block.insertInto(changed);
    }
    IRBuilder<> at_entry(&*changed->getEntryBlock().getFirstInsertionPt());
    auto to = changed->arg_begin();
    for (Argument& each : function.args()) {
        to->takeName(&each);
        if (behind_address(each)) {
            changed->setAttributes(changed->getAttributes().removeParamAttributes(module.getContext(), to->getArgNo()));
            each.replaceAllUsesWith(at_entry.CreateLoad(each.getType(), &*to));
        } else {
            each.replaceAllUsesWith(&*to);
        }
        ++to;
    }
    for (User* const user : SmallVector<User*, 8>(function.users())) {
        auto* const old = cast<CallBase>(user);
        IRBuilder<> builder(old);
        IRBuilder<> at_start(&*old->getFunction()->getEntryBlock().getFirstInsertionPt());
        AttributeList attributes = old->getAttributes();
        SmallVector<Value*, 8> values;
        for (unsigned index = 0; index != old->arg_size(); ++index) {
            Value* value = old->getArgOperand(index);
            if (value->getType() != types[index]) {
                AllocaInst* const local = at_start.CreateAlloca(value->getType());
                builder.CreateStore(value, local);
                value = local;
                attributes = attributes.removeParamAttributes(module.getContext(), index);
            }
            values.push_back(value);
        }
        CallBase* call = nullptr;
        if (auto* const invoke = dyn_cast<InvokeInst>(old)) {
            call = builder.CreateInvoke(changed, invoke->getNormalDest(), invoke->getUnwindDest(), values);
        } else {
            call = builder.CreateCall(changed, values);
        }
        call->setCallingConv(old->getCallingConv());
        call->setAttributes(attributes);
        call->setDebugLoc(old->getDebugLoc());
        call->takeName(old);
        old->replaceAllUsesWith(call);
        old->eraseFromParent();
    }
    function.eraseFromParent();
    return changed;
}

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

// ---- Data frames ---------------------------------------------------------------------------------------------------

class placing {
public:
    explicit placing(Function& function)
        : function_(function), module_(*function.getParent()), context_(function.getContext()),
          layout_(module_.getDataLayout()) {}

    void run() {
        find();
        const bool has_frame = !locals_.empty() || !by_value_.empty() || !dynamic_.empty() || !saves_.empty();
        if (!has_frame && !catches_ && !copies_arguments_) {
            return;
        }
        keep_directly_used_at_entry();
        if (has_frame || copies_arguments_) {
            lay_out();
            enter();
            place_all();
            leave_everywhere();
        } else {
            remember();
        }
        for (LandingPadInst* const pad : pads_) {
            IRBuilder<> builder(&*pad->getParent()->getFirstInsertionPt());
            builder.CreateCall(callee("moor_data_rewind", builder.getVoidTy(), {pointer_}), {frame_});
        }
    }

private:
    struct placed {
        Value* what; // a static alloca, or an argument passed by value
        std::uint64_t size;
        std::uint64_t alignment;
        std::uint64_t offset = 0;
    };

    void find() {
        pointer_ = byte_pointer(context_);
        for (Instruction& each : instructions(function_)) {
            if (auto* const local = dyn_cast<AllocaInst>(&each)) {
                if (stays_on_control_stack(*local, layout_)) {
                    direct_.push_back(local);
                } else if (local->isStaticAlloca()) {
                    locals_.push_back(
                        {local, fixed(*local->getAllocationSizeInBits(layout_)) / 8, local->getAlign().value()});
                } else {
                    dynamic_.push_back(local);
                }
            } else if (auto* const pad = dyn_cast<LandingPadInst>(&each)) {
                pads_.push_back(pad);
                catches_ |= pad->getNumClauses() != 0;
            } else if (auto* const call = dyn_cast<CallInst>(&each);
                       call != nullptr && call->getCalledFunction() != nullptr) {
                const Function& called = *call->getCalledFunction();
                if (called.getIntrinsicID() == Intrinsic::stacksave ||
                    called.getIntrinsicID() == Intrinsic::stackrestore) {
                    saves_.push_back(call);
                }
                copies_arguments_ |= called.getName() == "moor_data_variadic";
            }
        }
        for (Argument& each : function_.args()) {
            if (each.hasByValAttr()) {
                Type* const type = each.getParamByValType();
                const std::uint64_t size = fixed(layout_.getTypeAllocSize(type));
                if (!only_direct(each, 0, size, layout_)) {
                    const MaybeAlign asked = each.getParamAlign();
                    by_value_.push_back({&each, size, asked ? asked->value() : 8});
                }
            }
        }
        if (copies_arguments_) { // the variadic part of a split function: its list is used up by then
            locals_.clear();
        }
    }

    // Only in the entry block, and before any branch, does an alloca have a fixed place.
    void keep_directly_used_at_entry() {
        for (AllocaInst* const local : direct_) {
            local->moveBefore(&*function_.getEntryBlock().getFirstInsertionPt());
        }
        start_ = &*function_.getEntryBlock().getFirstInsertionPt();
        while (auto* const local = dyn_cast<AllocaInst>(start_)) {
            if (std::find(direct_.begin(), direct_.end(), local) == direct_.end()) {
                break;
            }
            start_ = start_->getNextNode();
        }
        if (copies_arguments_) {
            start_ = start_->getNextNode(); // behind its list
        }
    }

    void lay_out() {
        std::uint64_t largest = frame_alignment;
        std::vector<placed*> all;
        for (placed& each : locals_) {
            all.push_back(&each);
        }
        for (placed& each : by_value_) {
            all.push_back(&each);
        }
        std::stable_sort(all.begin(), all.end(),
                         [](const placed* one, const placed* other) { return one->alignment > other->alignment; });
        std::uint64_t size = 0;
        for (placed* const each : all) {
            size = round_up(size, each->alignment);
            each->offset = size;
            size += each->size;
            largest = std::max(largest, each->alignment);
        }
        size_ = std::max(round_up(size, frame_alignment), frame_alignment);
        if (largest > frame_alignment) {
            alignment_ = largest;
            size_ += largest - frame_alignment;
        }
    }

    FunctionCallee callee(StringRef name, Type* result, ArrayRef<Type*> parameters) {
        return module_.getOrInsertFunction(name, FunctionType::get(result, parameters, false));
    }

    // A rarely called helper that changes no register but its result's, so that nothing is kept elsewhere because of
    // it.
    CallInst* call_quiet(IRBuilder<>& builder, StringRef name, Type* result, ArrayRef<Type*> types,
                         ArrayRef<Value*> values) {
        FunctionCallee called = callee(name, result, types);
        cast<Function>(called.getCallee())->setCallingConv(CallingConv::PreserveMost);
        cast<Function>(called.getCallee())->addFnAttr(Attribute::NoUnwind);
        CallInst* const call = builder.CreateCall(called, values);
        call->setCallingConv(CallingConv::PreserveMost);
        return call;
    }

    Value* load_cell(IRBuilder<>& builder) {
        Constant* const slot = module_.getOrInsertGlobal("moor_data_slot", builder.getInt32Ty());
        if (auto* const variable = dyn_cast<GlobalVariable>(slot)) {
            variable->setDSOLocal(true);
        }
        Value* const offset =
            builder.CreateZExt(builder.CreateLoad(builder.getInt32Ty(), slot, true), builder.getInt64Ty());
        Value* const place = builder.CreateIntToPtr(offset, PointerType::get(pointer_, gs_space));
        Value* const cell = builder.CreateLoad(pointer_, place, true);
        return builder.CreateBitCast(cell, PointerType::get(pointer_, 0));
    }

    MDNode* unlikely() { return MDBuilder(context_).createBranchWeights(1, 1 << 20); }

    void enter() {
        IRBuilder<> builder(start_);
        Value* const cell = load_cell(builder);
        Value* const none = ConstantPointerNull::get(cast<PointerType>(cell->getType()));
        // Whether there is a cell is asked first: its place would be that of a null pointer otherwise.
        BasicBlock* const head = start_->getParent();
        BasicBlock* const body = head->splitBasicBlock(start_, "");
        BasicBlock* const check = BasicBlock::Create(context_, "", &function_, body);
        BasicBlock* const take = BasicBlock::Create(context_, "", &function_, body);
        BasicBlock* const more = BasicBlock::Create(context_, "", &function_);
        head->getTerminator()->eraseFromParent();
        builder.SetInsertPoint(head);
        builder.CreateCondBr(builder.CreateICmpEQ(cell, none), more, check, unlikely());

        builder.SetInsertPoint(check);
        Value* const old = builder.CreateLoad(pointer_, cell);
        Value* const lower =
            builder.CreateGEP(builder.getInt8Ty(), old, builder.getInt64(-static_cast<std::int64_t>(size_)));
        Value* const limit = builder.CreateLoad(pointer_, builder.CreateConstGEP1_64(pointer_, cell, 1));
        builder.CreateCondBr(builder.CreateICmpULT(lower, limit), more, take, unlikely());

        builder.SetInsertPoint(take);
        builder.CreateStore(lower, cell);
        builder.CreateBr(body);

        builder.SetInsertPoint(more);
        Value* const linked =
            call_quiet(builder, "moor_data_enter", pointer_, {builder.getInt64Ty()}, {builder.getInt64(size_)});
        builder.CreateBr(body);

        builder.SetInsertPoint(&body->front());
        PHINode* const frame = builder.CreatePHI(pointer_, 2);
        frame->addIncoming(lower, take);
        frame->addIncoming(linked, more);
        frame_ = frame;
        base_ = frame;
        start_ = &*body->getFirstInsertionPt();
        if (alignment_ != 0) {
            builder.SetInsertPoint(start_);
            Value* const number = builder.CreatePtrToInt(frame, builder.getInt64Ty());
            Value* const aligned = builder.CreateAnd(builder.CreateAdd(number, builder.getInt64(alignment_ - 1)),
                                                     builder.getInt64(~(alignment_ - 1)));
            base_ = builder.CreateIntToPtr(aligned, pointer_);
        }
    }

    // A function without a frame that catches: where the data stack was when it began.
    void remember() {
        IRBuilder<> builder(start_);
        Value* const cell = load_cell(builder);
        Constant* const none = module_.getOrInsertGlobal("moor_no_data_cell", pointer_);
        Value* const empty = builder.CreateICmpEQ(cell, ConstantPointerNull::get(cast<PointerType>(cell->getType())));
        frame_ = builder.CreateLoad(pointer_, builder.CreateSelect(empty, none, cell));
    }

    Value* address_of(IRBuilder<>& builder, const placed& which) {
        Value* const place = builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), base_, which.offset);
        return builder.CreateBitCast(place, which.what->getType());
    }

    void place_all() {
        DIBuilder debug(module_, false);
        for (const placed& each : by_value_) {
            IRBuilder<> builder(start_);
            Value* const copy = address_of(builder, each);
            auto* const argument = cast<Argument>(each.what);
            argument->replaceAllUsesWith(copy);
            builder.CreateMemCpy(copy, MaybeAlign(each.alignment), argument, argument->getParamAlign(), each.size);
        }
        for (const placed& each : locals_) {
            auto* const local = cast<AllocaInst>(each.what);
            replaceDbgDeclare(local, base_, debug, DIExpression::ApplyOffset, static_cast<int>(each.offset));
            drop_lifetime(*local);
            // At each use, so that no register is kept for it.
            while (!local->use_empty()) {
                Use& use = *local->use_begin();
                auto* const user = cast<Instruction>(use.getUser());
                auto* const phi = dyn_cast<PHINode>(user);
                IRBuilder<> builder(phi != nullptr ? phi->getIncomingBlock(use)->getTerminator() : user);
                if (phi == nullptr) {
                    builder.SetCurrentDebugLocation(user->getDebugLoc());
                    user->replaceUsesOfWith(local, address_of(builder, each));
                    continue;
                }
                BasicBlock* const from = phi->getIncomingBlock(use);
                Value* const address = address_of(builder, each);
                for (unsigned index = 0; index != phi->getNumIncomingValues(); ++index) {
                    if (phi->getIncomingBlock(index) == from && phi->getIncomingValue(index) == local) {
                        phi->setIncomingValue(index, address);
                    }
                }
            }
            local->eraseFromParent();
        }
        for (AllocaInst* const local : dynamic_) {
            IRBuilder<> builder(local);
            Value* const count = builder.CreateZExtOrTrunc(local->getArraySize(), builder.getInt64Ty());
            Value* const size =
                builder.CreateMul(count, builder.getInt64(fixed(layout_.getTypeAllocSize(local->getAllocatedType()))));
            Value* const space =
                builder.CreateCall(callee("moor_data_allocate", pointer_, {builder.getInt64Ty(), builder.getInt64Ty()}),
                                   {size, builder.getInt64(std::max(local->getAlign().value(), frame_alignment))});
            Value* const typed = builder.CreateBitCast(space, local->getType());
            replaceDbgDeclare(local, space, debug, DIExpression::ApplyOffset, 0);
            drop_lifetime(*local);
            local->replaceAllUsesWith(typed);
            local->eraseFromParent();
        }
        for (CallInst* const each : saves_) {
            IRBuilder<> builder(each);
            if (each->arg_size() == 0) {
                each->replaceAllUsesWith(builder.CreateLoad(pointer_, load_cell(builder)));
            } else {
                builder.CreateCall(callee("moor_data_rewind", builder.getVoidTy(), {pointer_}),
                                   {each->getArgOperand(0)});
            }
            each->eraseFromParent();
        }
    }

    static void drop_lifetime(Instruction& local) {
        SmallVector<Instruction*, 8> gone;
        for (User* const user : local.users()) {
            if (auto* const intrinsic = dyn_cast<IntrinsicInst>(user);
                intrinsic != nullptr && intrinsic->isLifetimeStartOrEnd()) {
                gone.push_back(intrinsic);
            } else if (auto* const cast = dyn_cast<BitCastInst>(user)) {
                drop_lifetime(*cast);
                if (cast->use_empty()) {
                    gone.push_back(cast);
                }
            }
        }
        for (Instruction* const each : gone) {
            each->eraseFromParent();
        }
    }

    // A call marked `tail` promises to use no local of its caller's, so the frame may go before it.
    static Instruction* end_of(ReturnInst& end) {
        if (CallInst* const last = end.getParent()->getTerminatingMustTailCall()) {
            return last;
        }
        auto* const last = dyn_cast_or_null<CallInst>(end.getPrevNode());
        const bool returned = end.getReturnValue() == nullptr || end.getReturnValue() == last;
        return last != nullptr && returned && last->isTailCall() && !isa<IntrinsicInst>(last) && !last->isInlineAsm()
                   ? static_cast<Instruction*>(last)
                   : &end;
    }

    void leave_everywhere() {
        SmallVector<ReturnInst*, 8> ends;
        for (BasicBlock& block : function_) {
            if (auto* const end = dyn_cast<ReturnInst>(block.getTerminator())) {
                ends.push_back(end);
            }
        }
        for (ReturnInst* const end : ends) {
            Instruction* const before = end_of(*end);
            BasicBlock* const head = before->getParent();
            BasicBlock* const tail = head->splitBasicBlock(before, "");
            BasicBlock* const quick = BasicBlock::Create(context_, "", &function_, tail);
            BasicBlock* const slow = BasicBlock::Create(context_, "", &function_);
            head->getTerminator()->eraseFromParent();
            IRBuilder<> builder(head);
            Value* const cell = load_cell(builder);
            Value* const now = builder.CreateLoad(pointer_, cell);
            builder.CreateCondBr(builder.CreateICmpEQ(now, frame_), quick, slow,
                                 MDBuilder(context_).createBranchWeights(1 << 20, 1));
            builder.SetInsertPoint(quick);
            builder.CreateStore(builder.CreateGEP(builder.getInt8Ty(), frame_, builder.getInt64(size_)), cell);
            builder.CreateBr(tail);
            builder.SetInsertPoint(slow);
            call_quiet(builder, "moor_data_leave", builder.getVoidTy(), {pointer_, builder.getInt64Ty()},
                       {frame_, builder.getInt64(size_)});
            builder.CreateBr(tail);
        }
    }

    Function& function_;
    Module& module_;
    LLVMContext& context_;
    const DataLayout& layout_;
    Type* pointer_ = nullptr;
    std::vector<placed> locals_;
    std::vector<placed> by_value_;
    SmallVector<AllocaInst*, 8> direct_;
    SmallVector<AllocaInst*, 4> dynamic_;
    SmallVector<CallInst*, 4> saves_;
    SmallVector<LandingPadInst*, 8> pads_;
    bool catches_ = false;
    bool copies_arguments_ = false;
    std::uint64_t size_ = 0;
    std::uint64_t alignment_ = 0; // more than that of every frame, or 0
    Instruction* start_ = nullptr;
    Value* frame_ = nullptr; // where the data stack is while the function runs
    Value* base_ = nullptr;  // of the locals
};

// ---- The module ----------------------------------------------------------------------------------------------------

void switch_off_what_needs_a_fixed_frame(Function& function) {
    // The guard of a frame is mixed with its address.
    function.removeFnAttr(Attribute::StackProtect);
    function.removeFnAttr(Attribute::StackProtectStrong);
    function.removeFnAttr(Attribute::StackProtectReq);
    // Frames are found by unwind data, which functions that never throw could do without.
#if LLVM_VERSION_MAJOR >= 15
    function.setUWTableKind(UWTableKind::Default);
#else
    function.addFnAttr(Attribute::UWTable);
#endif
}

struct place_locals : PassInfoMixin<place_locals> {
    PreservedAnalyses run(Module& module, ModuleAnalysisManager&) {
        SmallVector<Function*, 64> functions;
        for (Function& each : module) {
            if (!each.isDeclaration() && !each.hasAvailableExternallyLinkage() &&
                !each.hasFnAttribute(Attribute::Naked)) {
                functions.push_back(&each);
            }
        }
        const std::size_t written = functions.size(); // by the programmer; what is made here comes behind
        for (std::size_t index = 0; index != written; ++index) {
            Function& each = *functions[index];
            if (refuse_what_cannot_move(each)) {
                continue;
            }
            if (each.isVarArg()) {
                if (!passes_arguments_on(each)) {
                    functions.push_back(split_variadic(each));
                }
                each.removeFnAttr("split-stack"); // code generation refuses it
            }
        }
        SmallVector<Function*, 4> apart;
        for (Function*& each : functions) {
            each = pass_by_address(*each);
        }
        for (Function* const each : functions) {
            index_vectors_in_memory(*each);
            set_temporaries_apart(*each, apart);
        }
        for (Function* const each : functions) {
            placing(*each).run();
        }
        functions.append(apart.begin(), apart.end());
        for (Function* const each : functions) {
            switch_off_what_needs_a_fixed_frame(*each);
            if (!each->hasSection()) {
                // Unwind data of an inline function is found by the linker by what is behind the dollar sign.
                each->setSection(each->hasComdat() ? (section_of_covered_code + Twine('$') + each->getName()).str()
                                                   : section_of_covered_code);
            }
        }
        return PreservedAnalyses::none();
    }
    static bool isRequired() { return true; }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
    return {LLVM_PLUGIN_API_VERSION, "place_locals", "1", [](PassBuilder& builder) {
                builder.registerOptimizerLastEPCallback(
                    [](ModulePassManager& manager, auto) { manager.addPass(place_locals()); });
                builder.registerPipelineParsingCallback(
                    [](StringRef name, ModulePassManager& manager, ArrayRef<PassBuilder::PipelineElement>) {
                        if (name != "place-locals") {
                            return false;
                        }
                        manager.addPass(place_locals());
                        return true;
                    });
            }};
}
