package access

import "context"

// Follow makes an account follow a channel.
func (s *Service) Follow(ctx context.Context, account, channel string) error {
	return s.Store.Follow(ctx, account, Follow{Channel: channel, Since: s.now()}, followsMax)
}

// Unfollow ends it; what the account watches as a follower ends with it.
func (s *Service) Unfollow(ctx context.Context, account, channel string) error {
	r := s.revocation(OfFollow(account, channel))
	was, err := s.Store.Unfollow(ctx, account, channel, r)
	if was && err == nil {
		s.note(r)
	}
	return err
}

// Follows tells whether an account follows a channel.
func (s *Service) Follows(ctx context.Context, account, channel string) (bool, error) {
	return s.Store.Follows(ctx, account, channel)
}

// FollowsOf lists what an account follows, newest first.
func (s *Service) FollowsOf(ctx context.Context, account string) ([]Follow, error) {
	return s.Store.FollowsOf(ctx, account)
}

// Followers counts who follows a channel.
func (s *Service) Followers(ctx context.Context, channel string) (int, error) {
	return s.Store.Followers(ctx, channel)
}

// ErasePerson deletes what is kept of a person (account.Keeper).
func (s *Service) ErasePerson(ctx context.Context, account string) error {
	r := s.revocation(OfAccount(account))
	if err := s.Store.Forget(ctx, account, r); err != nil {
		return err
	}
	s.note(r)
	return nil
}

// ExportPerson returns what is kept of a person (account.Keeper).
func (s *Service) ExportPerson(ctx context.Context, account string) (string, any, error) {
	all, err := s.Store.FollowsOf(ctx, account)
	return "follows", all, err
}
