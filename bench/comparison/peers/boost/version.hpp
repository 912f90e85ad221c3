// Which Boost these peers were compiled with.
#pragma once

#include <string>

#include <boost/version.hpp>

namespace moor::bench::peers {

inline const std::string boost_version = std::to_string(BOOST_VERSION / 100000) + '.' +
                                         std::to_string(BOOST_VERSION / 100 % 1000) + '.' +
                                         std::to_string(BOOST_VERSION % 100);

} // namespace moor::bench::peers
