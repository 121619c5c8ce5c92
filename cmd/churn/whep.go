package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v3"
)

// whep is a viewer over WebRTC, as small as one can be: a check, a handshake, the first packet of media.
type whep struct {
	server      *server
	certificate tls.Certificate
	fingerprint string
}

const offered = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:chrn\r\na=ice-pwd:0123456789012345678901\r\n" +
	"a=fingerprint:sha-256 %s\r\na=setup:actpass\r\na=recvonly\r\na=rtcp-mux\r\n" +
	"a=rtpmap:96 H264/90000\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n" +
	"a=rtpmap:97 H264/90000\r\na=fmtp:97 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f\r\n" +
	"a=rtpmap:98 H264/90000\r\na=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640032\r\n"

func watchWHEP(s *server) (cycle, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "churn"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	digits := strings.Fields(fmt.Sprintf("% X", sha256.Sum256(der)))
	w := &whep{
		server: s, certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private},
		fingerprint: strings.Join(digits, ":"),
	}
	return w.cycle, nil
}

// cycle watches until media come. By turns the viewer says goodbye over HTTP or over DTLS, and by turns it has
// reported before, which lets the server put its DTLS away.
func (w *whep) cycle(ctx context.Context, n int) (err error) {
	answer, location, err := w.post(ctx)
	if err != nil {
		return err
	}
	gone := false
	defer func() {
		if !gone { // it failed in between
			err = errors.Join(err, w.remove(context.WithoutCancel(ctx), location))
		}
	}()
	addr, err := candidate(answer)
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := check(conn, value(answer, "a=ice-ufrag:"), value(answer, "a=ice-pwd:")); err != nil {
		return err
	}
	l := &line{Conn: conn, media: make(chan []byte, 1)}
	d, err := dtls.ClientWithOptions(l, conn.RemoteAddr(), dtls.WithCertificates(w.certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.HandshakeContext(ctx); err != nil {
		return err
	}
	theirs, ours, err := keys(d)
	if err != nil {
		return err
	}
	select {
	case b := <-l.media:
		if _, err := theirs.DecryptRTP(nil, b, nil); err != nil {
			return fmt.Errorf("the first packet does not decrypt: %w", err)
		}
		if n&2 != 0 {
			err = report(conn, ours, binary.BigEndian.Uint32(b[8:]))
		}
	case <-ctx.Done():
		return fmt.Errorf("no media: %w", ctx.Err())
	}
	gone = true
	if n&1 == 0 {
		return errors.Join(err, w.remove(ctx, location))
	}
	return errors.Join(err, d.Close())
}

// post offers and returns the answer.
func (w *whep) post(ctx context.Context) (answer, location string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.server.url+"/whep/"+w.server.broadcast,
		strings.NewReader(fmt.Sprintf(offered, w.fingerprint)))
	if err != nil {
		return "", "", err
	}
	r.Header.Set("Content-Type", "application/sdp")
	res, err := w.server.http.Do(r)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusCreated {
		err = fmt.Errorf("the offer was answered with %s: %s", res.Status, b)
	}
	return string(b), res.Header.Get("Location"), err
}

func (w *whep) remove(ctx context.Context, location string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, w.server.url+location, nil)
	if err != nil {
		return err
	}
	res, err := w.server.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("DELETE was answered with %s", res.Status)
	}
	return nil
}

// candidate is the address of the first UDP candidate.
func candidate(answer string) (string, error) {
	for l := range strings.Lines(answer) {
		if f := strings.Fields(l); strings.HasPrefix(l, "a=candidate:") && len(f) > 5 && f[2] == "udp" {
			return net.JoinHostPort(f[4], f[5]), nil
		}
	}
	return "", errors.New("the answer has no UDP candidate")
}

// value is the rest of the first line that begins so.
func value(sdp, name string) string {
	_, rest, _ := strings.Cut(sdp, name)
	v, _, _ := strings.Cut(rest, "\r\n")
	return v
}

// check passes ICE's check.
func check(conn net.Conn, ufrag, pwd string) error {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag+":chrn"),
		stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)},
		stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err != nil {
		return err
	}
	buf := make([]byte, 1500)
	for range 5 {
		if _, err := conn.Write(m.Raw); err != nil {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		n, err := conn.Read(buf)
		if err != nil {
			continue
		}
		reply := stun.Message{Raw: buf[:n]}
		if reply.Decode() == nil && reply.Type == stun.BindingSuccess {
			return conn.SetReadDeadline(time.Time{})
		}
	}
	return errors.New("the check was not answered")
}

// line is the DTLS's part of a socket. The first packet of media is put aside.
type line struct {
	net.Conn
	media chan []byte
}

// ReadFrom returns the next datagram of DTLS.
func (l *line) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, err := l.Conn.Read(b)
		if err != nil || n > 0 && b[0] >= 20 && b[0] < 64 {
			return n, l.RemoteAddr(), err
		}
		if n > 12 && b[0]&0xc0 == 0x80 && (b[1] < 192 || b[1] > 223) {
			select {
			case l.media <- append([]byte(nil), b[:n]...):
			default:
			}
		}
	}
}

// WriteTo writes to the one that the socket is connected to.
func (l *line) WriteTo(b []byte, _ net.Addr) (int, error) { return l.Conn.Write(b) }

// keys are the contexts that open what the server sends and seal what we send.
func keys(d *dtls.Conn) (theirs, ours *srtp.Context, err error) {
	state, ok := d.ConnectionState()
	if !ok {
		return nil, nil, errors.New("no state after the handshake")
	}
	c := srtp.Config{Profile: srtp.ProtectionProfileAeadAes128Gcm}
	if err := c.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return nil, nil, err
	}
	if theirs, err = srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, c.Profile); err != nil {
		return nil, nil, err
	}
	ours, err = srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, c.Profile)
	return theirs, ours, err
}

// report sends a receiver report.
func report(conn net.Conn, ours *srtp.Context, ssrc uint32) error {
	plain, err := (&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: ssrc}}}).Marshal()
	if err != nil {
		return err
	}
	b, err := ours.EncryptRTCP(nil, plain, nil)
	if err != nil {
		return err
	}
	_, err = conn.Write(b)
	return err
}
