package main

// Jobs on goroutines that only use the scheduler and package sync.

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

var errSum = errors.New("the sum is wrong")

// yield has two goroutines call runtime.Gosched.
func yield(asked request) ([]figure, error) {
	var items int
	if err := asked.positive("items", &items); err != nil {
		return nil, err
	}
	const pair = 2
	rounds := whole(items, pair)
	var done sync.WaitGroup
	start := make(chan struct{})
	for range pair {
		done.Add(1)
		go func() {
			defer done.Done()
			<-start
			for range rounds {
				runtime.Gosched()
			}
		}()
	}
	began := now()
	close(start)
	done.Wait()
	return timed(now()-began, rounds*pair), nil
}

// ring is goroutines with an unbuffered channel from each to the next; the caller's is one of them.
func ring(asked request) ([]figure, error) {
	var coroutines, items int
	if err := asked.positive("coroutines items", &coroutines, &items); err != nil {
		return nil, err
	}
	if coroutines == 1 {
		return nil, cannot("one goroutine cannot hand itself a value over an unbuffered channel")
	}
	rounds := whole(items, coroutines)
	first := make(chan int)
	from := first
	for range coroutines - 1 {
		to := make(chan int)
		go func(from <-chan int) {
			for token := range from {
				to <- token + 1
			}
			close(to)
		}(from)
		from = to
	}
	token := 0
	began := now()
	for range rounds {
		first <- token + 1
		token = <-from
	}
	taken := now() - began
	close(first)
	<-from
	if token != rounds*coroutines {
		return nil, errors.New("the token was not handed over as often as it should")
	}
	return timed(taken, token), nil
}

// spawn awaits each goroutine by a sync.WaitGroup, which is faster than a channel.
func spawn(asked request) ([]figure, error) {
	var items int
	if err := asked.positive("items", &items); err != nil {
		return nil, err
	}
	sum := 0
	var done sync.WaitGroup
	began := now()
	for number := range items {
		done.Add(1)
		go func() {
			sum += number
			done.Done()
		}()
		done.Wait()
	}
	taken := now() - began
	if sum != items*(items-1)/2 {
		return nil, errSum
	}
	return timed(taken, items), nil
}

// fanOut awaits all goroutines of a round by a sync.WaitGroup. They run on several threads: the sum is atomic.
func fanOut(asked request) ([]figure, error) {
	var coroutines, items int
	if err := asked.positive("coroutines items", &coroutines, &items); err != nil {
		return nil, err
	}
	rounds := whole(items, coroutines)
	var sum atomic.Int64
	var done sync.WaitGroup
	began := now()
	for range rounds {
		done.Add(coroutines)
		for number := range coroutines {
			go func() {
				sum.Add(int64(number))
				done.Done()
			}()
		}
		done.Wait()
	}
	taken := now() - began
	if sum.Load() != int64(rounds)*int64(coroutines*(coroutines-1)/2) {
		return nil, errSum
	}
	return timed(taken, rounds*coroutines), nil
}

// channel closes the channel when all was sent, and the receivers range over it.
func channel(asked request) ([]figure, error) {
	var senders, receivers, items int
	if err := asked.positive("senders receivers items", &senders, &receivers, &items); err != nil {
		return nil, err
	}
	numbers := make(chan uint64, asked.numbers["capacity"])
	start := make(chan struct{})
	var sent, received sync.WaitGroup
	var sum atomic.Uint64
	first := 0
	for sender := range senders {
		sent.Add(1)
		last := first + share(items, sender, senders)
		go func(first, last uint64) {
			defer sent.Done()
			<-start
			for number := first; number < last; number++ {
				numbers <- number
			}
		}(uint64(first), uint64(last))
		first = last
	}
	for range receivers {
		received.Add(1)
		go func() {
			defer received.Done()
			own := uint64(0)
			for number := range numbers {
				own += number
			}
			sum.Add(own)
		}()
	}
	began := now()
	close(start)
	sent.Wait()
	close(numbers)
	received.Wait()
	taken := now() - began
	if count := uint64(items); sum.Load() != count*(count-1)/2 {
		return nil, errSum
	}
	return timed(taken, items), nil
}

// mutex is a sync.Mutex. Whoever releases it may take it again at once, until a waiter has waited for a millisecond: an
// item is one acquisition.
func mutex(asked request) ([]figure, error) {
	var coroutines, items int
	if err := asked.positive("coroutines items", &coroutines, &items); err != nil {
		return nil, err
	}
	rounds := whole(items, coroutines)
	counter := 0
	var guard sync.Mutex
	start := make(chan struct{})
	var done sync.WaitGroup
	for range coroutines {
		done.Add(1)
		go func() {
			defer done.Done()
			<-start
			for range rounds {
				guard.Lock()
				counter++
				runtime.Gosched()
				guard.Unlock()
			}
		}()
	}
	began := now()
	close(start)
	done.Wait()
	taken := now() - began
	if counter != rounds*coroutines {
		return nil, errors.New("the mutex did not exclude")
	}
	return timed(taken, counter), nil
}
