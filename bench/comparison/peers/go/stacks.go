package main

// Jobs on the memory of goroutines and on their stacks, which start at 2 KiB or at what the collector found usual, and
// grow by copying.

import (
	"errors"
	"runtime"
	"sync"
	"time"
)

// park has goroutines wait for a channel to be closed. A collection before the first reading lets the collector's own
// memory count as in use before.
func park(asked request) ([]figure, error) {
	var coroutines int
	if err := asked.positive("coroutines", &coroutines); err != nil {
		return nil, err
	}
	release := make(chan struct{})
	var waiting, done sync.WaitGroup
	runtime.GC()
	before, err := residentBytes()
	if err != nil {
		return nil, err
	}
	waiting.Add(coroutines)
	done.Add(coroutines)
	for range coroutines {
		go func() {
			waiting.Done()
			<-release
			done.Done()
		}()
	}
	waiting.Wait()
	after, err := residentBytes()
	close(release)
	done.Wait()
	if err != nil {
		return nil, err
	}
	return []figure{{"bytes_each", (float64(after) - float64(before)) / float64(coroutines)}}, nil
}

// depth returns frames*(frames+1)/2, depth first. The index keeps the 64 bytes of locals in memory across the call.
//
//go:noinline
func depth(frames uint64) uint64 {
	var locals [8]uint64
	locals[frames%8] = frames
	below := uint64(0)
	if frames != 0 {
		below = depth(frames - 1)
	}
	return below + locals[frames%8]
}

// descend starts each goroutine on the stack that the runtime gives it.
func descend(asked request) ([]figure, error) {
	var frames, items int
	if err := asked.positive("frames items", &frames, &items); err != nil {
		return nil, err
	}
	taken, err := descendEach(frames, items, 1)
	if err != nil {
		return nil, err
	}
	return timed(taken, items), nil
}

// grow is what the growth of the stack adds: the second of two descents finds it grown.
func grow(asked request) ([]figure, error) {
	var frames, items int
	if err := asked.positive("frames items", &frames, &items); err != nil {
		return nil, err
	}
	once, err := descendEach(frames, items, 1)
	if err != nil {
		return nil, err
	}
	twice, err := descendEach(frames, items, 2)
	if err != nil {
		return nil, err
	}
	if 2*once <= twice {
		return nil, errors.New("a second descent took longer than the first")
	}
	return timed(2*once-twice, items), nil
}

// descendEach has so many goroutines, one after another, descend so many times each, and says how long that took.
func descendEach(frames, items, times int) (time.Duration, error) {
	sum := uint64(0)
	var done sync.WaitGroup
	began := now()
	for range items {
		done.Add(1)
		go func() {
			for range times {
				sum += depth(uint64(frames))
			}
			done.Done()
		}()
		done.Wait()
	}
	taken := now() - began
	if count := uint64(frames); sum != uint64(items)*uint64(times)*(count*(count+1)/2) {
		return 0, errors.New("the descent came to a wrong sum")
	}
	return taken, nil
}
