#include <moor/endpoint.hpp>

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace moor {
namespace {

TEST(endpoint, reads_and_writes_ipv4) {
    const endpoint local = endpoint::parse("127.0.0.1:7777");
    EXPECT_EQ(local.family(), address_family::ipv4);
    EXPECT_EQ(local.port(), 7777);
    EXPECT_TRUE(local.is_loopback());
    EXPECT_EQ(local.to_string(), "127.0.0.1:7777");
    EXPECT_EQ(local, endpoint("127.0.0.1", 7777));
    EXPECT_EQ(local, endpoint::loopback(address_family::ipv4, 7777));
    EXPECT_EQ(endpoint::from_ipv4({10, 20, 30, 255}, 65535).to_string(), "10.20.30.255:65535");
    EXPECT_EQ(endpoint().to_string(), "0.0.0.0:0");
    EXPECT_EQ(endpoint(), endpoint::any(address_family::ipv4, 0));
    EXPECT_FALSE(endpoint().is_loopback());
}

struct text_pair {
    const char* given;
    const char* written;
};

TEST(endpoint, reads_and_writes_ipv6) {
    const text_pair pairs[] = {
        {"[::1]:80", "[::1]:80"},
        {"[::]:0", "[::]:0"},
        {"[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:1"},
        {"[2001:db8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"},
        {"[2001:DB8::ABCD]:443", "[2001:db8::abcd]:443"},
        {"[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"}, // one zero group is not shortened
        {"[2001:0:0:1:0:0:0:1]:1", "[2001:0:0:1::1]:1"},          // the longest run
        {"[2001:db8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"},    // the first of two equal runs
        {"[1::]:1", "[1::]:1"},
        {"[::ffff:192.0.2.33]:1", "[::ffff:192.0.2.33]:1"}, // RFC 5952, 5
        {"[::ffff:c000:221]:1", "[::ffff:192.0.2.33]:1"},
        {"[::fffe:c000:221]:1", "[::fffe:c000:221]:1"},
        {"[1::ffff:c000:221]:1", "[1::ffff:c000:221]:1"},
        {"[::ffff:0.0.0.0]:1", "[::ffff:0.0.0.0]:1"},
        {"[64:ff9b::1.2.3.4]:1", "[64:ff9b::102:304]:1"},
        {"[1:2:3:4:5:6:1.2.3.4]:1", "[1:2:3:4:5:6:102:304]:1"},
        {"[fe80::1%4]:5", "[fe80::1%4]:5"},
        {"[fe80::1%4294967295]:5", "[fe80::1%4294967295]:5"},
        {"[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"},
        {"[::2:3:4:5:6:7:8]:1", "[0:2:3:4:5:6:7:8]:1"},
    };
    for (const text_pair& each : pairs) {
        std::error_code error;
        const endpoint parsed = endpoint::parse(each.given, error);
        EXPECT_FALSE(error) << each.given;
        EXPECT_EQ(parsed.to_string(), each.written);
        EXPECT_EQ(endpoint::parse(each.written), parsed);
    }
    EXPECT_TRUE(endpoint("::1", 1).is_loopback());
    EXPECT_FALSE(endpoint("::2", 1).is_loopback());
    EXPECT_EQ(endpoint("::1", 9), endpoint::loopback(address_family::ipv6, 9));
    EXPECT_EQ(endpoint("fe80::1%4", 1).scope(), 4u);
}

TEST(endpoint, knows_ipv4_in_its_mapped_form) {
    const endpoint mapped("::ffff:127.8.9.10", 80);
    const endpoint plain("127.8.9.10", 80);
    EXPECT_TRUE(mapped.is_mapped());
    EXPECT_FALSE(plain.is_mapped());
    EXPECT_EQ(mapped.unmapped(), plain);
    EXPECT_EQ(plain.mapped(), mapped);
    EXPECT_EQ(plain.unmapped(), plain);
    EXPECT_EQ(mapped.mapped(), mapped);
    EXPECT_NE(mapped, plain);
    for (const char* const address : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:127.8.9.10"}) {
        EXPECT_TRUE(endpoint(address, 1).is_loopback()) << address;
        EXPECT_FALSE(endpoint(address, 1).is_any()) << address;
    }
    for (const char* const address : {"128.0.0.1", "1.0.0.127", "::2", "::ffff:128.0.0.1", "::127.0.0.1"}) {
        EXPECT_FALSE(endpoint(address, 1).is_loopback()) << address;
    }
    for (const char* const address : {"0.0.0.0", "::", "::ffff:0.0.0.0"}) {
        EXPECT_TRUE(endpoint(address, 1).is_any()) << address;
    }
    EXPECT_FALSE(endpoint("::ffff:0.0.0.1", 1).is_any());
    EXPECT_EQ(endpoint("fe80::1%4", 7).unmapped(), endpoint("fe80::1%4", 7));
}

TEST(endpoint, refuses_everything_else) {
    const char* const texts[] = {"",
                                 ":",
                                 "80",
                                 ":80",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:x",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:-1",
                                 "127.0.0.1:+1",
                                 "127.0.0.1: 1",
                                 " 127.0.0.1:1",
                                 "127.0.0.1:1 ",
                                 "127.0.0:1",
                                 "127.0.0.1.1:1",
                                 "127.0.0.256:1",
                                 "127.0.0.01:1",
                                 "127.0.0.:1",
                                 ".0.0.1:1",
                                 "127..0.1:1",
                                 "1270.0.0.1:1",
                                 "localhost:80",
                                 "[127.0.0.1]:80",
                                 "::1:80",
                                 "[::1]",
                                 "[::1]80",
                                 "[::1:80",
                                 "::1]:80",
                                 "[]:80",
                                 "[:]:80",
                                 "[:::]:80",
                                 "[1::2::3]:80",
                                 "[1:2:3:4:5:6:7]:80",
                                 "[1:2:3:4:5:6:7:8:9]:80",
                                 "[1:2:3:4:5:6:7:8::]:80",
                                 "[::1:2:3:4:5:6:7:8]:80",
                                 "[12345::]:80",
                                 "[g::]:80",
                                 "[1:]:80",
                                 "[:1]:80",
                                 "[1.2.3.4::]:80",
                                 "[::1.2.3]:80",
                                 "[::1.2.3.4:5]:80",
                                 "[fe80::1%]:80",
                                 "[fe80::1%x]:80",
                                 "[fe80::1%4294967296]:80",
                                 "127.0.0.1%1:80",
                                 "[1:2:3:4:5:6:7:1.2.3.4]:80",
                                 "[::1]:00080000",
                                 "[0x1::]:80"};
    for (const char* const text : texts) {
        std::error_code error;
        EXPECT_EQ(endpoint::parse(text, error), endpoint()) << text;
        EXPECT_EQ(error, std::errc::invalid_argument) << text;
        EXPECT_THROW(static_cast<void>(endpoint::parse(text)), std::system_error) << text;
    }
    EXPECT_THROW(endpoint("localhost", 80), std::system_error);
    EXPECT_THROW(endpoint("127.0.0.1:80", 80), std::system_error);
    try {
        static_cast<void>(endpoint::parse("nonsense"));
        ADD_FAILURE();
    } catch (const std::system_error& error) {
        EXPECT_NE(std::string(error.what()).find("\"nonsense\""), std::string::npos) << "says what was wrong";
    }
}

TEST(endpoint, every_part_takes_part_in_comparisons) {
    const std::set<endpoint> different{endpoint("1.2.3.4", 1),
                                       endpoint("1.2.3.4", 2),
                                       endpoint("1.2.3.5", 1),
                                       endpoint("::1", 1),
                                       endpoint("::1%1", 1),
                                       endpoint(),
                                       endpoint::any(address_family::ipv6, 0)};
    EXPECT_EQ(different.size(), 7u);
    EXPECT_NE(endpoint::any(address_family::ipv4, 0), endpoint::any(address_family::ipv6, 0));
}

TEST(endpoint, keeps_the_bytes_in_network_order) {
    EXPECT_EQ(endpoint("1.2.3.4", 1).address_bytes()[0], 1);
    EXPECT_EQ(endpoint("1.2.3.4", 1).address_bytes()[3], 4);
    EXPECT_EQ(endpoint("1.2.3.4", 1).address_bytes()[4], 0);
    EXPECT_EQ(endpoint("102:304::", 1).address_bytes()[3], 4);
}

} // namespace
} // namespace moor
