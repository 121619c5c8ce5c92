package peer_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming/peer"
	"github.com/hawkerlive/hawker/streaming/peer/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAConnectionCloses(t *testing.T) { peertest.Closes(t, peer.Close) }
