package main

// The talk with the program that compares: one request per line, one line of answer. See peer.hpp.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cannot is the error of a job that this peer cannot do with these numbers: the report prints it instead of a figure.
type cannot string

func (reason cannot) Error() string { return string(reason) }

// errNumbers is what a request with missing or impossible numbers comes to.
var errNumbers = errors.New("a number of the request is missing or zero")

// A request is a line: a job and its numbers.
type request struct {
	job     string
	numbers map[string]int
}

func parse(line string) (request, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return request{}, errors.New("an empty request")
	}
	asked := request{job: words[0], numbers: map[string]int{}}
	for _, word := range words[1:] {
		name, digits, found := strings.Cut(word, "=")
		number, err := strconv.Atoi(digits)
		if !found || err != nil || number < 0 {
			return request{}, fmt.Errorf("not name=number: %s", word)
		}
		asked.numbers[name] = number
	}
	return asked, nil
}

// positive stores the numbers called so, in the order of names. All of them must be there and at least one.
func (asked request) positive(names string, places ...*int) error {
	for index, name := range strings.Fields(names) {
		if *places[index] = asked.numbers[name]; *places[index] == 0 {
			return fmt.Errorf("%s: %s: %w", asked.job, name, errNumbers)
		}
	}
	return nil
}

// A figure is one name=number of an answer.
type figure struct {
	name  string
	value float64
}

// A job does what jobs.hpp says of it.
type job func(request) ([]figure, error)

// A peer is what a program says of itself, and what it can do.
type peer struct {
	name, version, settings string
	jobs                    map[string]job
	lacks                   string // why it cannot do the others
}

// timed is the usual result: so many items in that time.
func timed(taken time.Duration, items int) []figure {
	return []figure{{"seconds", taken.Seconds()}, {"items", float64(items)}}
}

// lateness is the result of timer_delay: how late the timers were. It sorts them; there is at least one.
func lateness(late []time.Duration) []figure {
	slices.Sort(late)
	milliseconds := func(index int) float64 { return float64(late[index]) / float64(time.Millisecond) }
	return []figure{
		{"late_median_ms", milliseconds(len(late) / 2)},
		{"late_p99_ms", milliseconds((len(late) - 1) * 99 / 100)},
	}
}

// whole is how many batches of that size it takes for at least so many items.
func whole(items, batch int) int { return (items + batch - 1) / batch }

// share is how many of the items part number `part` of `parts` does: all parts together do all of them.
func share(items, part, parts int) int { return items*(part+1)/parts - items*part/parts }

func (offered peer) answer(line string) string {
	asked, err := parse(line)
	if err != nil {
		return "failed " + err.Error()
	}
	if asked.job == "about" {
		return fmt.Sprintf("ok name=%q version=%q settings=%q", offered.name, offered.version, offered.settings)
	}
	do, found := offered.jobs[asked.job]
	if !found {
		return "cannot " + offered.lacks
	}
	figures, err := do(asked)
	if reason := cannot(""); errors.As(err, &reason) {
		return "cannot " + reason.Error()
	}
	if err != nil {
		return "failed " + err.Error()
	}
	var text strings.Builder
	text.WriteString("ok")
	for _, one := range figures {
		fmt.Fprintf(&text, " %s=%s", one.name, strconv.FormatFloat(one.value, 'f', -1, 64))
	}
	return text.String()
}

// serve answers requests until the input ends.
func serve(input io.Reader, output io.Writer, offered peer) error {
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		if _, err := fmt.Fprintln(output, offered.answer(lines.Text())); err != nil {
			return err
		}
	}
	return lines.Err()
}
