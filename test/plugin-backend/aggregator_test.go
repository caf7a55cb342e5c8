package backend_test

// A real aggregator for the tests: the built program, hot tier in memory, chDB as cold tier, a free port, a folder of its own.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

type aggregator struct {
	url  string
	port int
	// From the repository's root.
	definition string
	until      string
	folder     string
	env        []string
	process    *exec.Cmd
	ended      chan struct{}
	output     *outputTail
}

// token of the tests' tenant.
const token = "a-token-that-must-stay-secret-7c1f"

func repositoryRoot() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// startAggregator answers when it is ready. env is laid over the definition's settings.
func startAggregator(folder string, env ...string) (*aggregator, error) {
	return startDefinition("test/plugin-backend/shop.yaml", "/readyz", folder, env...)
}

// startDefinition answers when the path of its server does.
func startDefinition(definition, path, folder string, env ...string) (*aggregator, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	a := &aggregator{url: fmt.Sprintf("http://127.0.0.1:%d", port), port: port, definition: definition, until: path, folder: folder, env: env}
	return a, a.start()
}

func (a *aggregator) start() error {
	root := repositoryRoot()
	program := filepath.Join(root, "aggregator", "dist", "tidemark.js")
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("the aggregator is not built: run `npm run build` first (%w)", err)
	}
	command := []string{"node", program, "serve", "--definition", filepath.Join(root, filepath.FromSlash(a.definition))}
	// The kernel ends it with the test, however that one ends.
	if setpriv, err := exec.LookPath("setpriv"); err == nil {
		command = append([]string{setpriv, "--pdeathsig", "KILL"}, command...)
	}
	a.process = exec.Command(command[0], command[1:]...)
	a.process.Dir = root
	a.process.Env = append(append(os.Environ(), fmt.Sprintf("TIDEMARK_SERVER_PORT=%d", a.port), "TIDEMARK_DATA_DIR="+a.folder), a.env...)
	a.output = &outputTail{}
	a.process.Stdout, a.process.Stderr = a.output, a.output
	// Pdeathsig is about the starting thread, so that one has to stay.
	started := make(chan error)
	a.ended = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		err := a.process.Start()
		started <- err
		if err == nil {
			_ = a.process.Wait()
		}
		close(a.ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	deadline := time.Now().Add(4 * time.Minute)
	for {
		response, err := http.Get(a.url + a.until)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-a.ended:
			return fmt.Errorf("the aggregator ended:\n%s", a.output)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			a.stop()
			return fmt.Errorf("the aggregator was not ready in time:\n%s", a.output)
		}
	}
}

func (a *aggregator) stop() {
	_ = a.process.Process.Signal(os.Interrupt)
	select {
	case <-a.ended:
	case <-time.After(20 * time.Second):
		_ = a.process.Process.Kill()
		<-a.ended
	}
}

// call asks the aggregator itself, past the plugin.
func (a *aggregator) call(t *testing.T, method, path string, body any, into any) {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, a.url+path, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %v %s", method, path, response.StatusCode, err, raw)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
}

// collect sends events and waits until all that were ever sent are applied.
func (a *aggregator) collect(t *testing.T, events []map[string]any) {
	t.Helper()
	var status struct {
		Partitions []struct {
			Applied int `json:"applied"`
		} `json:"partitions"`
	}
	applied := func() int {
		a.call(t, http.MethodGet, "/api/v1/status", nil, &status)
		sum := 0
		for _, partition := range status.Partitions {
			sum += partition.Applied
		}
		return sum
	}
	start := applied()
	a.call(t, http.MethodPost, "/api/v1/events", events, nil)
	eventually(t, 30*time.Second, "the events are applied", func() bool { return applied() >= start+len(events) })
}

func eventually(t *testing.T, within time.Duration, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("not within %v: %s", within, what)
}

// outputTail keeps the last 64 KiB.
type outputTail struct {
	lock sync.Mutex
	text []byte
}

func (o *outputTail) Write(part []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.text = append(o.text, part...)
	o.text = o.text[max(0, len(o.text)-64<<10):]
	return len(part), nil
}

func (o *outputTail) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	return string(o.text)
}

func (a *aggregator) metrics(t *testing.T) string {
	t.Helper()
	response, err := http.Get(a.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
