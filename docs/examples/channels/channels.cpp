// The programs of docs/channels.md. What they print is compared with output.txt.
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>

#include <moor/moor.hpp>

using namespace std::chrono_literals;

static long sum_of_squares(int last) {
    const moor::channel<int> numbers(16);
    const moor::channel<long> squares(16);
    long sum = 0;
    moor::wait_group busy(4);
    moor::task_group all;
    all.spawn([numbers, last] {
        for (int number = 1; number <= last; ++number) {
            numbers.send(number);
        }
        numbers.close(); // the workers receive what is left, then their loops end
    });
    for (int worker = 0; worker < 4; ++worker) { // fan-out: each number goes to one worker
        all.spawn([numbers, squares, &busy] {
            for (const long number : numbers) {
                squares.send(number * number);
            }
            busy.done();
        });
    }
    all.spawn([squares, &busy] { // several senders: one coroutine closes when all of them are done
        busy.wait();
        squares.close();
    });
    all.spawn([squares, &sum] { // fan-in: all results come through one channel
        for (const long square : squares) {
            sum += square;
        }
    });
    all.wait(); // if one of them throws, the others are asked to stop, and this throws the same exception
    return sum;
}

static std::string merge(moor::channel<std::string> left, moor::channel<std::string> right) {
    const moor::channel<std::string> never(nullptr); // a case on a null handle is never ready
    std::string merged;
    while (left || right) {
        moor::select(moor::on_receive(left,
                                      [&](std::optional<std::string> text) {
                                          merged += text.value_or("");
                                          left = text ? left : never;
                                      }),
                     moor::on_receive(right, [&](std::optional<std::string> text) {
                         merged += text.value_or("");
                         right = text ? right : never;
                     }));
    }
    return merged;
}

static int count_pauses(const moor::channel<int>& values) {
    int pauses = 0;
    for (bool open = true; open;) {
        moor::select(moor::on_receive(values, [&](std::optional<int> value) { open = value.has_value(); }),
                     moor::on_timeout(20ms, [&] { ++pauses; }));
    }
    return pauses;
}

static bool publish(const moor::channel<int>& newest, int value) { // newest has a capacity of 1
    std::error_code error;
    while (!newest.try_send(value, error)) {
        if (error == moor::channel_errc::closed) {
            return false;
        }
        static_cast<void>(newest.try_receive()); // full: drop the older value
    }
    return true;
}

static std::string receive_all(const moor::channel<int>& values, std::stop_token stop) {
    std::error_code error;
    int count = 0;
    while (values.receive({1s, stop}, error)) { // a deadline for each value, and a stop token for all of them
        ++count;
    }
    const std::string received = std::to_string(count) + " values, ";
    if (error == std::errc::operation_canceled) {
        return received + "stopped";
    }
    return received + (error == std::errc::timed_out ? "timed out" : "closed");
}

struct order {
    std::string item;
    int count;
    moor::channel<int> left; // for the answer
};

static void keep_stock(const moor::channel<order>& orders) { // the only coroutine that touches the stock
    std::map<std::string, int> stock{{"bolt", 10}, {"nut", 5}};
    for (const order& next : orders) {
        stock[next.item] -= next.count;
        next.left.send(stock[next.item]); // there is room for it: the sender has seen to that
    }
}

static int take(const moor::channel<order>& orders, std::string item, int count) {
    const moor::channel<int> left(1); // room for the answer, so that the other side never waits for this one
    orders.send({std::move(item), count, left});
    return left.receive(1s).value();
}

static void run_all() {
    std::printf("sum of squares: %ld\n", sum_of_squares(100));

    const moor::channel<std::string> left;
    const moor::channel<std::string> right;
    moor::task_group senders;
    for (const auto& text : {left, right}) {
        senders.spawn([text] {
            for (int i = 0; i < 3; ++i) {
                text.send("x");
            }
            text.close();
        });
    }
    std::printf("merged: %s\n", merge(left, right).c_str());
    senders.wait();

    const moor::channel<int> values;
    auto sender = moor::spawn([values] {
        values.send(1);
        moor::this_coroutine::sleep_for(200ms);
        values.send(2);
        values.close();
    });
    std::printf("pauses: %s\n", count_pauses(values) > 0 ? "some" : "none");
    sender.join();

    const moor::channel<int> newest(1);
    for (int value = 1; value <= 5; ++value) {
        static_cast<void>(publish(newest, value));
    }
    std::printf("newest: %d\n", newest.receive().value());
    newest.close();
    std::printf("published after close: %s\n", publish(newest, 6) ? "yes" : "no");

    const moor::channel<int> few(2);
    few.send(1);
    few.send(2);
    std::stop_source stop;
    stop.request_stop();
    std::printf("%s\n", receive_all(few, stop.get_token()).c_str());
    few.close();
    std::printf("%s\n", receive_all(few, {}).c_str());

    const moor::channel<order> orders;
    auto keeper = moor::spawn(keep_stock, orders);
    std::printf("bolts left: %d\n", take(orders, "bolt", 3));
    std::printf("nuts left: %d\n", take(orders, "nut", 5));
    orders.close();
    keeper.join();
}

int main() try {
    moor::runtime runtime;
    runtime.run(run_all);
} catch (const std::exception& error) {
    std::fprintf(stderr, "channels: %s\n", error.what());
    return 1;
}
