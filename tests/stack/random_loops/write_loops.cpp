// Writes a C++ file with random loops over local arrays: write_loops SEED COUNT FILE. Runs on the machine that builds;
// the same seed always gives the same file.
//
// What matters about these loops is what the optimiser makes of them: arrays that are handed down by address and
// indexed by differences of counters invite it to keep `array - 8 * base`, the array's end, or a pointer per array and
// stride across the call in the loop's middle (docs/stacks.md). So each loop has such a call, and varies the rest:
// types of counters, elements and indexes, directions and strides, nested loops, how the arrays are allocated, whether
// the loop is inlined into the function that has the arrays, and whether that one knows the bounds.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

class chance {
public:
    explicit chance(std::uint32_t seed) : engine_(seed) {}
    // Not by a distribution: those differ from library to library.
    unsigned below(unsigned limit) { return static_cast<unsigned>(engine_() % limit); }
    bool in_hundred(unsigned percent) { return below(100) < percent; }
    template <class... Choices>
    std::string one_of(Choices... choices) {
        const std::array<std::string, sizeof...(choices)> all{choices...};
        return all[below(sizeof...(choices))];
    }

private:
    std::mt19937 engine_;
};

struct element_type {
    std::string name;
    std::string member; // of the element, that the loop writes
    std::string value;  // its type
    bool overaligned = false;
};

const std::vector<element_type> element_types{
    {"std::uint8_t", "", "std::uint8_t"},
    {"std::int16_t", "", "std::int16_t"},
    {"int", "", "int"},
    {"std::int64_t", "", "std::int64_t"},
    {"double", "", "double"},
    {"triple", ".value", "std::uint64_t"},
    {"quintuple", ".value", "std::uint64_t"},
    {"line", ".value", "std::uint64_t", true},
};

struct local_array {
    element_type type;
    std::string parameter; // the pointer that the loop gets
};

class loop_writer {
public:
    loop_writer(chance& random, unsigned number) : random_(random), name_("loop_" + std::to_string(number)) {}

    [[nodiscard]] const std::string& name() const { return name_; }

    std::string text() {
        const unsigned count = 1 + random_.below(4);
        for (unsigned index = 0; index < count; ++index) {
            arrays_.push_back({element_types[random_.below(element_types.size())], "p" + std::to_string(index)});
        }
        counter_ = random_.one_of("int", "unsigned", "std::int64_t", "std::size_t");
        signed_ = counter_ == "int" || counter_ == "std::int64_t";
        stride_ = random_.one_of("1", "1", "1", "2", "3", "7", "stride");
        inlined_ = random_.in_hundred(40);
        bounds_known_ = random_.in_hundred(50);
        return loop() + driver();
    }

private:
    // ---- The loop -------------------------------------------------------------------------------------------------

    std::string loop() {
        std::string head = inlined_ ? "[[gnu::always_inline]] inline void " : "[[gnu::noinline]] void ";
        head += name_ + "(";
        for (const local_array& each : arrays_) {
            head += each.type.name + "* " + each.parameter + ", ";
        }
        head +=
            counter_ + " low, " + counter_ + " high, " + counter_ + " stride, " + counter_ + " factor, int width) {\n";
        return head + around(body()) + "}\n";
    }

    // The loop's own statement. `i` is the counter, and `i - low` is from 0 to 29, in every form.
    std::string around(const std::string& body) {
        switch (random_.below(signed_ ? 8 : 6)) {
        case 0:
        case 1: return "    for (" + counter_ + " i = low; i < high; i += " + stride_ + ") {\n" + body + "    }\n";
        case 2: return "    for (" + counter_ + " i = high; i-- > low;) {\n" + body + "    }\n";
        case 3:
            return "    for (const std::uint64_t* q = read_by_loops + low; q != read_by_loops + high; ++q) {\n        "
                   "const " +
                   counter_ + " i = " + counter_ + "(q - read_by_loops);\n" + body + "    }\n";
        case 4: // backwards through an array of its own, by pointer
            return "    for (" + arrays_[0].type.name + "* q = p0 + (high - low - 1);; q -= " + stride_ +
                   ") {\n        const " + counter_ + " i = low + " + counter_ + "(q - p0);\n" + body +
                   "        if (q - p0 < std::ptrdiff_t(" + stride_ + ")) {\n            break;\n        }\n    }\n";
        case 5:
            return "    " + counter_ + " i = low;\n    do {\n" + body + "        i += " + stride_ +
                   ";\n    } while (i < high);\n";
        default: // down by more than one
            return "    for (" + counter_ + " i = high - 1; i >= low; i -= " + stride_ + ") {\n" + body + "    }\n";
        }
    }

