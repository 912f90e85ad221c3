#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <moor/channel.hpp>
#include <moor/select.hpp>

#include "header_examples.hpp"

using namespace std::chrono_literals;

namespace {

using request = std::string;
using reply = std::string;

std::string logged;
void log(std::string_view text) { logged += text; }

int handled = 0;
void handle(const request&) { ++handled; }
void handle_one(std::optional<request>) { ++handled; }

} // namespace

void select_example() {
    reply ready = "done";

    moor::channel<request> requests;
    moor::channel<reply> replies;

    moor::select(moor::on_receive(requests,
                                  [](std::optional<request> next) {
                                      if (next) handle(*next);
                                  }),
                 moor::on_send(replies, std::move(ready), [] { log("sent"); }),
                 moor::on_timeout(50ms, [] { log("idle"); }));

    moor::select(moor::on_receive(requests, handle_one), moor::otherwise([] { log("nothing there"); }));

    expect(handled == 0 && logged == "idlenothing there" && ready == "done", "select");
}
