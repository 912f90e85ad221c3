// A plugin for Clang (-fpass-plugin) that keeps law 6 in code with stack checks (-fsplit-stack): whatever such code
// calls that has no checks runs on the thread's system stack. It runs after the optimiser and before code generation.
//
// The rule. Code is covered when Clang gave it stack checks. A call from covered code is left alone when it goes to
// - covered code,
// - those of direct_functions.hpp, and what the library has for this very purpose (moor_...).
// A call of the library itself (namespace moor) stays on the coroutine's stack, where it may suspend. Its frames are
// not covered, so the stack cannot move below them: the call goes through f.movable, which looks for room first, and
// has the stack moved while the caller's is the innermost frame (moor_call_with_room,
// src/stack/room_before_calls_gas.S). Everything else goes through moor_divert_N (src/stack/diverted_call_gas.S), which
// takes the function's address in r10, N is the number of arguments on the stack. How the pass tells what is covered:
// - in the same file it sees it;
// - another file's function f is called as f.movable, a weak symbol that means a stub that diverts. A covered f has
//   a strong f.movable, so that the linker decides, and no call through a stub is left between covered files;
// - a function from a DLL (dllimport) is not;
// - all covered code lies in a section of its own, .movable. An indirect call looks whether its target does: so a DLL's
//   interfaces, what GetProcAddress gives, and virtual functions of compiled libraries are found as well.
//
// A variadic function is not covered, since Clang makes no check for it.
//
// An inline function may come from many files, and the linker takes any one. So that covered code gets a covered one,
// its own have names of their own, f.movable, and vtables too.
//
// Nothing here depends on what a function does; one that is missing in direct_functions.hpp costs a few nanoseconds.
#include <cstdint>
#include <string>
#include <string_view>

#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/ErrorHandling.h>
#if __has_include(<llvm/Passes/PassPlugin.h>)
#include <llvm/Passes/PassPlugin.h>
#endif

#include "compiler/direct_functions.hpp"

using namespace llvm;

namespace {

// The linker joins sections that differ only behind a $. Of a function that may come from several files that part has
// to be its name: the sections of its unwind data are found by it.
constexpr const char* covered_section = ".movable";
constexpr const char* stub_section = ".text";
constexpr const char* suffix = ".movable"; // demanglers take it for a clone of the function
constexpr unsigned register_arguments = 4;
constexpr unsigned most_stack_arguments = 256; // what moor_divert_N knows; more than C++ asks of a compiler
constexpr const char* promised = ".any_stack";
constexpr const char* any_stack = "moor::any_stack"; // annotation: the author promises that the headroom is enough

std::string_view view(StringRef text) { return {text.data(), text.size()}; }
bool starts_with(StringRef text, StringRef prefix) { return moor::compiler::begins_with(view(text), view(prefix)); }
bool is_moors_own(StringRef name) { return moor::compiler::is_moors_own(view(name)); }
bool is_direct(StringRef name) {
    return moor::compiler::is_leaf(view(name)) || moor::compiler::is_bound_to_frame(view(name));
}

class diversion {
public:
    explicit diversion(Module& module) : module_(module), layout_(module.getDataLayout()) { note_annotations(); }

    bool run() {
        SmallVector<Function*, 32> functions;
        for (Function& each : module_) {
            if (each.isVarArg()) {
                each.removeFnAttr("split-stack"); // Clang has no check for them, and refuses to go on
            }
            if (has_checks(each)) {
                covered_.insert(&each);
                functions.push_back(&each);
            }
        }
        if (functions.empty()) {
            return false;
        }
        SmallVector<CallBase*, 64> calls;
        for (Function* const each : functions) {
            for (Instruction& instruction : instructions(*each)) {
                if (auto* const call = dyn_cast<CallBase>(&instruction)) {
                    calls.push_back(call);
                }
            }
        }
        for (CallBase* const each : calls) {
            treat(*each);
        }
        for (Function* const each : functions) {
            place(*each);
        }
        for (Function& each : module_) {
            if (on_any_stack_.count(&each) != 0 && !each.isDeclaration() && !each.hasSection()) {
                each.setSection(section_for(each)); // so that its address is that of covered code, too
                promise(each);
            }
        }
        name_aliases();
        name_vtables();
        forward_addresses();
        return true;
    }

private:
    // By another pass, which knows why.
    static bool is_placed(const Function& function) { return starts_with(function.getSection(), covered_section); }

