// The jobs that peers are asked to do: what each of them is, and what one item of it is. There is no code here; the
// numbers after a job's name come with the request (see peer.hpp).
//
// Every job is done the way that the peer's own documentation has its users do it, and checks its result. "Threads" are
// those that the program was started with: a peer with a scheduler runs it on so many.
//
// yield items
//     Two coroutines yield in turn. An item is one yield: the switch from one to the other.
//
// ring coroutines items
//     So many coroutines in a ring, each of which receives a token from the one before it and sends it on, through an
//     unbuffered channel, or what the peer has for that. An item is one hand-over of the token.
//
// spawn items
//     A coroutine is started and its end awaited, then the next one. An item is one coroutine. It adds its number to a
//     sum that the starter checks.
//
// fan_out coroutines items
//     So many coroutines are started, each of which adds its number to a sum, and the end of all is awaited; then
//     again. An item is one coroutine.
//
// channel capacity senders receivers items
//     So many coroutines send 64-bit numbers through one channel that holds `capacity` of them (0: unbuffered: a send
//     ends when its number was taken), so many others receive and add them up, until all have come. An item is one
//     number.
//
// mutex coroutines items
//     So many coroutines take a mutex, add one to a plain counter, yield once while they hold it, and release it, in a
//     loop. Since the holder yields, the others wait each time: an item is one hand-over of the mutex.
//
// timers timers items
//     So many timers are set, due at different times from one to two hours from now, in random order, and all of them
//     cancelled in another random order; then again. An item is one timer, set and cancelled.
//
// park coroutines
//     So many coroutines wait for one event that has not come (a semaphore, a channel, a condition). The answer is
//     bytes_each: the growth of the process's working set for each of them, everything counted, from before the first
//     was started until all of them wait. Then they are released, and all must end. The first request of a process
//     only.
//
// descend frames items
//     A coroutine is started, calls itself so many frames deep (descend() in descent.hpp: each frame has 64 bytes of
//     locals that it uses after the call), ends, and its end is awaited. An item is one coroutine. It starts on the
//     stack that a coroutine of this peer has unless asked otherwise, if that is deep enough, else on one that is.
//
// grow frames items
//     What the growth of a stack adds to that, where stacks are small and grow by being copied. As many coroutines as
//     items descend once, as many others twice in a row; the second descent finds the stack grown. So the time of an
//     item is twice what a coroutine of the first kind takes, less what one of the second kind takes.
//
// echo connections size in_flight items
//     So many TCP connections over the IPv4 loopback interface, both ends in this process, no-delay set at both. A
//     client of each keeps in_flight messages of `size` bytes on the way: 1 is request and response, more is pipelined.
//     The server sends back what comes, as it comes: it does not know how long a message is. The server reads into a
//     buffer of as many bytes as a message has, but 4,096 at least. A client that is pipelined may read in the same
//     way, as much as there is; it writes its messages one by one, each in a call of its own. An item is one message
//     that came back whole and was compared with what was sent. In the end the client closes or shuts down first, and
//     the server closes with a reset (SO_LINGER with no time), so that no port stays in TIME_WAIT: the next runs need
//     it.
//
// accept clients items
//     So many clients at once, each in a loop: connect to one listener over the loopback interface, wait until the
//     other end closes, close. The server accepts each connection and closes it at once (so that the server's port
//     keeps the TIME_WAIT). An item is one connection.
//
// connect items
//     The same with one client and a byte each way before the server closes: connecting and tearing down, one after the
//     other. The client sends a byte, the server sends it back and closes. An item is one connection.
//
// udp_echo clients size items
//     One server socket on the loopback interface, which sends each datagram back to where it came from; so many client
//     sockets, each of which sends one of `size` bytes and waits for its echo. An item is one datagram that came back.
//     A client that waits for more than a second says that it failed.
//
// timer_delay loops items
//     So many coroutines compute without a pause and without ever calling the library, one on each thread, where the
//     peer can do that; beside them one coroutine sleeps a millisecond, `items` times. The answer is late_median_ms and
//     late_p99_ms: how long after that millisecond it ran. A peer without preemption cannot do it.
#pragma once
