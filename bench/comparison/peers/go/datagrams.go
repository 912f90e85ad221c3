package main

// The job on UDP with package net. The server uses ReadFromUDPAddrPort and WriteToUDPAddrPort, which allocate nothing;
// the clients' sockets are connected. (Without the deadline that is set before each read, it is no faster.)

import (
	"bytes"
	"errors"
	"net"
	"time"
)

// patience is how long a client waits for its echo.
const patience = time.Second

func sendDatagramsBack(socket *net.UDPConn, size int) error {
	buffer := make([]byte, max(size, 4096))
	for {
		count, from, err := socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := socket.WriteToUDPAddrPort(buffer[:count], from); err != nil {
			return err
		}
	}
}

func datagramsInTurn(socket *net.UDPConn, sent []byte, trips int) error {
	came := make([]byte, len(sent)+1)
	for range trips {
		if _, err := socket.Write(sent); err != nil {
			return err
		}
		if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		count, err := socket.Read(came)
		if err != nil {
			return err
		}
		if !bytes.Equal(came[:count], sent) {
			return errEcho
		}
	}
	return nil
}

func udpEcho(asked request) ([]figure, error) {
	var clients, size, items int
	if err := asked.positive("clients size items", &clients, &size, &items); err != nil {
		return nil, err
	}
	trips := whole(items, clients)
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	sockets := make([]*net.UDPConn, clients)
	for index := range sockets {
		if sockets[index], err = net.DialUDP("udp4", nil, server.LocalAddr().(*net.UDPAddr)); err != nil {
			return nil, err
		}
		defer sockets[index].Close()
	}
	var serving, all group
	serving.run(func() error { return sendDatagramsBack(server, size) })
	began := now()
	for index, socket := range sockets {
		all.run(func() error { return datagramsInTurn(socket, message(index, size), trips) })
	}
	err = all.wait()
	taken := now() - began
	server.Close()
	if err = errors.Join(err, serving.wait()); err != nil {
		return nil, err
	}
	return timed(taken, trips*clients), nil
}
