package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

const (
	passwordMin      = 8   // characters, NIST SP 800-63B
	passwordMax      = 256 // bytes
	passwordSalt     = 16  // bytes
	passwordKey      = 32  // bytes
	passwordQueueMax = 64  // log-ins that wait for a core
)

// Passwords hashes with argon2id (RFC 9106), a few at a time: a flood of log-ins waits in a short queue and is then
// refused with ErrBusy, so that it takes neither all memory nor all cores. The zero value is the OWASP minimum.
type Passwords struct {
	MemoryKiB uint32 // defaults to 19456
	Passes    uint32 // defaults to 2
	Parallel  int    // hashes at a time; defaults to half the cores, at least one
	QueueMax  int    // defaults to 64

	once    sync.Once
	waiting chan struct{}
	running chan struct{}
	nobody  string // the hash that an unknown e-mail is compared with
}

func (p *Passwords) init() {
	p.once.Do(func() {
		if p.MemoryKiB == 0 {
			p.MemoryKiB = 19456
		}
		if p.Passes == 0 {
			p.Passes = 2
		}
		if p.Parallel == 0 {
			p.Parallel = max(1, runtime.GOMAXPROCS(0)/2)
		}
		if p.QueueMax == 0 {
			p.QueueMax = passwordQueueMax
		}
		p.waiting = make(chan struct{}, p.QueueMax+p.Parallel)
		p.running = make(chan struct{}, p.Parallel)
		p.nobody = p.encode(make([]byte, passwordSalt), make([]byte, passwordKey))
	})
}

// slot waits for a turn. The caller calls leave if it got one.
func (p *Passwords) slot(ctx context.Context) (leave func(), err error) {
	p.init()
	select {
	case p.waiting <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case p.running <- struct{}{}:
		return func() { <-p.running; <-p.waiting }, nil
	case <-ctx.Done():
		<-p.waiting
		return nil, ctx.Err()
	}
}

func (p *Passwords) hash(ctx context.Context, password string) (string, error) {
	leave, err := p.slot(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, passwordSalt)
	_, _ = rand.Read(salt)
	return p.encode(salt, argon2.IDKey(normal(password), salt, p.Passes, p.MemoryKiB, 1, passwordKey)), nil
}

// verify compares in constant time; weak tells that the hash should be made anew with today's cost.
func (p *Passwords) verify(ctx context.Context, hash, password string) (ok, weak bool, err error) {
	leave, err := p.slot(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	if len(password) > passwordMax {
		password = "" // never a password; the work stays the same
	}
	if hash == "" {
		hash = p.nobody
	}
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != "v=19" {
		return false, false, fmt.Errorf("account: a stored password hash cannot be read")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return false, false, fmt.Errorf("account: a stored password hash cannot be read: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, false, fmt.Errorf("account: a stored password hash cannot be read: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, false, fmt.Errorf("account: a stored password hash cannot be read: %w", err)
	}
	got := argon2.IDKey(normal(password), salt, passes, memory, lanes, uint32(len(want)))
	ok = subtle.ConstantTimeCompare(got, want) == 1 && hash != p.nobody
	return ok, memory < p.MemoryKiB || passes < p.Passes, nil
}

func (p *Passwords) encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", p.MemoryKiB, p.Passes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// normal makes a password the same bytes on every keyboard.
func normal(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }

// checkPassword refuses what is guessed first. There are no rules about digits and signs: length is what counts.
func checkPassword(password string, p Person) error {
	n := utf8.RuneCountInString(password)
	if !utf8.ValidString(password) || n < passwordMin || len(password) > passwordMax {
		return ErrWeakPassword
	}
	lower := strings.ToLower(password)
	local, _, _ := strings.Cut(strings.ToLower(p.EmailKey), "@")
	if lower == strings.ToLower(p.Email) || lower == local || lower == strings.ToLower(p.Name) || commonPasswords[lower] {
		return ErrWeakPassword
	}
	same := true
	for i := 1; i < len(password); i++ {
		same = same && password[i] == password[0]
	}
	if same {
		return ErrWeakPassword
	}
	return nil
}

// commonPasswords are those of eight characters and more that every list of leaked ones begins with.
var commonPasswords = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`12345678 123456789 1234567890 0123456789 87654321 987654321 password password1
		password12 password123 passw0rd p@ssword p@ssw0rd qwertyui qwertyuiop qwerty12 qwerty123 1q2w3e4r 1q2w3e4r5t
		1qaz2wsx zaq12wsx q1w2e3r4 iloveyou sunshine princess football baseball superman batman123 trustno1 whatever
		starwars computer michelle jennifer welcome1 welcome123 letmein1 letmein123 admin123 admin1234 administrator
		abcd1234 abc12345 abcdefgh asdfghjk asdfghjkl zxcvbnm1 11223344 12341234 123123123 147258369 159753456
		changeme changeme1 internet samsung1 master123 monkey123 dragon123 shadow123 hello123 freedom1 charlie1
		liverpool chelsea1 arsenal1 jordan23 mustang1 corvette passwort passwort1 motdepasse hawker123 hawkerlive`) {
		m[w] = true
	}
	return m
}()
