// Stands in for vcruntime's header of this name (see vcruntime.h): what typeid and dynamic_cast need.
#pragma once

#include <vcruntime_exception.h>

class type_info {
public:
    type_info(const type_info&) = delete;
    type_info& operator=(const type_info&) = delete;
    virtual ~type_info() noexcept;

    [[nodiscard]] size_t hash_code() const noexcept;
    [[nodiscard]] bool operator==(const type_info& other) const noexcept;
    [[nodiscard]] bool before(const type_info& other) const noexcept;
    [[nodiscard]] const char* name() const noexcept;
    [[nodiscard]] const char* raw_name() const noexcept;

private:
    void* undecorated_;
    char decorated_[1];
};

namespace std {

using ::type_info;

class bad_cast : public exception {
public:
    bad_cast() noexcept : exception("bad cast", 1) {}
};

class bad_typeid : public exception {
public:
    bad_typeid() noexcept : exception("bad typeid", 1) {}
};

} // namespace std
