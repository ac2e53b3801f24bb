// SPDX-License-Identifier: MIT
//
// asynq as one of the peers: enqueues jobs, or works a backlog off. See ../README.md for the arguments and for what is
// measured. asynq has no bulk enqueue: --concurrency goroutines share one client, whose connections they use at once.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	usage   = "usage: asynq-peer enqueue|consume --url URL [--jobs N] [--payload BYTES] [--concurrency N] [--servers N]"
	kind    = "noop"
	pending = "asynq:{default}:pending"
	active  = "asynq:{default}:active"
)

type arguments struct {
	mode        string
	url         string
	jobs        int64
	payload     int
	concurrency int
	servers     int // in this process, each with its own fetching loop and a share of the concurrency
}

type result struct {
	Peer        string  `json:"peer"`
	Version     string  `json:"version"`
	Mode        string  `json:"mode"`
	Jobs        int64   `json:"jobs"`
	Seconds     float64 `json:"seconds"`
	PerS        float64 `json:"per_s"`
	CPUUsPerJob float64 `json:"cpu_us_per_job"`
}

type moment struct {
	wall  time.Time
	cpuUs int64
}

func now() moment {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return moment{time.Now(), (usage.Utime.Nano() + usage.Stime.Nano()) / 1000}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "asynq-peer:", err)
	os.Exit(1)
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/hibiken/asynq" {
			return module.Version[1:]
		}
	}
	return "unknown"
}

func report(a *arguments, jobs int64, begin moment) {
	end := now()
	seconds := end.wall.Sub(begin.wall).Seconds()
	line, err := json.Marshal(result{"asynq", version(), a.mode, jobs, seconds, float64(jobs) / seconds,
		float64(end.cpuUs-begin.cpuUs) / float64(jobs)})
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func enqueue(a *arguments, opt asynq.RedisClientOpt) {
	opt.PoolSize = a.concurrency
	client := asynq.NewClient(opt)
	defer client.Close()
	payload := bytes.Repeat([]byte("x"), a.payload)
	var next atomic.Int64
	var group sync.WaitGroup
	begin := now()
	for range a.concurrency {
		group.Add(1)
		go func() {
			defer group.Done()
			for next.Add(1) <= a.jobs {
				if _, err := client.Enqueue(asynq.NewTask(kind, payload)); err != nil {
					fail(err)
				}
			}
		}()
	}
	group.Wait()
	report(a, a.jobs, begin)
}

// Until nothing waits and nothing is acknowledged no more.
func waitUntilDone(watch *redis.Client, done *atomic.Int64, jobs int64) {
	ctx := context.Background()
	for {
		time.Sleep(time.Millisecond)
		if done.Load() < jobs {
			continue
		}
		waiting, err := watch.LLen(ctx, pending).Result()
		if err != nil {
			fail(err)
		}
		running, err := watch.LLen(ctx, active).Result()
		if err != nil {
			fail(err)
		}
		if waiting == 0 && running == 0 {
			return
		}
	}
}

func consume(a *arguments, opt asynq.RedisClientOpt) {
	var done atomic.Int64
	handler := asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		if len(task.Payload()) != a.payload {
			return errors.New("a payload of another length")
		}
		done.Add(1)
		return nil
	})
	watch, ok := opt.MakeRedisClient().(*redis.Client)
	if !ok {
		fail(errors.New("no client"))
	}
	each := max(a.concurrency/a.servers, 1)
	opt.PoolSize = each + 10
	servers := make([]*asynq.Server, a.servers)
	for i := range servers {
		servers[i] = asynq.NewServer(opt, asynq.Config{Concurrency: each, LogLevel: asynq.ErrorLevel})
	}
	begin := now()
	for _, server := range servers {
		if err := server.Start(handler); err != nil {
			fail(err)
		}
	}
	waitUntilDone(watch, &done, a.jobs)
	report(a, done.Load(), begin)
	for _, server := range servers {
		server.Shutdown()
	}
}

func main() {
	a := arguments{}
	flags := flag.NewFlagSet("asynq-peer", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	flags.StringVar(&a.url, "url", "", "")
	flags.Int64Var(&a.jobs, "jobs", 20000, "")
	flags.IntVar(&a.payload, "payload", 100, "")
	flags.IntVar(&a.concurrency, "concurrency", 50, "")
	flags.IntVar(&a.servers, "servers", 1, "")
	if len(os.Args) > 1 {
		a.mode = os.Args[1]
		if flags.Parse(os.Args[2:]) != nil {
			os.Exit(2)
		}
	}
	parsed, err := asynq.ParseRedisURI(a.url)
	opt, ok := parsed.(asynq.RedisClientOpt)
	if err != nil || !ok || a.jobs < 1 || a.concurrency < 1 || a.servers < 1 {
		flags.Usage()
		os.Exit(2)
	}
	switch a.mode {
	case "enqueue":
		enqueue(&a, opt)
	case "consume":
		consume(&a, opt)
	default:
		flags.Usage()
		os.Exit(2)
	}
}
