// Program peer_go is the peer in Go: goroutines, channels and the net package, as ../../compare measures them. It speaks
// the protocol of ../support/peer.hpp and does the jobs of ../support/jobs.hpp.
//
// Settings: the runtime as users get it. GOMAXPROCS is the number of threads that the program is given, which the
// documentation of package runtime calls the limit on threads that execute Go code at once; GOGC and the memory limit
// keep their defaults, so the collector's work is part of every figure. Where Go's documentation leaves two ways, the
// faster one under measurement is taken, and the job says which.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// runtimeNote is what was changed in Go's runtime, set by the build (see CMakeLists.txt); empty for nothing.
var runtimeNote string

func main() {
	threads := 1
	if len(os.Args) > 1 {
		var err error
		if threads, err = strconv.Atoi(os.Args[1]); err != nil || threads < 1 {
			fmt.Fprintln(os.Stderr, "not a number of threads:", os.Args[1])
			os.Exit(2)
		}
	}
	runtime.GOMAXPROCS(threads)
	err := serve(os.Stdin, os.Stdout, peer{
		name:    "Go",
		version: strings.TrimPrefix(runtime.Version(), "go"),
		settings: fmt.Sprintf("GOMAXPROCS=%d, garbage collector as it comes%s; sync.Mutex may go to the same goroutine "+
			"again, an item is one acquisition", threads, runtimeNote),
		jobs: map[string]job{
			"yield":       yield,
			"ring":        ring,
			"spawn":       spawn,
			"fan_out":     fanOut,
			"channel":     channel,
			"mutex":       mutex,
			"timers":      timers,
			"park":        park,
			"descend":     descend,
			"grow":        grow,
			"echo":        echo,
			"accept":      accept,
			"connect":     connect,
			"udp_echo":    udpEcho,
			"timer_delay": timerDelay,
		},
		lacks: "it has no such thing",
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