    static bool has_checks(const Function& function) {
        return !function.isDeclaration() && !function.hasAvailableExternallyLinkage() &&
               !function.hasFnAttribute(Attribute::Naked) &&
               (function.hasFnAttribute("split-stack") || is_placed(function));
    }

    bool is_covered(const Value* value) const {
        const auto* function = dyn_cast<Function>(value);
        if (const auto* const alias = dyn_cast<GlobalAlias>(value)) {
            function = dyn_cast<Function>(alias->getAliasee()->stripPointerCasts());
        }
        return function != nullptr && covered_.count(const_cast<Function*>(function)) != 0;
    }

    // ---- Calls ----------------------------------------------------------------------------------------------------

    void treat(CallBase& call) {
        if (call.isInlineAsm() || isa<IntrinsicInst>(call) || isa<CallBrInst>(call) ||
            call.hasFnAttr(Attribute::ReturnsTwice) || !usual_convention(call.getCallingConv())) {
            return;
        }
        Value* const target = call.getCalledOperand()->stripPointerCasts();
        auto* const function = dyn_cast<Function>(target);
        if (is_covered(target)) {
            return;
        }
        if (function == nullptr) {
            if (!call.isMustTailCall()) {
                guard(call);
            }
            return;
        }
        const bool elsewhere = function->isDeclaration() || function->hasAvailableExternallyLinkage();
        if (function->isIntrinsic() || is_direct(function->getName()) || on_any_stack_.count(function) != 0) {
            return;
        }
        if (elsewhere && is_moors_own(function->getName()) &&
            !moor::compiler::is_moors_diverted(view(function->getName()))) {
            if (is_library(*function)) {
                call.setCalledOperand(cast_to(with_room(*function), call.getCalledOperand()->getType()));
            }
            return;
        }
        if (elsewhere && !function->hasDLLImportStorageClass() && !function->hasExternalWeakLinkage() &&
            !call.getFunctionType()->isVarArg()) {
            call.setCalledOperand(cast_to(unless_covered(*function, call), call.getCalledOperand()->getType()));
        } else if (!call.isMustTailCall()) {
            IRBuilder<> builder(&call);
            replace(call, entry(call), call.getCalledOperand());
        }
    }

    static bool usual_convention(CallingConv::ID convention) {
        return convention == CallingConv::C || convention == CallingConv::Win64 || convention == CallingConv::Fast ||
               convention == CallingConv::Cold || convention == CallingConv::X86_VectorCall;
    }

    // An indirect call: to its target if that is covered, else to moor_divert_N.
    void guard(CallBase& call) {
        IRBuilder<> builder(&call);
        auto* const word = builder.getInt64Ty();
        auto* const begin = variable("moor_covered_begin", word);
        auto* const size = variable("moor_covered_size", word);
        Value* const target = call.getCalledOperand();
        Value* const distance =
            builder.CreateSub(builder.CreatePtrToInt(target, word), builder.CreateLoad(word, begin));
        Value* const covered = builder.CreateICmpULT(distance, builder.CreateLoad(word, size));
        Constant* const otherwise = cast_to(entry(call), target->getType());
        replace(call, builder.CreateSelect(covered, target, otherwise), target);
    }

