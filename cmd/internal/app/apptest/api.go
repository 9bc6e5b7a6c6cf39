package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"rowsmith/tasks"
)

// An API calls a running program as its clients do, with [Key].
type API struct {
	URL string
	t   testing.TB
}

// Try asks the API and returns the status and the body, or why there is no answer.
func (a API) Try(ctx context.Context, method, path string, body any, header ...string) (int, []byte, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = bytes.NewReader([]byte(b))
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(j)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.URL+path, in)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+Key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// Call asks the API and returns the status and the body.
func (a API) Call(method, path string, body any, header ...string) (int, []byte) {
	a.t.Helper()
	st, b, err := a.Try(a.t.Context(), method, path, body, header...)
	if err != nil {
		a.t.Fatal(err)
	}
	return st, b
}

// Job asks for a job by method and path and fails the test where the answer is another status.
func (a API) Job(want int, method, path string, body any, header ...string) tasks.Job {
	a.t.Helper()
	st, b := a.Call(method, path, body, header...)
	if st != want {
		a.t.Fatalf("%s %s: status %d, want %d: %s", method, path, st, want, b)
	}
	var j tasks.Job
	if err := json.Unmarshal(b, &j); err != nil {
		a.t.Fatal(err)
	}
	return j
}

// waitAtMost is how long a job may take to get into a state.
const waitAtMost = 60 * time.Second

// Wait polls a job until it is in one of the states, as a client of the API would.
func (a API) Wait(id string, states ...tasks.State) tasks.Job {
	a.t.Helper()
	j, err := a.Await(id, states...)
	if err != nil {
		a.t.Fatal(err)
	}
	return j
}

// Await is Wait that tells of failure instead of failing the test.
func (a API) Await(id string, states ...tasks.State) (tasks.Job, error) {
	return a.AwaitFor(waitAtMost, id, states...)
}

// AwaitFor is Await with a limit of its own.
func (a API) AwaitFor(most time.Duration, id string, states ...tasks.State) (j tasks.Job, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(most)
	for {
		st, b, err := a.Try(a.t.Context(), http.MethodGet, "/v1/jobs/"+id, nil)
		if err != nil {
			return j, err
		}
		if st != http.StatusOK {
			err = fmt.Errorf("job %s: status %d: %s", id, st, b)
		} else if err = json.Unmarshal(b, &j); err != nil {
			return j, err
		}
		if slices.Contains(states, j.State) {
			return j, nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return j, errors.Join(err, fmt.Errorf("job %s is %s after %v, not %v: %+v %+v", id, j.State, most, states, j.Rows, j.Pause))
		}
	}
}
