package main

// What the jobs ask Windows itself, so that all peers are measured by the same clock and the same count of memory: the
// performance counter (Go's own clock is as coarse as the interrupts on Windows) and the working set.

import (
	"syscall"
	"time"
	"unsafe"
)

var (
	kernel                = syscall.NewLazyDLL("kernel32.dll")
	queryCounter          = kernel.NewProc("QueryPerformanceCounter")
	queryFrequency        = kernel.NewProc("QueryPerformanceFrequency")
	getProcessMemory      = kernel.NewProc("K32GetProcessMemoryInfo")
	getCurrentProcess     = kernel.NewProc("GetCurrentProcess")
	ticksPerSecond        = frequency()
	errMemoryIsNotCounted = cannot("the system does not tell the memory in use")
)

func frequency() (ticks int64) {
	queryFrequency.Call(uintptr(unsafe.Pointer(&ticks)))
	return max(ticks, 1)
}

// now is the time since some moment in the past.
func now() time.Duration {
	var ticks int64
	queryCounter.Call(uintptr(unsafe.Pointer(&ticks)))
	seconds, rest := ticks/ticksPerSecond, ticks%ticksPerSecond
	return time.Duration(seconds)*time.Second + time.Duration(rest)*time.Second/time.Duration(ticksPerSecond)
}

// processMemoryCounters is the system's PROCESS_MEMORY_COUNTERS.
type processMemoryCounters struct {
	size, pageFaults               uint32
	peakWorkingSet, workingSet     uintptr
	peakPagedPool, pagedPool       uintptr
	peakNonPagedPool, nonPagedPool uintptr
	pagefile, peakPagefile         uintptr
}

// residentBytes is the memory that this process has in use, as the system counts it.
func residentBytes() (uintptr, error) {
	var counters processMemoryCounters
	counters.size = uint32(unsafe.Sizeof(counters))
	process, _, _ := getCurrentProcess.Call()
	told, _, _ := getProcessMemory.Call(process, uintptr(unsafe.Pointer(&counters)), uintptr(counters.size))
	if told == 0 {
		return 0, errMemoryIsNotCounted
	}
	return counters.workingSet, nil
}
