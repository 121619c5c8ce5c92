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

// Cluster is six servers: three masters, then the replica of each.
type Cluster struct {
	Servers []*Server
	dir     string
}

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
		err := s.await(func(ctx context.Context, client *redis.Client) error {
			info, err := client.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") {
				return errors.Join(errNotReady, err)
			}
			role, err := client.Info(ctx, "replication").Result()
			if n >= 3 && !strings.Contains(role, "master_link_status:up") {
				return errors.Join(errNotReady, err)
			}
			return err
		})
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

// FailOver kills a master, of 0 to 2, and returns when its replica has taken over.
func (c *Cluster) FailOver(master int) error {
	c.Servers[master].Kill()
	return c.Servers[master+3].await(func(ctx context.Context, client *redis.Client) error {
		info, err := client.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "role:master") {
			err = errNotReady
		}
		return err
	})
}

// Stop ends all nodes.
func (c *Cluster) Stop() {
	c.end()
	os.RemoveAll(c.dir)
}

func (c *Cluster) end() {
	for _, s := range c.Servers {
		select {
		case <-s.done:
		default:
			s.Kill()
		}
	}
}
