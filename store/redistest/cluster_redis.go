package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is six servers: three masters, then the replica of each. A shard is what one master holds.
type Cluster struct {
	Servers []*Server
	dir     string
	turned  [shards]bool // the shard's replica leads
}

const shards = 3

var errNotReady = errors.New("the cluster is not ready")

// StartCluster starts a Cluster. Its nodes are born knowing each other, so that nothing has to be negotiated.
func StartCluster() (*Cluster, error) {
	dir, err := os.MkdirTemp("", "hawker-redis-cluster-")
	if err != nil {
		return nil, err
	}
	for range 5 {
		var c *Cluster
		if c, err = startCluster(dir); err == nil {
			return c, nil
		}
	}
	os.RemoveAll(dir)
	return nil, err
}

func startCluster(dir string) (*Cluster, error) {
	ports, err := freePorts(12)
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	for n := range 6 {
		home := filepath.Join(dir, ports[n])
		if err := os.MkdirAll(home, 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(home, "nodes.conf"), nodes(ports, n), 0o600); err != nil {
			return nil, err
		}
		s := &Server{Addr: "127.0.0.1:" + ports[n], dir: home, args: append(options(home, ports[n]),
			"--cluster-enabled", "yes", "--cluster-port", ports[6+n], "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1500",
			"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0")}
		if err := s.Again(); err != nil {
			c.end()
			return nil, err
		}
		c.Servers = append(c.Servers, s)
	}
	for n, s := range c.Servers {
		err := s.inOrder()
		if err == nil && n >= shards {
			err = s.replicates("master_link_status:up")
		}
		if err != nil {
			c.end()
			return nil, err
		}
	}
	return c, nil
}

// nodes is what node me knows of all: its nodes.conf.
func nodes(ports []string, me int) []byte {
	var b strings.Builder
	slots := []string{"0-5460", "5461-10922", "10923-16383"}
	id := func(n int) string { return fmt.Sprintf("%040x", n+1) }
	now := time.Now().UnixMilli()
	for n := range 6 {
		flags, master, epoch, tail := "master", "-", n+1, ""
		if n < 3 {
			tail = " " + slots[n]
		} else {
			flags, master, epoch = "slave", id(n-3), n-2
		}
		if n == me {
			flags = "myself," + flags
		}
		fmt.Fprintf(&b, "%s 127.0.0.1:%s@%s %s %s 0 %d %d connected%s\n", id(n), ports[n], ports[6+n], flags, master, now, epoch, tail)
	}
	fmt.Fprint(&b, "vars currentEpoch 6 lastVoteEpoch 0\n")
	return []byte(b.String())
}

// Addrs are the addresses of all nodes.
func (c *Cluster) Addrs() (out []string) {
	for _, s := range c.Servers {
		out = append(out, s.Addr)
	}
	return out
}

// pair are the leader of a shard, as far as we know, and the other one.
func (c *Cluster) pair(shard int) (leader, other *Server) {
	leader, other = c.Servers[shard], c.Servers[shard+shards]
	if c.turned[shard] {
		return other, leader
	}
	return leader, other
}

// FailOver kills the leader of a shard, of 0 to 2, and returns when its replica has taken over.
func (c *Cluster) FailOver(shard int) error {
	c.Leader(shard).Kill()
	return c.Promoted(shard)
}

// Leader is the server that answers for a shard.
func (c *Cluster) Leader(shard int) *Server {
	leader, _ := c.pair(shard)
	return leader
}

// Promoted waits until the replica of a shard, whose leader was taken away, has taken over.
func (c *Cluster) Promoted(shard int) error {
	_, heir := c.pair(shard)
	err := heir.replicates("role:master")
	if err == nil {
		c.turned[shard] = !c.turned[shard]
	}
	return err
}

// Joined waits until the former leader of a shard, which runs again, follows the new one.
func (c *Cluster) Joined(shard int) error {
	_, former := c.pair(shard)
	return former.replicates("role:slave", "master_link_status:up")
}

// replicates waits until a server says all this of its part in replication.
func (s *Server) replicates(says ...string) error {
	return s.await(func(ctx context.Context, client *redis.Client) error {
		info, err := client.Info(ctx, "replication").Result()
		for _, one := range says {
			if err == nil && !strings.Contains(info, one) {
				err = errNotReady
			}
		}
		return err
	})
}

// inOrder waits until a node finds the Cluster whole.
func (s *Server) inOrder() error {
	return s.await(func(ctx context.Context, client *redis.Client) error {
		info, err := client.ClusterInfo(ctx).Result()
		if err == nil && !strings.Contains(info, "cluster_state:ok") {
			err = errNotReady
		}
		return err
	})
}

// Kill ends all nodes at once.
func (c *Cluster) Kill() { c.end() }

// Again starts all nodes where they have ended. They come back empty.
func (c *Cluster) Again() error {
	return errors.Join(c.each((*Server).Again), c.each((*Server).inOrder))
}

// Hang stops all nodes from answering, until Resume.
func (c *Cluster) Hang() error { return c.each((*Server).Hang) }

// Resume lets them go on, and waits until they have found each other.
func (c *Cluster) Resume() error {
	return errors.Join(c.each((*Server).Resume), c.each((*Server).inOrder))
}

// Do sends one command to each leader.
func (c *Cluster) Do(args ...any) (err error) {
	for shard := range shards {
		err = errors.Join(err, c.Leader(shard).Do(args...))
	}
	return err
}

func (c *Cluster) each(what func(*Server) error) (err error) {
	for _, s := range c.Servers {
		err = errors.Join(err, what(s))
	}
	return err
}

// Stop ends all nodes.
func (c *Cluster) Stop() {
	c.end()
	os.RemoveAll(c.dir)
}

func (c *Cluster) end() {
	for _, s := range c.Servers {
		_ = s.cmd.Process.Kill() // all first: none shall see another go
	}
	for _, s := range c.Servers {
		<-s.done
	}
}
