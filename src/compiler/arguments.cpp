// Arguments that the calling convention has in memory: code generation would put their addresses into registers.
#include "compiler/placing.hpp"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

using namespace llvm;

namespace moor::compiler {

// ---- Variadic functions -------------------------------------------------------------------------------------------

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

// ---- Vectors and long doubles -------------------------------------------------------------------------------------

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

} // namespace moor::compiler
