package account

import "errors"

// Expected outcomes. api maps each to its HTTP meaning in one table.
var (
	ErrUnauthenticated = errors.New("account: log in first")
	ErrForbidden       = errors.New("account: your role does not allow this")
	ErrScope           = errors.New("account: the token lacks the scope for this")
	ErrNotFound        = errors.New("account: there is no such thing")

	ErrBadCredentials = errors.New("account: e-mail and password do not match an account")
	ErrWrongPassword  = errors.New("account: the password is not the account's")
	ErrBusy           = errors.New("account: too many log-ins at once")
	ErrBadEmail       = errors.New("account: this is not an e-mail address")
	ErrWeakPassword   = errors.New("account: the password is too short, too long, too common, or part of the name or e-mail")
	ErrBadText        = errors.New("account: a name is empty, too long, or holds control characters")
	ErrBadLocale      = errors.New("account: the locale is not a BCP 47 language tag")
	ErrBadCurrency    = errors.New("account: the currency is not an ISO 4217 code")
	ErrBadTimeZone    = errors.New("account: the time zone is not in the IANA database")
	ErrBadHandle      = errors.New("account: a handle has 3 to 30 of a-z, 0-9 and inner hyphens, and is not a reserved word")
	ErrHandleTaken    = errors.New("account: this handle is taken")
	ErrBadAddress     = errors.New("account: the address lacks a part or a part is too long")
	ErrBadScope       = errors.New("account: there is no such scope")
	ErrBadRole        = errors.New("account: there is no such role here")
	ErrNoPerson       = errors.New("account: nobody has signed up with this e-mail address")
	ErrLastOwner      = errors.New("account: the last owner cannot leave; hand over first")
	ErrTooMany        = errors.New("account: the limit for this kind of thing is reached")
	ErrBadCountry     = errors.New("account: the country is not an ISO 3166 code of two letters")

	ErrKeyRevoked = errors.New("account: the stream key is not, or no longer, valid")

	ErrReplayOther   = errors.New("account: the idempotency key was used with another request")
	ErrReplayRunning = errors.New("account: a request with this idempotency key is still running")

	ErrSecretKey = errors.New("account: secret_key does not open the signing keys of this database")
)
