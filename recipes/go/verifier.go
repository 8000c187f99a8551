package main

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	skew         = time.Minute     // how far the clocks of both sides may differ
	tolerance    = 5 * time.Minute // between the signing of a request and its arrival
	longestToken = 64 << 10        // bytes of a token when it is decompressed
)

// Verifier checks who sent a notification and that nobody changed it. Its errors begin with the name of the check that
// failed.
type Verifier struct {
	certificates                    []*x509.Certificate
	keys                            [][]byte
	audience, endpoint, destination string
}

// NewVerifier takes the PEM from GET /certificates, and the whsec_ secrets: two while one is being rotated.
func NewVerifier(certificates []byte, secrets []string, endpoint, address, audience string) (*Verifier, error) {
	verifier := &Verifier{audience: audience, endpoint: endpoint}
	for block, rest := pem.Decode(certificates); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		verifier.certificates = append(verifier.certificates, certificate)
	}
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			return nil, err
		}
		verifier.keys = append(verifier.keys, key)
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	// As the token has it: lower case (and punycode), the port only if it is not the usual one.
	host := strings.ToLower(parsed.Host)
	for scheme, usual := range map[string]string{"http": ":80", "https": ":443"} {
		if parsed.Scheme == scheme {
			host = strings.TrimSuffix(host, usual)
		}
	}
	verifier.destination = parsed.Scheme + "://" + host
	return verifier, nil
}

// Verify takes the bytes of the body as they came, and gives the MessageId.
func (v *Verifier) Verify(headers http.Header, body []byte, now time.Time) (string, error) {
	scheme, token, _ := strings.Cut(headers.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errors.New("shape: there is no bearer token")
	}
	if err := v.VerifyToken(strings.TrimSpace(token), now); err != nil {
		return "", err
	}
	if err := v.VerifySignature(headers, body, now); err != nil {
		return "", err
	}
	var notification struct{ Header struct{ MessageId string } }
	if err := json.Unmarshal(body, &notification); err != nil {
		return "", fmt.Errorf("body: it is no notification: %w", err)
	}
	if id := notification.Header.MessageId; id == "" || !strings.EqualFold(id, headers.Get("Webhook-Id")) {
		return "", errors.New("body: its MessageId is not the Webhook-Id")
	}
	return strings.ToLower(notification.Header.MessageId), nil
}

// VerifyToken checks the text behind Bearer.
func (v *Verifier) VerifyToken(token string, now time.Time) error {
	halves := strings.Split(token, "<---->")
	if len(halves) != 2 || halves[0] == "" || halves[1] == "" {
		return errors.New("shape: it is not data<---->signature")
	}
	data, err := fromBase64URL(halves[0])
	if err != nil {
		return err
	}
	signature, err := fromBase64URL(halves[1])
	if err != nil {
		return err
	}
	// The signature covers the bytes before they are decompressed.
	if err := v.findCertificate(data, signature, now); err != nil {
		return err
	}
	text := data
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		if text, err = gunzip(data); err != nil {
			return err
		}
	}
	var document struct {
		Claims     []struct{ Type, Value *string }
		Properties *struct{ Dictionary map[string]string }
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("JSON: %w", err)
	}
	if document.Claims == nil || document.Properties == nil || document.Properties.Dictionary == nil {
		return errors.New("JSON: it has another form")
	}
	claims := map[string][]string{}
	for _, claim := range document.Claims {
		if claim.Type == nil || claim.Value == nil {
			return errors.New("JSON: a claim has another form")
		}
		claims[*claim.Type] = append(claims[*claim.Type], *claim.Value)
	}
	if len(claims["urn:workbell:use"]) > 0 {
		return errors.New("use: it is no token of a notification")
	}
	for _, wanted := range []struct{ check, kind, expected string }{
		{"audience", "Aud", v.audience},
		{"endpoint", "urn:workbell:endpoint", v.endpoint},
		{"destination", "urn:workbell:destination", v.destination},
	} {
		if found := claims[wanted.kind]; len(found) != 1 || found[0] != wanted.expected {
			return fmt.Errorf("%s: it is not for %s", wanted.check, wanted.expected)
		}
	}
	times := document.Properties.Dictionary
	if issued, err := time.Parse(http.TimeFormat, times[".issued"]); err != nil || issued.After(now.Add(skew)) {
		return errors.New("not yet valid: it was issued in the future")
	}
	if expires, err := time.Parse(http.TimeFormat, times[".expires"]); err != nil || expires.Before(now.Add(-skew)) {
		return errors.New("expired: it has ended")
	}
	return nil
}

// There is no key id, and two certificates while a key is being rotated: each is tried.
func (v *Verifier) findCertificate(data, signature []byte, now time.Time) error {
	digest := sha256.Sum256(data)
	for _, certificate := range v.certificates {
		key, isRSA := certificate.PublicKey.(*rsa.PublicKey)
		if !isRSA || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
			continue
		}
		begun, ended := now.Add(skew).Before(certificate.NotBefore), now.Add(-skew).After(certificate.NotAfter)
		if key.N.BitLen() < 2048 || begun || ended {
			return errors.New("certificate: its key is too short, or it is not valid now")
		}
		return nil
	}
	return errors.New("signature: no certificate fits")
}

// VerifySignature checks as Standard Webhooks says: HMAC-SHA256 over id, timestamp and body.
func (v *Verifier) VerifySignature(headers http.Header, body []byte, now time.Time) error {
	timestamp := headers.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("signature: there is no timestamp")
	}
	age := time.Duration(now.Unix()-seconds) * time.Second
	if age > tolerance || age < -tolerance {
		return errors.New("signature: the request is too old, or its clock is wrong")
	}
	for _, key := range v.keys {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.", headers.Get("Webhook-Id"), timestamp)
		mac.Write(body)
		expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for _, given := range strings.Split(headers.Get("Webhook-Signature"), " ") {
			if hmac.Equal(expected, []byte(given)) {
				return nil
			}
		}
	}
	return errors.New("signature: it does not fit the body")
}

func fromBase64URL(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("base64: it is not base64url")
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fmt.Errorf("base64: %w", err)
	}
	return data, nil
}

func gunzip(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(reader, longestToken+1))
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	if len(text) > longestToken {
		return nil, errors.New("gzip: it is too long")
	}
	return text, nil
}
