// A receiver with the standard library alone.
//
//	WORKBELL_CERTIFICATES=certificates.pem WORKBELL_SECRET=whsec_… WORKBELL_ENDPOINT=… \
//	WORKBELL_URL=https://cmms.example/hooks go run .
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const longestBody = 1 << 20

type receiver struct {
	verifier *Verifier
	inbox    string
}

func (r *receiver) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		response.Header().Set("Allow", "POST")
		http.Error(response, "notifications are posted", http.StatusMethodNotAllowed)
		return
	}
	// The bytes as they came: the signature covers these.
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, longestBody))
	if err != nil {
		status := http.StatusBadRequest
		if err.Error() == "http: request body too large" {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(response, err.Error(), status)
		return
	}
	messageID, err := r.verifier.Verify(request.Header, body, time.Now())
	if err != nil {
		http.Error(response, err.Error(), http.StatusUnauthorized)
		return
	}
	isNew, err := r.keep(messageID, body)
	if err != nil {
		log.Printf("cannot keep %s: %v", messageID, err)
		http.Error(response, "it cannot be kept", http.StatusInternalServerError)
		return
	}
	// The answer goes out now. The work is done afterwards, by whatever reads the inbox.
	if isNew {
		fmt.Fprintln(response, "kept")
	} else {
		fmt.Fprintln(response, "known already")
	}
}

// keep writes the notification into the inbox before it is answered. False when it was there: it is a repeat.
//
// A file is linked to its final name when it is whole and on disk. There can be only one of that name, however many
// attempts overlap. Remove files after 45 days, not earlier: repeats can come that late.
func (r *receiver) keep(messageID string, body []byte) (bool, error) {
	path := filepath.Join(r.inbox, filepath.Base(messageID)+".json")
	if _, err := os.Stat(path); err == nil {
		return false, nil
	}
	draft, err := os.CreateTemp(r.inbox, ".draft")
	if err != nil {
		return false, err
	}
	defer os.Remove(draft.Name())
	defer draft.Close()
	if _, err := draft.Write(body); err != nil {
		return false, err
	}
	if err := draft.Sync(); err != nil {
		return false, err
	}
	if err := os.Link(draft.Name(), path); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	folder, err := os.Open(r.inbox)
	if err != nil {
		return false, err
	}
	defer folder.Close()
	return true, folder.Sync()
}

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	certificates, err := os.ReadFile(os.Getenv("WORKBELL_CERTIFICATES"))
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := NewVerifier(
		certificates,
		strings.Fields(os.Getenv("WORKBELL_SECRET")),
		os.Getenv("WORKBELL_ENDPOINT"),
		os.Getenv("WORKBELL_URL"),
		"CorrigoProDirect",
	)
	if err != nil {
		log.Fatal(err)
	}
	inbox := environment("INBOX", "inbox")
	if err := os.MkdirAll(inbox, 0o700); err != nil {
		log.Fatal(err)
	}
	server := http.Server{
		Addr:              "127.0.0.1:" + environment("PORT", "3000"),
		Handler:           &receiver{verifier, inbox},
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}
