// SPDX-License-Identifier: MIT OR Apache-2.0

// Go's crypto/tls with its own choice among tls.Config.Certificates. Arguments and output are those of
// client.h. With a fifth argument, "leaf", each certificate is parsed when it is loaded; otherwise in each
// handshake, as with tls.LoadX509KeyPair before Go 1.23.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "client.go:", err)
		os.Exit(1)
	}
}

func cpu() float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1000
}

func load(list string, leaf bool) *tls.Config {
	root, err := os.ReadFile("root.crt")
	must(err)
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(root)
	file, err := os.Open(list)
	must(err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		names := strings.Fields(lines.Text())
		pair, err := tls.LoadX509KeyPair(names[0], names[1])
		must(err)
		pair.Leaf = nil
		if leaf {
			pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
			must(err)
		}
		config.Certificates = append(config.Certificates, pair)
	}
	return config
}

func main() {
	config := load(os.Args[2], len(os.Args) > 5)
	warmUp, err := strconv.Atoi(os.Args[3])
	must(err)
	count, err := strconv.Atoi(os.Args[4])
	must(err)
	var before float64
	for i := 0; i < 1+warmUp+count; i++ {
		if i == 1+warmUp {
			before = cpu()
		}
		conn, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], config)
		must(err)
		_, err = conn.Read(make([]byte, 1))
		must(err)
		conn.Close()
		if i == 0 {
			fmt.Printf("%.0f\n", cpu())
		}
	}
	fmt.Printf("%.1f\n", (cpu()-before)/float64(count))
}
