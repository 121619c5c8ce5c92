package chat

// Word is an entry of a channel's own list.
type Word struct {
	ID     string
	Text   string
	Action Action
}
