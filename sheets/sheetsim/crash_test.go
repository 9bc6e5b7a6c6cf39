package sheetsim_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rowsmith/sheets/sheetsim"
)

const childEnv = "SHEETSIM_CRASH_CHILD"

// crashChild is the process that TestKillLeavesWholeBatches kills: a server on the folder in the environment.
func crashChild() {
	srv, err := sheetsim.Open(context.Background(), sheetsim.Config{Dir: os.Getenv(childEnv)})
	if err != nil {
		panic(err)
	}
	fmt.Println(httptest.NewServer(srv).URL)
	select {}
}

// TestKillLeavesWholeBatches kills a server at random moments while it writes, and looks whether each batch is there wholly or not
// at all: every batch writes its number into the same 600 cells, adds a row and moves one.
func TestKillLeavesWholeBatches(t *testing.T) {
	f := start(t).sheet(700, 4)
	if err := f.srv.Close(); err != nil {
		t.Fatal(err)
	}
	moments := 4
	if testing.Short() {
		moments = 1
	}
	last := 0
	for range moments {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+f.dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		url, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(20+rand.IntN(120))*time.Millisecond, func() { cmd.Process.Kill() })
		answered := last
		for n := last + 1; ; n++ {
			resp, err := http.Post(strings.TrimSpace(url)+"/v4/spreadsheets/"+f.id+":batchUpdate", "application/json", bytes.NewReader(crashBatch(n)))
			if err != nil {
				break
			}
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d", resp.StatusCode)
			}
			resp.Body.Close()
			answered = n
		}
		kill.Stop()
		cmd.Wait()

		srv, err := sheetsim.Open(context.Background(), f.cfg)
		if err != nil {
			t.Fatal(err)
		}
		last = readCrash(t, srv, f.id)
		if last != answered && last != answered+1 {
			t.Errorf("batch %d stands, %d were answered", last, answered)
		}
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func crashBatch(n int) []byte {
	cell := fmt.Sprintf(`{"userEnteredValue":{"numberValue":%d}}`, n)
	row := `{"values":[` + cell + `,` + cell + `]}`
	rows := strings.Repeat(row+",", 299) + row
	return fmt.Appendf(nil, `{"requests":[
		{"updateCells":{"start":{"sheetId":0},"fields":"userEnteredValue","rows":[%s]}},
		{"appendDimension":{"sheetId":0,"dimension":"ROWS","length":1}},
		{"moveDimension":{"source":{"sheetId":0,"dimension":"ROWS","startIndex":10,"endIndex":11},"destinationIndex":290}},
		{"updateCells":{"start":{"sheetId":0,"rowIndex":600},"fields":"userEnteredValue","rows":[%s]}}]}`, rows, row)
}

// readCrash returns the number of the batch that stands, after looking that it stands everywhere.
func readCrash(t *testing.T, srv *sheetsim.Server, id string) int {
	t.Helper()
	hs := httptest.NewServer(srv)
	defer hs.Close()
	f := &fixture{t: t, srv: srv, id: id}
	f.connect(hs.URL)
	got := f.values("Sheet1")
	if len(got) == 0 {
		return 0
	}
	n := got[0][0]
	for i, r := range got {
		if i >= 300 && i < 600 {
			continue
		}
		if len(r) != 2 || r[0] != n || r[1] != n {
			t.Fatalf("row %d is %v, others have %v", i+1, r, n)
		}
	}
	ss, err := f.api.Spreadsheets.Get(id).Do()
	if err != nil {
		t.Fatal(err)
	}
	if rows := ss.Sheets[0].Properties.GridProperties.RowCount; rows != 700+int64(n.(float64)) || len(got) != 601 {
		t.Errorf("%d rows, %d with values, after batch %v", rows, len(got), n)
	}
	return int(n.(float64))
}