    std::string body() {
        std::vector<std::string> statements{"called(std::uint64_t(i));"};
        if (random_.in_hundred(40)) {
            statements.push_back("called(7);");
        }
        for (const local_array& each : arrays_) {
            std::string store = element(each, index()) + " += " + each.type.value + "(" + value() + ");";
            if (random_.in_hundred(15)) {
                const local_array& other = arrays_[random_.below(arrays_.size())];
                store = "if ((read_by_loops[std::size_t(i)] & 1) != 0) { " + store + " } else { " +
                        element(other, index()) + " += 1; }";
            } else if (random_.in_hundred(15)) {
                const local_array& other = arrays_[random_.below(arrays_.size())];
                // By way of a wide integer: a double that does not fit a small one has no value there.
                store = element(each, index()) + " = " + each.type.value + "(" + value() + ") + " + each.type.value +
                        "(std::int64_t(" + element(other, index()) + "));";
            }
            statements.push_back(store);
        }
        if (random_.in_hundred(30)) {
            statements.push_back(inner_loop());
        }
        if (random_.in_hundred(10)) {
            statements.push_back("if (" + element(arrays_[0], "i - low") + " == 99) { break; }");
        }
        for (std::size_t left = statements.size(); left > 1; --left) {
            std::swap(statements[left - 1], statements[random_.below(static_cast<unsigned>(left))]);
        }
        std::string all;
        for (const std::string& each : statements) {
            all += "        " + each + "\n";
        }
        return all;
    }

    std::string inner_loop() {
        const local_array& over = arrays_[random_.below(arrays_.size())];
        const std::string call = random_.one_of("called(std::uint64_t(j)); ", "called(std::uint64_t(j)); ", "");
        switch (random_.below(3)) {
        case 0:
            return "for (int j = 0; j < width; ++j) { " + call + element(over, "(i - low) / 4 + " + counter_ + "(j)") +
                   " += 1; }";
        case 1:
            return "for (" + counter_ + " j = i; j < high; j += 5) { " + call + element(over, "j - low") + " += 1; }";
        default:
            return "for (" + counter_ + " j = low; j < i; j += factor) { " + call + element(over, "i - j") + " += 1; }";
        }
    }

    static std::string element(const local_array& of, const std::string& index) {
        return of.parameter + "[" + index + "]" + of.type.member;
    }

    std::string index() {
        const std::string plain = random_.one_of(
            "i - low", "i - low", "i - low", "(i - low) / " + stride_, "high - 1 - i", "(i - low) * 2", "(i - low) ^ 1",
            "i - low + " + std::to_string(1 + random_.below(6)), "(i - low) * factor", "(i - low) & 15");
        const std::string type =
            random_.one_of("", "", "", "int", "unsigned", "std::int64_t", "std::uint8_t", "std::int16_t");
        return type.empty() ? plain : type + "(" + plain + ")";
    }

    std::string value() { return random_.one_of("i", "3", "read_by_loops[std::size_t(i)]", "i - low"); }

    // ---- The function that has the arrays -------------------------------------------------------------------------

