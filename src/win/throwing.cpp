// Apart from its callers: a throw needs room that they may not have where they do not throw.
#include "win/throwing.hpp"

namespace moor::win {

void throw_about(const std::error_code& error, const char* what) { throw std::system_error(error, what); }

} // namespace moor::win
