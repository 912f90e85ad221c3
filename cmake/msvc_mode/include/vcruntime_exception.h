// Stands in for vcruntime's header of this name (see vcruntime.h): the exceptions that belong to the runtime there.
#pragma once

#include <vcruntime.h>

#include <eh.h>

extern "C" terminate_handler __cdecl _get_terminate();

namespace std {

class exception {
public:
    exception() noexcept = default;
    explicit exception(const char* message) noexcept;
    exception(const char* message, int) noexcept;
    exception(const exception&) noexcept;
    exception& operator=(const exception&) noexcept;
    virtual ~exception() noexcept;
    [[nodiscard]] virtual const char* what() const;

private:
    const char* message_ = nullptr;
    bool owned_ = false;
};

class bad_exception : public exception {
public:
    bad_exception() noexcept : exception("bad exception", 1) {}
};

class bad_alloc : public exception {
public:
    bad_alloc() noexcept : exception("bad allocation", 1) {}

protected:
    explicit bad_alloc(const char* message) noexcept : exception(message, 1) {}
};

class bad_array_new_length : public bad_alloc {
public:
    bad_array_new_length() noexcept : bad_alloc("bad array new length") {}
};

} // namespace std
