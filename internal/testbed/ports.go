package testbed

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

var errPortTaken = errors.New("a port is taken")

// findPorts returns n ports: base and those after it, or, when base is 0, ports
// on which nothing listens on loopback. They lie below the range that Linux
// gives to outgoing connections (ip_local_port_range, from 32768).
func findPorts(base, n int) ([]int, error) {
	var ports []int
	if base != 0 {
		for i := range n {
			if !free(base + i) {
				return nil, fmt.Errorf("%w: something listens on 127.0.0.1:%d", errPortTaken, base+i)
			}
			ports = append(ports, base+i)
		}
		return ports, nil
	}
	seen := map[int]bool{}
	for range 1000 {
		p := 12000 + rand.IntN(20000)
		if seen[p] || !free(p) {
			continue
		}
		seen[p] = true
		if ports = append(ports, p); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("%w: no %d free ports on loopback", errPortTaken, n)
}

func free(port int) bool {
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
