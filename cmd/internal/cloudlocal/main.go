// Command cloudlocal runs a system shaped like the one in the cloud on one machine: Google's Firestore emulator, a double of Cloud Tasks
// with tokens of its own, spreadsheets in sheetsim behind a token server, one process that answers the API and two that work.
//
//	make cloud-local
//
// It is for trying things out. Nothing survives its end.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"rowsmith/sheets"
	"rowsmith/sheets/sheetsim"
	"rowsmith/tasks"
	"rowsmith/tasks/queue/cloudtasks"
	"rowsmith/tasks/queue/cloudtasks/cloudtaskssim"
	"rowsmith/tasks/store/firestore/emulator"
)

const (
	apiAddr  = "127.0.0.1:8080"
	apiKey   = "local-key-of-the-cloud-shaped-system"
	location = "europe-west1"
	account  = "tasks@local.iam.gserviceaccount.com"
)

// workers are the processes that do the queue's work.
var workers = []string{"127.0.0.1:8081", "127.0.0.1:8082"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "cloudlocal: name the rowsmith program; make cloud-local does")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "cloudlocal:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program string) error {
	dir, err := os.MkdirTemp("", "rowsmith-cloud-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	host, stopEmulator, err := emulator.Start(ctx)
	if err != nil {
		return err
	}
	defer stopEmulator()
	sim, err := cloudtaskssim.New(cloudtaskssim.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer sim.Close()
	front, err := serve(spread(workers))
	if err != nil {
		return err
	}
	defer front.Close()
	google, err := startGoogle(ctx, dir)
	if err != nil {
		return err
	}
	defer google.close()
	project := emulator.Project()
	workerURL := "http://" + front.Addr
	if err := makeQueues(ctx, sim.Addr(), project, workerURL); err != nil {
		return err
	}
	env := append(os.Environ(),
		"FIRESTORE_EMULATOR_HOST="+host, "ROWSMITH_STORE=firestore", "ROWSMITH_QUEUE=cloudtasks", "ROWSMITH_PROJECT="+project,
		"ROWSMITH_TASKS_LOCATION="+location, "ROWSMITH_TASKS_ENDPOINT="+sim.Addr(), "ROWSMITH_TASKS_ISSUER="+sim.Issuer(),
		"ROWSMITH_TASKS_SERVICE_ACCOUNT="+account, "ROWSMITH_WORKER_URL="+workerURL, "ROWSMITH_API_KEY="+apiKey,
		"ROWSMITH_GOOGLE_CREDENTIALS="+google.keyFile, "ROWSMITH_SHEETS_ENDPOINT="+google.endpoint, "ROWSMITH_SPREADSHEETS="+google.sheet,
		"ROWSMITH_LOG_LEVEL=warn")
	var processes []*exec.Cmd
	defer func() {
		for _, p := range processes {
			_ = p.Process.Signal(syscall.SIGTERM)
		}
		for _, p := range processes {
			_ = p.Wait() // how it ended was told on standard error
		}
	}()
	start := func(role, addr string) error {
		p, err := process(program, append(env, "ROWSMITH_ROLE="+role, "ROWSMITH_ADDR="+addr))
		if err != nil {
			return fmt.Errorf("%s on %s: %w", role, addr, err)
		}
		processes = append(processes, p)
		return nil
	}
	for _, w := range workers {
		if err := start("worker", w); err != nil {
			return err
		}
	}
	if err := start("api", apiAddr); err != nil {
		return err
	}
	fmt.Printf(`ready http://%s
The key is %s. Start a job over the sample leads:

  curl -H "Authorization: Bearer %s" -H "Content-Type: application/json" http://%s/v1/jobs \
    -d '{"spreadsheet_id":"%s","want":["first_name","email_normalized","email_verdict"]}'

The spreadsheets' API is %s, for any Google Sheets client. Ctrl-C stops everything.
`, apiAddr, apiKey, apiKey, apiAddr, google.sheet, google.endpoint)
	<-ctx.Done()
	return nil
}

// process starts one process of the program and waits until it is ready.
func process(program string, env []string) (*exec.Cmd, error) {
	p := exec.Command(program, "serve")
	p.Env, p.Stderr = env, os.Stderr
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for this program, which stops the others in order
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		return nil, errors.Join(errors.New("it did not get ready"), p.Wait())
	}
	go io.Copy(io.Discard, out)
	return p, nil
}

// A listener is a small server of this program.
type listener struct {
	Addr string
	*http.Server
}

func serve(h http.Handler) (*listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(ln)
	return &listener{ln.Addr().String(), s}, nil
}

// spread hands requests to the addresses in turn, as a load balancer does.
func spread(addrs []string) http.Handler {
	var n atomic.Uint64
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addrs[n.Add(1)%uint64(len(addrs))]})
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // the queue delivers again
	}
}

func makeQueues(ctx context.Context, endpoint, project, target string) error {
	q, err := cloudtasks.Open(ctx, endpoint, cloudtasks.Config{
		Project: project, Location: location, Target: target, ServiceAccount: account, Queues: tasks.Queues(2),
	})
	if err != nil {
		return err
	}
	_, err = q.Ensure(ctx)
	return errors.Join(err, q.Close(ctx))
}

// google stands in for Google's spreadsheets: sheetsim, and a token server for the service account whose key it makes.
type google struct {
	endpoint, keyFile, sheet string
	close                    func()
}

func startGoogle(ctx context.Context, dir string) (*google, error) {
	sim, err := sheetsim.Open(ctx, sheetsim.Config{Dir: filepath.Join(dir, "sheets")})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600})
	})
	s, err := serve(mux)
	if err != nil {
		return nil, errors.Join(err, sim.Close())
	}
	g := &google{
		endpoint: "http://" + s.Addr + "/", keyFile: filepath.Join(dir, "key.json"),
		close: func() { s.Close(); sim.Close() },
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "sheets@local.iam.gserviceaccount.com", "private_key_id": "local", "token_uri": g.endpoint + "token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(g.keyFile, b, 0o600); err != nil {
		return nil, err
	}
	g.sheet, err = sample(ctx, g.endpoint)
	return g, err
}

// sample makes a spreadsheet of invented leads.
func sample(ctx context.Context, endpoint string) (string, error) {
	c, err := sheets.NewClient(ctx, sheets.Options{Endpoint: endpoint})
	if err != nil {
		return "", err
	}
	ss, err := c.Create(ctx, "Sample leads", "Leads")
	if err != nil {
		return "", err
	}
	rows := [][]any{{"Name", "Company", "E-mail", "Country"}}
	for i, n := range []string{"Anna van der Berg", "Luis García", "Siobhán O'Brien", "Jürgen Müller", "Marie Dupont"} {
		rows = append(rows, []any{n, fmt.Sprintf("Sample %d GmbH", i+1), fmt.Sprintf("lead%d@example.com", i+1), "Germany"})
	}
	return ss.ID, c.Fill(ctx, ss.ID, sheets.GridRange{SheetID: ss.Tabs[0].ID, EndRow: len(rows), EndCol: 4}, rows)
}
