// A callout service made with callout.go, as a peer of Portcullis in benchmarks. It has a map of
// users in memory, compares tokens in plain text, and writes no log. It prints "ready" once it
// answers requests, and runs until it is killed.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/synadia-io/callout.go"
)

// reconnectWait is the delay between reconnects, as short as that of the compared host.
const reconnectWait = 50 * time.Millisecond

// arguments holds the options of the command line.
type arguments struct {
	url         string
	login       string
	issuer      string
	xkey        string
	users       string
	workers     int
	endpoints   int
	connections int
}

func main() {
	if err := run(read()); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func read() arguments {
	var read arguments
	flag.StringVar(&read.url, "url", nats.DefaultURL, "where the server is")
	flag.StringVar(&read.login, "nkey-seed-file", "", "the file with the seed that the service logs in with")
	flag.StringVar(&read.issuer, "issuer-seed-file", "", "the file with the account seed that signs")
	flag.StringVar(&read.xkey, "xkey-seed-file", "", "the file with the curve seed that decrypts, if requests are encrypted")
	flag.StringVar(&read.users, "users", "", "the file with the users, as JSON")
	flag.IntVar(&read.workers, "workers", 0, "callout.go's AsyncWorkers")
	flag.IntVar(&read.endpoints, "endpoints", 0, "callout.go's ServiceEndpoints")
	flag.IntVar(&read.connections, "connections", 1, "how many connections, each with a service of its own")
	flag.Parse()
	return read
}

func run(arguments arguments) error {
	issuer, err := keyIn(arguments.issuer)
	if err != nil {
		return err
	}
	users, err := readUsers(arguments.users)
	if err != nil {
		return err
	}
	options := []callout.Option{
		callout.Name("callout-go"),
		callout.Logger(silence{}),
		callout.ResponseSignerKey(issuer),
		callout.Authorizer(users.authorizer(issuer)),
		callout.AsyncWorkers(arguments.workers),
		callout.ServiceEndpoints(arguments.endpoints),
	}
	if arguments.xkey != "" {
		xkey, err := keyIn(arguments.xkey)
		if err != nil {
			return err
		}
		options = append(options, callout.EncryptionKey(xkey))
	}
	for range arguments.connections {
		if err := serve(arguments, options); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	select {}
}

// serve answers requests on one connection. When it returns, the server has the subscriptions.
func serve(arguments arguments, options []callout.Option) error {
	login, err := nats.NkeyOptionFromSeed(arguments.login)
	if err != nil {
		return err
	}
	connection, err := nats.Connect(arguments.url, login, nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait))
	if err != nil {
		return err
	}
	if _, err := callout.NewAuthorizationService(connection, options...); err != nil {
		return err
	}
	return connection.Flush()
}

// keyIn reads the key whose seed is in a file.
func keyIn(file string) (nkeys.KeyPair, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	seed := bytes.TrimSpace(text)
	if bytes.HasPrefix(seed, []byte("SX")) {
		return nkeys.FromCurveSeed(seed)
	}
	return nkeys.FromSeed(seed)
}
