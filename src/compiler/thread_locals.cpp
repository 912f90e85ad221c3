// A plugin for Clang (-fpass-plugin) for code with stack checks (-fsplit-stack), whose coroutines suspend in one thread
// and go on in another: each time that the source names a thread_local variable its address is asked for anew.
//
// To the optimiser a function stays in one thread. It computes such an address once, before a loop, and uses it after
// a suspension. So this pass runs before the optimiser and puts each computation into a function of the variable's own,
// which is neither inlined nor looked into. A reference that the source keeps across a suspension goes on to mean the
// variable of the thread before: `auto& here = counter;` is a choice of the program.
//
// Clang before 15 does not tell such computations from other uses of the variable, and is left as it is.
#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#if __has_include(<llvm/Passes/PassPlugin.h>)
#include <llvm/Passes/PassPlugin.h>
#endif

using namespace llvm;

namespace {

bool computes_address([[maybe_unused]] const Instruction& each) {
#if LLVM_VERSION_MAJOR >= 15
    const auto* const call = dyn_cast<IntrinsicInst>(&each);
    return call != nullptr && call->getIntrinsicID() == Intrinsic::threadlocal_address;
#else
    return false;
#endif
}

// Moves the computation into a function that returns its result.
Function* make_function(Instruction& computation, const Function& user) {
    Module& module = *computation.getModule();
    auto* const type = FunctionType::get(computation.getType(), false);
    auto* const made = Function::Create(type, GlobalValue::InternalLinkage,
                                        "moor.thread_local." + computation.getOperand(0)->getName(), module);
    // Without optimisation: what is known of its result would be known to its callers.
    made->addFnAttr(Attribute::NoInline);
    made->addFnAttr(Attribute::OptimizeNone);
    made->addFnAttr(Attribute::NoUnwind);
    for (const char* const each : {"split-stack", "target-cpu", "target-features"}) {
        if (user.hasFnAttribute(each)) {
            made->addFnAttr(user.getFnAttribute(each));
        }
    }
    made->setUWTableKind(UWTableKind::Async);
    IRBuilder<> builder(BasicBlock::Create(module.getContext(), "", made));
    Instruction* const copy = computation.clone();
    builder.Insert(copy);
    copy->setDebugLoc(DebugLoc());
    builder.CreateRet(copy);
    return made;
}

struct thread_locals : PassInfoMixin<thread_locals> {
    PreservedAnalyses run(Module& module, ModuleAnalysisManager&) {
        SmallVector<Instruction*, 16> computations;
        for (Function& function : module) {
            if (!function.hasFnAttribute("split-stack")) {
                continue;
            }
            for (Instruction& each : instructions(function)) {
                if (computes_address(each)) {
                    computations.push_back(&each);
                }
            }
        }
        DenseMap<Value*, Function*> functions;
        for (Instruction* const each : computations) {
            Function*& function = functions[each->getOperand(0)];
            if (function == nullptr) {
                function = make_function(*each, *each->getFunction());
            }
            IRBuilder<> builder(each);
            each->replaceAllUsesWith(builder.CreateCall(function));
            each->eraseFromParent();
        }
        return computations.empty() ? PreservedAnalyses::all() : PreservedAnalyses::none();
    }
    static bool isRequired() { return true; }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
    return {LLVM_PLUGIN_API_VERSION, "moor_thread_locals", "1", [](PassBuilder& builder) {
                builder.registerPipelineStartEPCallback(
                    [](ModulePassManager& manager, auto...) { manager.addPass(thread_locals()); });
            }};
}
