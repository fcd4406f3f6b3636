// Word count as students of MIT 6.5840 build it in lab 1, for ci/bench: a coordinator and worker processes that talk by net/rpc over a
// Unix socket, the course's own map and reduce functions, intermediate files in JSON, one for each map and reduce, renamed when
// complete. The encoder writes to the file itself, pair by pair, as the lab's text suggests. It survives nothing, and syncs nothing: only its
// data path is meant to be typical.
//
// Usage: course WORKERS FILE...   leaves mr-out-* in the current folder
package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	reduces = 10
	socket  = "coordinator.sock"
)

// KeyValue is what a map emits.
type KeyValue struct {
	Key   string
	Value string
}

// Task is what a worker is to do next.
type Task struct {
	Kind   string // map, reduce, wait, exit
	Number int
	File   string
	Maps   int
}

// Coordinator hands out the maps and, when all are done, the reduces.
type Coordinator struct {
	mutex                  sync.Mutex
	files                  []string
	given, done            int
	reducesGiven, finished int
}

// Next answers a worker that asks for a task.
func (c *Coordinator) Next(_ struct{}, task *Task) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case c.given < len(c.files):
		*task = Task{"map", c.given, c.files[c.given], len(c.files)}
		c.given++
	case c.done < len(c.files):
		*task = Task{Kind: "wait"}
	case c.reducesGiven < reduces:
		*task = Task{Kind: "reduce", Number: c.reducesGiven, Maps: len(c.files)}
		c.reducesGiven++
	case c.finished < reduces:
		*task = Task{Kind: "wait"}
	default:
		*task = Task{Kind: "exit"}
	}
	return nil
}

// Done takes note of a task that is complete.
func (c *Coordinator) Done(task Task, _ *struct{}) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if task.Kind == "map" {
		c.done++
	} else {
		c.finished++
	}
	return nil
}

func mapWords(contents string) []KeyValue {
	words := strings.FieldsFunc(contents, func(r rune) bool { return !unicode.IsLetter(r) })
	pairs := []KeyValue{}
	for _, word := range words {
		pairs = append(pairs, KeyValue{word, "1"})
	}
	return pairs
}

func reduceWords(_ string, values []string) string {
	return strconv.Itoa(len(values))
}

func partition(key string) int {
	hash := fnv.New32a()
	hash.Write([]byte(key))
	return int(hash.Sum32()&0x7fffffff) % reduces
}

func intermediate(mapNumber, reduceNumber int) string {
	return fmt.Sprintf("mr-%d-%d", mapNumber, reduceNumber)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// write makes a file that has its name only when it is complete.
func write(name string, fill func(io.Writer)) {
	file, err := os.CreateTemp(".", "tmp-")
	must(err)
	fill(file)
	must(file.Close())
	must(os.Rename(file.Name(), name))
}

func runMap(task Task) {
	contents, err := os.ReadFile(task.File)
	must(err)
	buckets := make([][]KeyValue, reduces)
	for _, pair := range mapWords(string(contents)) {
		bucket := partition(pair.Key)
		buckets[bucket] = append(buckets[bucket], pair)
	}
	for number, bucket := range buckets {
		write(intermediate(task.Number, number), func(out io.Writer) {
			encoder := json.NewEncoder(out)
			for _, pair := range bucket {
				must(encoder.Encode(&pair))
			}
		})
	}
}

func runReduce(task Task) {
	pairs := []KeyValue{}
	for number := 0; number < task.Maps; number++ {
		file, err := os.Open(intermediate(number, task.Number))
		must(err)
		decoder := json.NewDecoder(file)
		for {
			var pair KeyValue
			if decoder.Decode(&pair) != nil {
				break
			}
			pairs = append(pairs, pair)
		}
		must(file.Close())
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i].Key < pairs[j].Key })
	write(fmt.Sprintf("mr-out-%d", task.Number), func(out io.Writer) {
		for start := 0; start < len(pairs); {
			end := start + 1
			for end < len(pairs) && pairs[end].Key == pairs[start].Key {
				end++
			}
			values := []string{}
			for _, pair := range pairs[start:end] {
				values = append(values, pair.Value)
			}
			fmt.Fprintf(out, "%v %v\n", pairs[start].Key, reduceWords(pairs[start].Key, values))
			start = end
		}
	})
}

func work() {
	coordinator, err := rpc.DialHTTP("unix", socket)
	must(err)
	for {
		var task Task
		must(coordinator.Call("Coordinator.Next", struct{}{}, &task))
		switch task.Kind {
		case "map":
			runMap(task)
		case "reduce":
			runReduce(task)
		case "wait":
			time.Sleep(10 * time.Millisecond)
			continue
		case "exit":
			return
		}
		must(coordinator.Call("Coordinator.Done", task, &struct{}{}))
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		work()
		return
	}
	if len(os.Args) < 3 {
		log.Fatal("usage: course WORKERS FILE...")
	}
	workers, err := strconv.Atoi(os.Args[1])
	must(err)
	must(rpc.Register(&Coordinator{files: os.Args[2:]}))
	rpc.HandleHTTP()
	listener, err := net.Listen("unix", socket)
	must(err)
	go http.Serve(listener, nil)
	running := []*exec.Cmd{}
	for number := 0; number < workers; number++ {
		worker := exec.Command(os.Args[0], "worker")
		worker.Stderr = os.Stderr
		must(worker.Start())
		running = append(running, worker)
	}
	for _, worker := range running {
		must(worker.Wait())
	}
}
