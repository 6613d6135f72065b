// A NATS client for the tests, on nats.go.
//
// Reads one JSON object from standard input, logs in, takes the steps it names, and prints one JSON object.
// Every step answers with an object; `failed` in it says that the step could not be taken. client.py does the
// same, with more steps.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

const patience = 10 * time.Second

type login struct {
	URL             string `json:"url"`
	Name            string `json:"name"`
	User            string `json:"user"`
	Password        string `json:"password"`
	Token           string `json:"token"`
	Seed            string `json:"seed"`
	Credentials     string `json:"credentials"`
	CredentialsFile string `json:"credentials-file"`
	InboxPrefix     string `json:"inbox-prefix"`
	Steps           []step `json:"steps"`
}

type step struct {
	Do      string `json:"do"`
	Subject string `json:"subject"`
	Payload string `json:"payload"`
	Queue   string `json:"queue"`
	Seconds int    `json:"seconds"`
}

type object map[string]any

// A connection, and what went wrong on it.
type session struct {
	connection *nats.Conn
	closed     chan struct{}
	mutex      sync.Mutex
	errors     []string
	// The last error that the library has recorded before the step.
	known error
}

func (s *session) add(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.errors = append(s.errors, err.Error())
}

func (s *session) seen() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]string{}, s.errors...)
}

func (s *session) logIn(login login) error {
	options := []nats.Option{
		nats.Name(login.Name),
		nats.NoReconnect(),
		nats.Timeout(patience),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { s.add(err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(s.closed) }),
	}
	if login.User != "" {
		options = append(options, nats.UserInfo(login.User, login.Password))
	}
	if login.Token != "" {
		options = append(options, nats.Token(login.Token))
	}
	if login.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(login.InboxPrefix))
	}
	// The library reads a file itself, with an expression of its own for its parts.
	if login.CredentialsFile != "" {
		options = append(options, nats.UserCredentials(login.CredentialsFile))
	}
	if login.Credentials != "" {
		options = append(options, nats.UserCredentialBytes([]byte(login.Credentials)))
	}
	if login.Seed != "" {
		key, err := nkeys.FromSeed([]byte(login.Seed))
		if err != nil {
			return err
		}
		public, err := key.PublicKey()
		if err != nil {
			return err
		}
		options = append(options, nats.Nkey(public, key.Sign))
	}
	connection, err := nats.Connect(login.URL, options...)
	s.connection = connection
	return err
}

func (s *session) take(step step) (object, error) {
	switch step.Do {
	case "user-info":
		reply, err := s.connection.Request("$SYS.REQ.USER.INFO", nil, patience)
		if err != nil {
			return nil, err
		}
		var envelope struct {
			Data object `json:"data"`
		}
		if err := json.Unmarshal(reply.Data, &envelope); err != nil {
			return nil, err
		}
		return object{"info": envelope.Data}, nil
	case "publish":
		return s.refusal(s.connection.Publish(step.Subject, []byte(step.Payload)))
	case "subscribe":
		_, err := s.connection.QueueSubscribe(step.Subject, step.Queue, func(*nats.Msg) {})
		return s.refusal(err)
	case "request":
		reply, err := s.connection.Request(step.Subject, []byte(step.Payload), patience)
		if err != nil {
			return nil, err
		}
		return object{"reply": string(reply.Data)}, nil
	case "expect-closed":
		select {
		case <-s.closed:
			return object{"closed": true, "errors": s.seen()}, nil
		case <-time.After(time.Duration(step.Seconds) * time.Second):
			return object{"closed": false}, nil
		}
	}
	return nil, fmt.Errorf("unknown step `%s`", step.Do)
}

// Returns the error that the last operation caused, once the server has seen it.
func (s *session) refusal(err error) (object, error) {
	if err != nil {
		return nil, err
	}
	err = s.connection.FlushTimeout(patience)
	// The library calls its handler on another goroutine, after it has recorded the error.
	last := s.connection.LastError()
	if last != s.known && errors.Is(last, nats.ErrPermissionViolation) {
		s.known = last
		return object{"refused": last.Error()}, nil
	}
	return object{"accepted": true}, err
}

func run() (object, error) {
	var login login
	if err := json.NewDecoder(os.Stdin).Decode(&login); err != nil {
		return nil, err
	}
	session := session{closed: make(chan struct{})}
	if err := session.logIn(login); err != nil {
		return object{"connected": false, "errors": []string{err.Error()}}, nil
	}
	defer session.connection.Close()
	results := []object{}
	for _, step := range login.Steps {
		result, err := session.take(step)
		if err != nil {
			result = object{"failed": err.Error()}
		}
		results = append(results, result)
	}
	return object{"connected": true, "results": results}, nil
}

func main() {
	result, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		os.Exit(1)
	}
}