    // The same call of `callee`, with `target` in r10: what the code generator does with a parameter marked `nest`.
    void replace(CallBase& call, Value* callee, Value* target) {
        IRBuilder<> builder(&call);
        FunctionType* const old_type = call.getFunctionType();
        const unsigned fixed = old_type->getNumParams();
        Type* const pointer = builder.getInt8Ty()->getPointerTo();
        SmallVector<Type*, 8> parameters(old_type->param_begin(), old_type->param_end());
        parameters.push_back(pointer);
        auto* const type = FunctionType::get(old_type->getReturnType(), parameters, old_type->isVarArg());

        SmallVector<Value*, 8> arguments(call.args());
        arguments.insert(arguments.begin() + fixed, builder.CreateBitCast(target, pointer));
        const AttributeList old = call.getAttributes();
        SmallVector<AttributeSet, 8> attributes;
        for (unsigned index = 0; index != call.arg_size(); ++index) {
            attributes.push_back(old.getParamAttrs(index));
        }
        attributes.insert(attributes.begin() + fixed,
                          AttributeSet::get(call.getContext(), {Attribute::get(call.getContext(), Attribute::Nest)}));
        SmallVector<OperandBundleDef, 1> bundles;
        call.getOperandBundlesAsDefs(bundles);

        callee = builder.CreateBitCast(callee, type->getPointerTo());
        CallBase* made = nullptr;
        if (auto* const invoke = dyn_cast<InvokeInst>(&call)) {
            made = builder.CreateInvoke(type, callee, invoke->getNormalDest(), invoke->getUnwindDest(), arguments,
                                        bundles);
        } else {
            auto* const plain = builder.CreateCall(type, callee, arguments, bundles);
            plain->setTailCallKind(cast<CallInst>(call).getTailCallKind());
            made = plain;
        }
        made->setCallingConv(call.getCallingConv());
        made->setAttributes(AttributeList::get(call.getContext(), old.getFnAttrs(), old.getRetAttrs(), attributes));
        made->copyMetadata(call);
        made->takeName(&call);
        call.replaceAllUsesWith(made);
        call.eraseFromParent();
    }

    // Each argument takes one word; larger ones are passed by address. Too many do no harm.
    unsigned stack_arguments(const CallBase& call) const {
        std::uint64_t words = 0;
        for (const Use& each : call.args()) {
            const std::uint64_t bytes = layout_.getTypeAllocSize(each->getType());
            words += bytes <= 8 ? 1 : (bytes + 7) / 8;
        }
        if (words > most_stack_arguments + register_arguments) {
            report_fatal_error("moor: a call with more than 260 arguments cannot leave a movable stack");
        }
        return words <= register_arguments ? 0 : static_cast<unsigned>(words) - register_arguments;
    }

    // moor_divert_N: exact up to 16, then the next of 32, 64, 128 and 256.
    Constant* entry(const CallBase& call) {
        unsigned words = stack_arguments(call);
        if (words > 16) {
            unsigned size = 32;
            while (size < words) {
                size *= 2;
            }
            words = size;
        }
        return library_function("moor_divert_" + std::to_string(words));
    }

    Constant* library_function(const std::string& name) {
        auto* const type = FunctionType::get(Type::getVoidTy(module_.getContext()), false);
        auto* const found = cast<Function>(module_.getOrInsertFunction(name, type).getCallee());
        found->setDSOLocal(true);
        return found;
    }

    Constant* variable(StringRef name, Type* type) {
        auto* const found = cast<GlobalVariable>(module_.getOrInsertGlobal(name, type));
        found->setDSOLocal(true);
        return found;
    }

    static Constant* cast_to(Constant* value, Type* type) { return ConstantExpr::getPointerCast(value, type); }

    // f.movable for a function of another file.
    Constant* unless_covered(Function& function, const CallBase& call) {
        const std::string name = function.getName().str() + suffix;
        if (GlobalAlias* const known = module_.getNamedAlias(name)) {
            return known;
        }
        Function* const stub =
            make_stub(name + ".stub", stub_section, "leaq ${0:P}(%rip), %r10\n\tjmp ${1:P}", {&function, entry(call)});
        return weak_name(name, stub);
    }

    // `name` for a stub, unless another file has a function of that name.
    Constant* weak_name(const std::string& name, Function* stub) {
        auto* const made =
            GlobalAlias::create(stub->getValueType(), 0, GlobalValue::WeakAnyLinkage, name, stub, &module_);
        made->setDSOLocal(true);
        return made;
    }

    // A function of the library, compiled without checks; what it has in assembly has other names.
    static bool is_library(const Function& function) {
        return moor::compiler::within_moor(view(function.getName())).size() != 0 && !function.isIntrinsic() &&
               !function.hasDLLImportStorageClass() && !function.hasExternalWeakLinkage();
    }

