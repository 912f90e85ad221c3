// Code that is expected to end its process. A test file defines it once, at namespace scope, and a test runs it in a
// child process (child.hpp): the test executable itself, started with --scenario=<name>, which main.cpp looks up here.
#pragma once

#include <string_view>

namespace moor::test {

class scenario {
public:
    /// `name` is a string literal, unique in its executable. `body` runs on the child's main thread; when it returns
    /// the child ends with exit status 0.
    scenario(const char* name, void (*body)()) noexcept : name_(name), body_(body), next_(first()) { first() = this; }

    scenario(const scenario&) = delete;
    scenario& operator=(const scenario&) = delete;

    [[nodiscard]] const char* name() const noexcept { return name_; }
    void run() const { body_(); }

    /// Null when there is none of that name.
    [[nodiscard]] static const scenario* find(std::string_view name) noexcept {
        const scenario* each = first();
        while (each != nullptr && name != each->name_) {
            each = each->next_;
        }
        return each;
    }

private:
    static const scenario*& first() noexcept {
        static const scenario* list = nullptr;
        return list;
    }

    const char* const name_;
    void (*const body_)();
    const scenario* const next_;
};

} // namespace moor::test
