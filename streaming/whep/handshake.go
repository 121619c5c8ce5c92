package whep

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

const dtlsMTU = 1200

// Both libraries use the registered numbers of RFC 5764 and RFC 7714. GCM costs a sixth of the other.
var profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}

// newCertificate makes the process's certificate and its fingerprint. Viewers know it from the answer.
func newCertificate(now time.Time) (tls.Certificate, string, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("whep: make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("whep: make a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "hawker"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("whep: make a certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	text := strings.TrimSuffix(strings.ToUpper(fmt.Sprintf("% X", sum)), " ")
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private},
		"sha-256 " + strings.ReplaceAll(text, " ", ":"), nil
}

// verify compares the viewer's certificate with the fingerprints of its offer.
func (v *session) verify(certificates [][]byte, _ [][]*x509.Certificate) error {
	if len(certificates) == 0 {
		return errors.New("whep: the viewer has no certificate")
	}
	der := certificates[0]
	for _, f := range v.fingerprints {
		var sum []byte
		switch f.hash {
		case "sha-256":
			s := sha256.Sum256(der)
			sum = s[:]
		case "sha-384":
			s := sha512.Sum384(der)
			sum = s[:]
		case "sha-512":
			s := sha512.Sum512(der)
			sum = s[:]
		}
		if subtle.ConstantTimeCompare(sum, f.sum) == 1 {
			return nil
		}
	}
	return errors.New("whep: the viewer's certificate is not the one of its offer")
}

// handshake hands a datagram to the session's DTLS, which starts with the first.
func (v *session) handshake(b []byte, from path) {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return
	}
	if left := v.left; left != nil {
		v.mu.Unlock()
		v.goodbye(left, b)
		return
	}
	first, p := !v.shaking, v.pipe
	v.shaking = true
	if b[0] == recordAlert && len(b) <= goodbyeBytesMax {
		v.alert = append(v.alert[:0], b...)
	}
	v.mu.Unlock()
	p.push(b, from)
	if first {
		v.server.running.Go(func() { v.shake(p) })
	}
}

// shake runs the session's DTLS until it has served, or one side closes it.
func (v *session) shake(p *pipe) {
	s := v.server
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	conn, err := dtls.ServerWithOptions(p, p.addr(),
		dtls.WithCertificates(s.certificate),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithVerifyPeerCertificate(v.verify),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(profiles...),
		// The address has proved itself by an authenticated check already.
		dtls.WithInsecureSkipVerifyHello(true),
		dtls.WithMTU(dtlsMTU),
	)
	if err != nil {
		s.Metrics.handshake("failed", 0)
		v.close("handshake failed")
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = p.Close() })
	err = conn.HandshakeContext(ctx)
	stop()
	p.free.Store(true)
	p.giveBack()
	if err == nil {
		err = v.established(conn)
	}
	if err != nil {
		s.Metrics.handshake("failed", 0)
		s.Log.Debug("handshake failed", "broadcast", v.broadcast, "session", v.id, "err", err)
		v.close("handshake failed")
		_ = conn.Close()
		return
	}
	s.Metrics.handshake("ok", s.now().Sub(v.created).Seconds())
	for buf := make([]byte, datagramMax); ; {
		// Nothing is said over DTLS but goodbye.
		_, err := conn.Read(buf)
		var timeout net.Error
		switch {
		case err == nil:
		case errors.As(err, &timeout) && timeout.Timeout():
			v.retire(conn)
			return
		default:
			v.close("closed by the viewer")
			return
		}
	}
}

// established takes the keys and begins to send.
func (v *session) established(conn *dtls.Conn) error {
	s := v.server
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("whep: no state after the handshake")
	}
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("whep: the viewer knows no SRTP profile of ours")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := config.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return fmt.Errorf("whep: take the keys: %w", err)
	}
	decrypt, err := srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile,
		srtp.SRTCPReplayProtection(64))
	if err != nil {
		return fmt.Errorf("whep: open SRTCP: %w", err)
	}
	viewer := &rtpfan.Viewer{
		Fan: v.fan, CNAME: v.cname,
		Keys: rtpfan.Keys{Profile: config.Profile, Key: config.Keys.LocalMasterKey, Salt: config.Keys.LocalMasterSalt},
	}
	for _, m := range v.offer.media {
		switch {
		case m.inactive:
		case m.kind == "video":
			audio := viewer.Types[rtpfan.FormatOpus]
			viewer.Types, viewer.Repair = types(m.codecs)
			viewer.Types[rtpfan.FormatOpus], viewer.DelayID, viewer.WideID = audio, m.delayID, m.wideID
		default:
			viewer.Types[rtpfan.FormatOpus] = m.codecs[0].payloadType
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return errors.New("whep: the session has ended")
	}
	if err := v.home.egress.Add(viewer); err != nil {
		return err
	}
	if v.picked != "" {
		viewer.Pick(v.picked)
	}
	v.conn, v.decrypt, v.viewer, v.connected = conn, decrypt, viewer, s.now()
	v.consent.Store(v.connected.UnixNano())
	s.connected(v.client, v.broadcast)
	if v.route.valid() {
		v.moved()
	}
	s.Log.Debug("viewer connected", "broadcast", v.broadcast, "session", v.id, "srtp", config.Profile)
	if s.OnViewer != nil {
		s.OnViewer(ViewerEvent{Broadcast: v.broadcast, Session: v.id, Watching: true, At: v.connected})
	}
	return nil
}