    std::string driver() {
        std::string text = "[[gnu::noinline]] std::uint64_t drive_" + name_ + "() {\n";
        std::string arguments;
        std::string looked_at;
        for (std::size_t index = 0; index < arrays_.size(); ++index) {
            const std::string local = "a" + std::to_string(index);
            text += declaration(arrays_[index].type, local, looked_at);
            arguments += local + (local_is_object_ ? ".data(), " : ", ");
            looked_at += "    for (std::size_t at = 0; at < loop_elements; ++at) {\n        sum << std::int64_t(" +
                         local + "[at]" + arrays_[index].type.member + ");\n    }\n";
        }
        if (bounds_known_) {
            arguments += "known_lowest, known_highest, 3, 2, 3";
        } else {
            for (const char* const unknown : {"lowest", "highest", "unknown_stride", "unknown_factor"}) {
                arguments += counter_ + "(" + unknown + "), ";
            }
            arguments += "int(unknown_width)";
        }
        return text + "    " + name_ + "(" + arguments + ");\n    mixed sum;\n" + looked_at +
               "    return sum.value();\n}\n\n";
    }

    std::string declaration(const element_type& type, const std::string& local, std::string& looked_at) {
        local_is_object_ = false;
        const std::string cleared = clearing(type, local);
        switch (random_.below(7)) {
        case 0:
        case 1: return "    " + type.name + " " + local + "[loop_elements];\n" + cleared;
        case 2:
            return "    alignas(" + random_.one_of("64", "128", "1024") + ") " + type.name + " " + local +
                   "[loop_elements];\n" + cleared;
        case 3: return "    " + type.name + " " + local + "[unknown_elements];\n" + cleared;
        case 4:
            if (!type.overaligned) {
                return "    auto* const " + local + " = static_cast<" + type.name +
                       "*>(__builtin_alloca(unknown_elements * sizeof(" + type.name + ")));\n" + cleared;
            }
            [[fallthrough]];
        case 5: { // between two words that nobody may touch
            const std::string object = "around_" + local;
            looked_at += "    sum << " + object + ".before << " + object + ".after;\n";
            return "    struct {\n        std::uint64_t before = 1;\n        " + type.name +
                   " elements[loop_elements];\n        std::uint64_t after = 2;\n    } " + object + ";\n    " +
                   type.name + "* const " + local + " = " + object + ".elements;\n" + cleared;
        }
        default: local_is_object_ = true; return "    std::array<" + type.name + ", loop_elements> " + local + "{};\n";
        }
    }

    // In one call, or element by element: then nothing but the loops has the array's address.
    std::string clearing(const element_type& type, const std::string& local) {
        if (random_.in_hundred(50)) {
            return "    std::memset(static_cast<void*>(&" + local + "[0]), 0, loop_elements * sizeof " + local +
                   "[0]);\n";
        }
        return "    for (std::size_t at = 0; at < loop_elements; ++at) {\n        " + local + "[at]" + type.member +
               " = " + type.value + "(at & 63);\n    }\n";
    }

    chance& random_;
    std::string name_;
    std::vector<local_array> arrays_;
    std::string counter_;
    std::string stride_;
    bool signed_ = false;
    bool inlined_ = false;
    bool bounds_known_ = false;
    bool local_is_object_ = false;
};

} // namespace

int main(int count, char** arguments) {
    if (count != 4) {
        std::cerr << "write_loops SEED COUNT FILE\n";
        return 2;
    }
    const auto seed = static_cast<std::uint32_t>(std::strtoul(arguments[1], nullptr, 10));
    const unsigned long loops = std::strtoul(arguments[2], nullptr, 10);
    chance random(seed);
    std::ofstream file(arguments[3]);
    file << "// Written by write_loops " << seed << " " << loops << "\n"
         << "#include <array>\n#include <cstring>\n\n#include \"stack/mixed.hpp\"\n#include "
            "\"stack/random_loops/loops.hpp\"\n\n"
         << "namespace moor::test {\nnamespace {\n\n";
    std::string list;
    for (unsigned number = 0; number < loops; ++number) {
        loop_writer writer(random, number);
        file << writer.text();
        list += "    {&drive_" + writer.name() + ", \"" + writer.name() + "\"},\n";
    }
    file << "const random_loop all[] = {\n"
         << list << "};\n\n} // namespace\n\n"
         << "static const random_loops file(MOOR_LOOPS_HAVE_CHECKS, " << seed
         << "u, all);\n\n} // namespace moor::test\n";
    file.close();
    return file ? 0 : 1;
}
