package main

// Jobs on package time.

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// timers sets them by time.AfterFunc, which needs no channel, and cancels them by Stop. From the second round on they
// are set by Reset, which needs no new timer and is three times as fast as making one.
func timers(asked request) ([]figure, error) {
	var count, items int
	if err := asked.positive("timers items", &count, &items); err != nil {
		return nil, err
	}
	rounds := whole(items, count)
	random := rand.New(rand.NewPCG(1, 2))
	dues := make([]time.Duration, count)
	for index, place := range random.Perm(count) {
		dues[index] = time.Hour + time.Hour*time.Duration(place)/time.Duration(count)
	}
	order := random.Perm(count)
	set := make([]*time.Timer, count)
	never := func() {}
	began := now()
	for range rounds {
		for index, due := range dues {
			if set[index] == nil {
				set[index] = time.AfterFunc(due, never)
			} else {
				set[index].Reset(due)
			}
		}
		for _, index := range order {
			if !set[index].Stop() {
				return nil, errors.New("a timer was not there to be cancelled")
			}
		}
	}
	return timed(now()-began, rounds*count), nil
}

// timerDelay relies on the runtime to preempt the goroutines that compute.
func timerDelay(asked request) ([]figure, error) {
	var loops, items int
	if err := asked.positive("loops items", &loops, &items); err != nil {
		return nil, err
	}
	const delay = time.Millisecond
	var stop atomic.Bool
	var results atomic.Uint64
	var done sync.WaitGroup
	for loop := range loops {
		done.Add(1)
		go func() {
			defer done.Done()
			state := uint64(loop)
			for !stop.Load() {
				state = state*6364136223846793005 + 1442695040888963407
			}
			results.Add(state)
		}()
	}
	late := make([]time.Duration, 0, items)
	for range items {
		began := now()
		time.Sleep(delay)
		late = append(late, now()-began-delay)
	}
	stop.Store(true)
	done.Wait()
	return lateness(late), nil
}