    // f.movable for a function of the library. In the covered range, since nobody may divert it.
    Constant* with_room(Function& function) {
        const std::string name = function.getName().str() + suffix;
        if (GlobalAlias* const known = module_.getNamedAlias(name)) {
            return known;
        }
        const unsigned room = moor::compiler::room_of_moors(view(function.getName()));
        const std::string check =
            room == 0 ? "cmpq %gs:40, %rsp" : "leaq -" + std::to_string(room) + "(%rsp), %r11\n\tcmpq %gs:40, %r11";
        Function* const stub = make_stub(name + ".stub", covered_section,
                                         check + "\n\tja ${0:P}\n\tleaq ${0:P}(%rip), %r10\n\tmovl $$" +
                                             std::to_string(room) + ", %r11d\n\tjmp ${1:P}",
                                         {&function, library_function("moor_call_with_room")});
        return weak_name(name, stub);
    }

    // A function that consists of some assembly, one per program.
    Function* make_stub(const std::string& name, StringRef section, StringRef assembly, ArrayRef<Constant*> operands) {
        LLVMContext& context = module_.getContext();
        auto* const type = FunctionType::get(Type::getVoidTy(context), false);
        auto* const made = Function::Create(type, GlobalValue::LinkOnceODRLinkage, name, &module_);
        made->setComdat(module_.getOrInsertComdat(name));
        made->setSection(section_of(section, name));
        made->setDSOLocal(true);
        made->addFnAttr(Attribute::Naked);
        made->addFnAttr(Attribute::NoUnwind);
        made->addFnAttr(Attribute::NoInline);
        IRBuilder<> builder(BasicBlock::Create(context, "", made));
        SmallVector<Type*, 2> types;
        SmallVector<Value*, 2> values;
        std::string constraints;
        for (Constant* const each : operands) {
            if (auto* const global = dyn_cast<GlobalValue>(each)) {
                global->setDSOLocal(true); // its address is taken as a number
            }
            types.push_back(each->getType());
            values.push_back(each);
            constraints += constraints.empty() ? "i" : ",i";
        }
        auto* const code = FunctionType::get(builder.getVoidTy(), types, false);
        builder.CreateCall(code, InlineAsm::get(code, assembly, constraints, true), values);
        builder.CreateUnreachable();
        return made;
    }

    // ---- Names and places -----------------------------------------------------------------------------------------

    void place(Function& function) {
        const std::string name = without_suffix(function.getName()).str();
        if (function.hasExternalLinkage() && !function.hasDLLExportStorageClass()) {
            add_name(function, name);
        } else if (function.hasLinkOnceODRLinkage() || function.hasWeakODRLinkage()) {
            rename(function, name);
            if (function.hasWeakODRLinkage()) { // an instantiation that files without checks may count on
                make_stub(name, covered_section, "jmp ${0:P}", {&function})->setLinkage(GlobalValue::WeakODRLinkage);
            }
        }
        if (!function.hasSection() || is_placed(function)) {
            function.setSection(section_for(function));
        }
    }

    static std::string section_for(const Function& function) {
        return function.hasComdat() ? section_of(covered_section, function.getComdat()->getName())
                                    : std::string(covered_section);
    }

    static StringRef without_suffix(StringRef name) {
        name.consume_back(suffix);
        return name;
    }

    static std::string section_of(StringRef kind, StringRef name) { return (kind + "$" + name).str(); }

    void add_name(GlobalValue& known, const std::string& name) {
        const std::string wanted = name + suffix;
        if (module_.getNamedValue(wanted) != nullptr) {
            return;
        }
        auto* const target = dyn_cast<GlobalAlias>(&known) != nullptr ? cast<GlobalAlias>(known).getAliasee()
                                                                      : static_cast<Constant*>(&known);
        GlobalAlias::create(known.getValueType(), 0, GlobalValue::ExternalLinkage, wanted, target, &module_)
            ->setDSOLocal(true);
    }

    void rename(GlobalObject& object, const std::string& name) {
        const std::string wanted = name + suffix;
        if (object.hasComdat() && object.getComdat()->getName() == name) {
            Comdat* const group = module_.getOrInsertComdat(wanted);
            group->setSelectionKind(object.getComdat()->getSelectionKind());
            object.setComdat(group);
        }
        object.setName(wanted);
    }

