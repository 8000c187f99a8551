package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Holds the verifier against the golden vectors: VECTORS=FOLDER go test -v
func TestVectors(t *testing.T) {
	folder := os.Getenv("VECTORS")
	judged := 0
	check := func(name string, valid bool, checks map[string]string, err error) {
		if (err == nil) != valid {
			t.Errorf("%s: valid is %v, but: %v", name, valid, err)
		} else if err != nil && checks != nil && checks[strings.Split(err.Error(), ":")[0]] != "failed" {
			t.Errorf("%s: %v, but other checks failed: %v", name, err, checks)
		}
		judged++
	}
	read := func(file string, vector any) {
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, vector)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var documented []byte
	tokens, _ := filepath.Glob(filepath.Join(folder, "tokens/*.json"))
	for _, file := range tokens {
		var vector struct {
			Token, Certificates string
			Now                 time.Time
			Expect, Checks      map[string]string
			Valid               bool
		}
		read(file, &vector)
		if filepath.Base(file) == "documented.json" {
			documented = []byte(vector.Certificates)
		}
		if len(vector.Expect) < 3 {
			continue // a receiver always asks for all three
		}
		verifier, err := NewVerifier(
			[]byte(vector.Certificates), nil, vector.Expect["endpoint"], vector.Expect["destination"], vector.Expect["audience"],
		)
		if err != nil {
			t.Fatal(file, err)
		}
		check(file, vector.Valid, vector.Checks, verifier.VerifyToken(vector.Token, vector.Now))
	}
	signatures, _ := filepath.Glob(filepath.Join(folder, "signatures/*.json"))
	for _, file := range signatures {
		var vector struct {
			Headers map[string]string
			Body    string
			Secrets []string
			Now     int64
			Valid   bool
		}
		read(file, &vector)
		verifier, err := NewVerifier(documented, vector.Secrets, "e", "https://x.example", "a")
		if err != nil {
			t.Fatal(file, err)
		}
		headers := http.Header{}
		for name, value := range vector.Headers {
			headers.Set(name, value)
		}
		body, err := base64.StdEncoding.DecodeString(vector.Body)
		if err != nil {
			t.Fatal(file, err)
		}
		check(file, vector.Valid, nil, verifier.VerifySignature(headers, body, time.Unix(vector.Now, 0)))
	}
	fmt.Println(judged)
}
