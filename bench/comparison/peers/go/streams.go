package main

// Jobs on TCP with package net: a goroutine for each end of a connection, which reads and writes as if it blocked. The
// options of a connection are Go's defaults; without its keep-alive, connecting is no faster.

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// longest is after what time an end that still waits gives up: far longer than any job is meant to take.
const longest = 5 * time.Minute

var errEcho = errors.New("the echo is not what was sent")

// A group runs functions in goroutines and keeps the first error.
type group struct {
	running sync.WaitGroup
	once    sync.Once
	err     error
}

func (all *group) run(function func() error) {
	all.running.Add(1)
	go func() {
		defer all.running.Done()
		if err := function(); err != nil {
			all.once.Do(func() { all.err = err })
		}
	}()
}

func (all *group) wait() error {
	all.running.Wait()
	return all.err
}

// loopback listens at a free port of the loopback interface.
func loopback() (*net.TCPListener, *net.TCPAddr, error) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, err
	}
	return listener, listener.Addr().(*net.TCPAddr), nil
}

// message is what connection number `index` sends.
func message(index, size int) []byte {
	made := make([]byte, size)
	for at := range made {
		made[at] = byte(index + at)
	}
	return made
}

// sendBack is the server's end: it ends when the client's end was closed.
func sendBack(connection *net.TCPConn, size int) error {
	defer connection.Close()
	buffer := make([]byte, max(size, 4096))
	for {
		count, err := connection.Read(buffer)
		if count > 0 {
			if _, err := connection.Write(buffer[:count]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// requestsInTurn is the client's end when one message is on the way at a time.
func requestsInTurn(connection *net.TCPConn, sent []byte, trips int) error {
	came := make([]byte, len(sent))
	for range trips {
		if _, err := connection.Write(sent); err != nil {
			return err
		}
		if _, err := io.ReadFull(connection, came); err != nil {
			return err
		}
		if !bytes.Equal(came, sent) {
			return errEcho
		}
	}
	return nil
}

// requestsPipelined is the client's end when several are: it reads what there is, and sends a message for each that
// came back whole.
func requestsPipelined(connection *net.TCPConn, sent []byte, trips, inFlight int) error {
	buffer := make([]byte, max(len(sent), 4096))
	toSend := trips
	for range min(inFlight, trips) {
		if _, err := connection.Write(sent); err != nil {
			return err
		}
		toSend--
	}
	at := 0 // in the message that is coming
	for trips > 0 {
		count, err := connection.Read(buffer)
		if err != nil {
			return err
		}
		for came := buffer[:count]; len(came) > 0; {
			part := min(len(came), len(sent)-at)
			if !bytes.Equal(came[:part], sent[at:at+part]) {
				return errEcho
			}
			came = came[part:]
			if at += part; at < len(sent) {
				continue
			}
			at = 0
			trips--
			if toSend > 0 {
				if _, err := connection.Write(sent); err != nil {
					return err
				}
				toSend--
			}
		}
	}
	return nil
}

// echo sets no-delay by itself: that is the default of package net.
func echo(asked request) ([]figure, error) {
	var connections, size, inFlight, items int
	err := asked.positive("connections size in_flight items", &connections, &size, &inFlight, &items)
	if err != nil {
		return nil, err
	}
	trips := whole(items, connections)
	listener, address, err := loopback()
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	var clients, servers group
	start := make(chan struct{})
	var ends []*net.TCPConn
	for index := range connections {
		client, connecting := net.DialTCP("tcp4", nil, address)
		if err = connecting; err != nil {
			break
		}
		server, accepting := listener.AcceptTCP()
		if err = accepting; err != nil {
			client.Close()
			break
		}
		deadline := time.Now().Add(longest)
		ends = append(ends, client, server)
		err = errors.Join(client.SetDeadline(deadline), server.SetDeadline(deadline), server.SetLinger(0))
		if err != nil {
			break
		}
		sent := message(index, size)
		servers.run(func() error { return sendBack(server, size) })
		clients.run(func() error {
			defer client.Close()
			<-start
			if inFlight == 1 {
				return requestsInTurn(client, sent, trips)
			}
			return requestsPipelined(client, sent, trips, inFlight)
		})
	}
	if err != nil { // those that wait for the start find their connections closed
		for _, end := range ends {
			end.Close()
		}
	}
	began := now()
	close(start)
	failure := clients.wait()
	taken := now() - began
	if err = errors.Join(err, failure, servers.wait()); err != nil {
		return nil, err
	}
	return timed(taken, trips*connections), nil
}

// untilClosed waits for the other end to close the connection, which sends nothing more.
func untilClosed(connection *net.TCPConn) error {
	var buffer [1]byte
	if count, err := connection.Read(buffer[:]); count != 0 || !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("something came instead of the end"), err)
	}
	return nil
}

// connected has each of the clients do its share of connections, and the server one after the other.
func connected(clients, items int, client, server func(*net.TCPConn) error) ([]figure, error) {
	listener, address, err := loopback()
	if err != nil {
		return nil, err
	}
	var all, accepting group
	accepting.run(func() error {
		defer listener.Close()
		if err := listener.SetDeadline(time.Now().Add(longest)); err != nil {
			return err
		}
		for range items {
			connection, err := listener.AcceptTCP()
			if err != nil {
				return err
			}
			if err := errors.Join(server(connection), connection.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	began := now()
	for index := range clients {
		all.run(func() error {
			for range share(items, index, clients) {
				connection, err := net.DialTCP("tcp4", nil, address)
				if err != nil {
					return err
				}
				if err := errors.Join(client(connection), connection.Close()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = all.wait()
	taken := now() - began
	if err != nil {
		listener.Close()
	}
	if err = errors.Join(err, accepting.wait()); err != nil {
		return nil, err
	}
	return timed(taken, items), nil
}

func accept(asked request) ([]figure, error) {
	var clients, items int
	if err := asked.positive("clients items", &clients, &items); err != nil {
		return nil, err
	}
	return connected(clients, items, untilClosed, func(*net.TCPConn) error { return nil })
}

func connect(asked request) ([]figure, error) {
	var items int
	if err := asked.positive("items", &items); err != nil {
		return nil, err
	}
	client := func(connection *net.TCPConn) error {
		if err := requestsInTurn(connection, []byte{'m'}, 1); err != nil {
			return err
		}
		return untilClosed(connection)
	}
	server := func(connection *net.TCPConn) error {
		var buffer [1]byte
		if _, err := io.ReadFull(connection, buffer[:]); err != nil {
			return err
		}
		_, err := connection.Write(buffer[:])
		return err
	}
	return connected(1, items, client, server)
}
