package main

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"os"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/synadia-io/callout.go"
)

// users maps user names to users; the file has the same form.
type users map[string]user

// user holds the credentials, the account and the permissions of a user.
type user struct {
	Password  string   `json:"password"`
	Token     string   `json:"token"`
	Account   string   `json:"account"`
	Publish   []string `json:"publish"`
	Subscribe []string `json:"subscribe"`
}

// directory finds users by their credentials.
type directory struct {
	byName  users
	byToken map[string]string
}

var errUnknown = errors.New("unknown user, password or token")

func readUsers(file string) (directory, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return directory{}, err
	}
	read := directory{byToken: map[string]string{}}
	if err := json.Unmarshal(text, &read.byName); err != nil {
		return directory{}, err
	}
	for name, user := range read.byName {
		if user.Token != "" {
			read.byToken[user.Token] = name
		}
	}
	return read, nil
}

// find returns the name of the user with the credentials in options.
func (directory directory) find(options *jwt.ConnectOptions) (string, error) {
	if options.Token != "" {
		if name, known := directory.byToken[options.Token]; known {
			return name, nil
		}
		return "", errUnknown
	}
	user, known := directory.byName[options.Username]
	same := subtle.ConstantTimeCompare([]byte(user.Password), []byte(options.Password)) == 1
	if !known || user.Password == "" || !same {
		return "", errUnknown
	}
	return options.Username, nil
}

// authorizer returns a function that signs users with the key issuer.
func (directory directory) authorizer(issuer nkeys.KeyPair) callout.AuthorizerFn {
	return func(request *jwt.AuthorizationRequest) (string, error) {
		name, err := directory.find(&request.ConnectOptions)
		if err != nil {
			return "", err
		}
		user := directory.byName[name]
		claims := jwt.NewUserClaims(request.UserNkey)
		claims.Name = name
		claims.Audience = user.Account
		claims.Pub.Allow.Add(user.Publish...)
		claims.Sub.Allow.Add(user.Subscribe...)
		return claims.Encode(issuer)
	}
}
