package account

// ReplayKey names one request that creates something: who, which route, the caller's own key, and the request
// itself, decoded and encoded again, so that spelling does not matter.
type ReplayKey struct {
	Account string // "" for nobody
	Route   string
	Key     string
	Body    []byte
}