    // For the check of linked programs, which lets it call what it likes.
    void promise(Function& function) {
        const std::string name = function.getName().str() + promised;
        if (function.hasLocalLinkage()) {
            function.setName(name);
        } else {
            GlobalAlias::create(function.getValueType(), 0, GlobalValue::InternalLinkage, name, &function, &module_);
        }
    }

    // Constructors are often aliases of one another.
    void name_aliases() {
        SmallVector<GlobalAlias*, 8> found;
        for (GlobalAlias& each : module_.aliases()) {
            if (is_covered(&each) && each.hasExternalLinkage() &&
                each.getName().take_back(StringRef(suffix).size()) != suffix) {
                found.push_back(&each);
            }
        }
        for (GlobalAlias* const each : found) {
            add_name(*each, each->getName().str());
        }
    }

    // Those of classes without a key function: every file has them, with the addresses of its own functions.
    void name_vtables() {
        SmallVector<GlobalVariable*, 8> found;
        for (GlobalVariable& each : module_.globals()) {
            const StringRef name = each.getName();
            if (each.hasLinkOnceODRLinkage() && each.isConstant() && each.hasGlobalUnnamedAddr() &&
                (starts_with(name, "_ZTV") || starts_with(name, "_ZTT") || starts_with(name, "_ZTC"))) {
                found.push_back(&each);
            }
        }
        for (GlobalVariable* const each : found) {
            rename(*each, each->getName().str());
        }
    }

    // Where the address of a function of the library is taken, it is that of its f.movable.
    void forward_addresses() {
        SmallVector<Function*, 16> found;
        for (Function& each : module_) {
            if (each.isDeclaration() && is_library(each)) {
                found.push_back(&each);
            }
        }
        for (Function* const each : found) {
            const auto is_address = [](const Use& use) {
                const auto* const call = dyn_cast<CallBase>(use.getUser());
                return call == nullptr || !call->isCallee(&use);
            };
            if (none_of(each->uses(), is_address)) {
                continue;
            }
            auto* const forwarded = cast<GlobalAlias>(with_room(*each));
            Constant* const place = cast_to(forwarded, each->getType());
            const auto* const stub = cast<Function>(forwarded->getAliasee()->stripPointerCasts());
            each->replaceUsesWithIf(place, [&](Use& use) {
                const auto* const user = dyn_cast<Instruction>(use.getUser());
                return is_address(use) && (user == nullptr || user->getFunction() != stub);
            });
        }
    }

    void note_annotations() {
        const GlobalVariable* const list = module_.getNamedGlobal("llvm.global.annotations");
        const auto* const entries = list != nullptr ? dyn_cast<ConstantArray>(list->getInitializer()) : nullptr;
        if (entries == nullptr) {
            return;
        }
        for (const Use& each : entries->operands()) {
            const auto* const entry = dyn_cast<ConstantStruct>(each.get());
            const auto* const text =
                entry != nullptr ? dyn_cast<GlobalVariable>(entry->getOperand(1)->stripPointerCasts()) : nullptr;
            const auto* const letters = text != nullptr ? dyn_cast<ConstantDataArray>(text->getInitializer()) : nullptr;
            if (letters != nullptr && letters->isCString() && letters->getAsCString() == any_stack) {
                on_any_stack_.insert(entry->getOperand(0)->stripPointerCasts());
            }
        }
    }

    Module& module_;
    const DataLayout& layout_;
    SmallPtrSet<Function*, 32> covered_;
    SmallPtrSet<const Value*, 4> on_any_stack_;
};

struct divert_calls : PassInfoMixin<divert_calls> {
    PreservedAnalyses run(Module& module, ModuleAnalysisManager&) {
        return diversion(module).run() ? PreservedAnalyses::none() : PreservedAnalyses::all();
    }
    static bool isRequired() { return true; }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
    return {LLVM_PLUGIN_API_VERSION, "moor_divert_calls", "1", [](PassBuilder& builder) {
                builder.registerOptimizerLastEPCallback(
                    [](ModulePassManager& manager, auto...) { manager.addPass(divert_calls()); });
                builder.registerPipelineParsingCallback(
                    [](StringRef name, ModulePassManager& manager, ArrayRef<PassBuilder::PipelineElement>) {
                        if (name != "moor-divert-calls") {
                            return false;
                        }
                        manager.addPass(divert_calls());
                        return true;
                    });
            }};
}
