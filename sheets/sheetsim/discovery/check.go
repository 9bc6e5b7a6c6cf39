package discovery

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// T is the part of testing.TB that [Check] needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Check wraps a handler of the Sheets API: every request that the handler answers with 200, and every answer, is held
// against the discovery document, and t fails where one leaves it: unknown paths, parameters, properties or enum values, wrong
// types. A request that was answered with an error may be wrong (tests send such on purpose), but the error's body may
// not. The discovery document's own path is passed through.
func Check(t T, h http.Handler) http.Handler {
	t.Helper()
	d, err := Load()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/$discovery/rest") {
			h.ServeHTTP(w, r)
			return
		}
		var body []byte
		if r.Body != nil {
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				http.Error(w, "read the request", http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(rec, r)
		for _, fault := range d.fault(r, body, rec) {
			t.Errorf("%s %s → %d: %s", r.Method, r.URL.Path, rec.status, fault)
		}
	})
}

type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

func (d *Document) fault(r *http.Request, body []byte, rec *recorder) []string {
	if gz := rec.Header().Get("Content-Encoding"); gz == "gzip" {
		z, err := gzip.NewReader(&rec.body)
		if err != nil {
			return []string{"the answer is not gzip"}
		}
		var plain bytes.Buffer
		if _, err := io.Copy(&plain, z); err != nil {
			return []string{"the answer is not gzip"}
		}
		rec.body = plain
	}
	var answer any
	if err := json.Unmarshal(rec.body.Bytes(), &answer); err != nil {
		return []string{"the answer is not JSON"}
	}
	if rec.status != http.StatusOK {
		return errorFaults(rec.status, answer)
	}
	httpMethod := r.Method
	if o := r.Header.Get("X-HTTP-Method-Override"); o != "" {
		httpMethod = o
	}
	m, _ := d.Find(httpMethod, strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if m == nil {
		return []string{"no such method in the document"}
	}
	faults := d.queryFaults(m, r.URL.Query())
	if m.Request != nil && len(bytes.TrimSpace(body)) > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		plain := body
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err == nil {
				plain, err = io.ReadAll(z)
			}
			if err != nil {
				return append(faults, "the request is not gzip")
			}
		}
		var in any
		if err := json.Unmarshal(plain, &in); err != nil {
			return append(faults, "the request is not JSON")
		}
		d.strict(m.Request, "request", in, &faults)
	}
	d.strict(m.Response, "response", answer, &faults)
	return faults
}

func (d *Document) queryFaults(m *Method, q url.Values) []string {
	var faults []string
	for k, values := range q {
		p := m.Parameters[k]
		if p == nil || p.Location != "query" {
			p = d.Parameters[k]
		}
		if p == nil {
			faults = append(faults, fmt.Sprintf("unknown parameter %q", k))
			continue
		}
		if len(values) > 1 && !p.Repeated {
			faults = append(faults, fmt.Sprintf("parameter %q is repeated", k))
		}
		for _, v := range values {
			if len(p.Enum) > 0 && !slices.Contains(p.Enum, v) {
				faults = append(faults, fmt.Sprintf("parameter %q has the unknown value %q", k, v))
			}
			if _, err := strconv.ParseBool(v); p.Type == "boolean" && err != nil {
				faults = append(faults, fmt.Sprintf("parameter %q is no boolean", k))
			}
		}
	}
	return faults
}

// strict holds v against s to the letter: unlike Normalize it takes no snake_case names and no numbers in quotes.
func (d *Document) strict(s *Schema, path string, v any, faults *[]string) {
	report := func(format string, args ...any) {
		if len(*faults) < maxViolations {
			*faults = append(*faults, path+": "+fmt.Sprintf(format, args...))
		}
	}
	s = d.deref(s)
	switch s.Type {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			report("%T in place of %s", v, s.ID)
			return
		}
		for k, x := range m {
			prop := s.Properties[k]
			if prop == nil {
				prop = s.Additional
			}
			if prop == nil {
				report("%s has no property %q", s.ID, k)
				continue
			}
			if x == nil {
				continue
			}
			d.strict(prop, path+"."+k, x, faults)
		}
	case "array":
		l, ok := v.([]any)
		if !ok {
			report("%T in place of a list", v)
			return
		}
		if d.deref(s.Items).Type == "any" {
			return
		}
		for i, x := range l {
			d.strict(s.Items, path+"["+strconv.Itoa(i)+"]", x, faults)
		}
	case "string":
		x, ok := v.(string)
		if !ok {
			report("%T in place of a string", v)
		} else if len(s.Enum) > 0 && !slices.Contains(s.Enum, x) {
			report("unknown value %q", x)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			report("%T in place of a boolean", v)
		}
	case "number":
		if _, ok := v.(float64); !ok {
			report("%T in place of a number", v)
		}
	case "integer":
		if x, ok := v.(float64); !ok || x != math.Trunc(x) || math.Abs(x) > math.MaxInt32 {
			report("%v in place of an int32", v)
		}
	}
}

// errorFaults holds an error's body against google.rpc.Status in its JSON form.
func errorFaults(status int, v any) []string {
	m, _ := v.(map[string]any)
	e, ok := m["error"].(map[string]any)
	if !ok || len(m) != 1 {
		return []string{"the answer is no {error: …}"}
	}
	var faults []string
	if code, _ := e["code"].(float64); int(code) != status {
		faults = append(faults, fmt.Sprintf("error.code is %v", e["code"]))
	}
	for _, k := range []string{"message", "status"} {
		if s, _ := e[k].(string); s == "" {
			faults = append(faults, "error."+k+" is missing")
		}
	}
	for k, x := range e {
		switch k {
		case "code", "message", "status":
		case "details":
			l, _ := x.([]any)
			for _, y := range l {
				if d, _ := y.(map[string]any); d["@type"] == nil {
					faults = append(faults, "a detail without @type")
				}
			}
		default:
			faults = append(faults, "unknown property error."+k)
		}
	}
	return faults
}
