// The frame that a function has on the data stack (src/stack/data_stack.hpp): which of its locals lie there and where,
// how the function takes it when it begins and gives it back wherever it ends, exceptions included.
#include "compiler/placing.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/Local.h>

using namespace llvm;

namespace moor::compiler {
namespace {

constexpr unsigned gs_space = 256; // LLVM's address space of what the gs segment register points to

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

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

} // namespace

void place_locals_of(Function& function) { placing(function).run(); }

} // namespace moor::compiler
