package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"rowsmith/tasks"
)

// parse reads a body as the handlers do.
func parse(body io.Reader, v any, header ...string) error {
	req := httptest.NewRequest(http.MethodPost, "/", body)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return read(echo.New().NewContext(req, httptest.NewRecorder()), v)
}

func TestBodies(t *testing.T) {
	const fine = `{"spreadsheet_id":"s","want":["email"]}`
	for _, tc := range []struct {
		name, body string
		code       tasks.Code // none: it is read
		field      string     // in errors
		detail     string     // a part of what the person is told
	}{
		{"plain", fine, "", "", ""},
		{"white space around", "\r\n\t " + fine + " \n", "", "", ""},
		{"a byte order mark", "\ufeff" + fine, "", "", ""},
		{"all fields", `{"spreadsheet_id":"s","sheet":"Leads","sheet_id":7,"range":"A2:F","header_row":1,"mapping":{"E-mail":"email","X":null},"output":{"email":"Mail"},"defaults":{"country":"DE"},"want":["email"],"fill":"blanks","max_credits":9007199254740993}`, "", "", ""},
		{"null for nothing", `{"want":null,"sheet_id":null}`, "", "", ""},
		{"headings that differ by case", `{"mapping":{"Email":"email","email":null}}`, "", "", ""},

		{"empty", "", tasks.CodeInvalid, "", "empty"},
		{"white space", " \n", tasks.CodeInvalid, "", "empty"},
		{"no JSON", "hello", tasks.CodeInvalid, "", "byte 1"},
		{"a form", "spreadsheet_id=s&want=email", tasks.CodeInvalid, "", "byte 1"},
		{"broken off", fine[:20], tasks.CodeInvalid, "", "byte 20"},
		{"two values", fine + fine, tasks.CodeInvalid, "", "one JSON object"},
		{"something after it", fine + "]", tasks.CodeInvalid, "", "one JSON object"},
		{"a trailing comma", `{"want":["email"],}`, tasks.CodeInvalid, "", "byte 19"},
		{"NaN", `{"header_row":NaN}`, tasks.CodeInvalid, "", "byte 15"},
		{"null", "null", tasks.CodeInvalid, "", "no object"},
		{"a list", "[" + fine + "]", tasks.CodeInvalid, "", "no object"},
		{"a text", `"x"`, tasks.CodeInvalid, "", "no object"},
		{"Latin-1", "{\"sheet\":\"B\xfccher\"}", tasks.CodeInvalid, "", "UTF-8"},
		{"UTF-16", "{\x00}\x00", tasks.CodeInvalid, "", "byte 2"},
		{"unknown field", `{"wants":["email"]}`, tasks.CodeInvalid, "wants", "no such field"},
		{"the wrong case", `{"Want":["email"]}`, tasks.CodeInvalid, "Want", "no such field"},
		{"a Go name", `{"IdempotencyKey":"x"}`, tasks.CodeInvalid, "IdempotencyKey", "no such field"},
		{"the trigger", `{"trigger":"schedule"}`, tasks.CodeInvalid, "trigger", "no such field"},
		{"a field twice", `{"want":["email"],"want":["title"]}`, tasks.CodeInvalid, "want", "twice"},
		{"a heading twice", `{"mapping":{"A":"email","A":null}}`, tasks.CodeInvalid, "mapping.A", "twice"},
		{"a text for a list", `{"want":"email"}`, tasks.CodeInvalid, "want", "a list"},
		{"a number in a list of texts", `{"want":["email",3]}`, tasks.CodeInvalid, "want", "a text"},
		{"a list for a text", `{"spreadsheet_id":["s"]}`, tasks.CodeInvalid, "spreadsheet_id", "a text"},
		{"a list for an object", `{"mapping":[]}`, tasks.CodeInvalid, "mapping", "an object"},
		{"a text for a number", `{"header_row":"1"}`, tasks.CodeInvalid, "header_row", "a whole number"},
		{"a fraction", `{"header_row":1.5}`, tasks.CodeInvalid, "header_row", "a whole number"},
		{"a number without end", `{"max_credits":1e400}`, tasks.CodeInvalid, "max_credits", "a whole number"},
		{"more than 64 bits", `{"max_credits":9223372036854775808}`, tasks.CodeInvalid, "max_credits", "a whole number"},
		{"nested deeply", `{"want":` + strings.Repeat("[", 51) + strings.Repeat("]", 51) + "}", tasks.CodeInvalid, "", "nested"},
		{"nested very deeply", strings.Repeat(`{"a":`, 200_000), tasks.CodeInvalid, "", "can't be read"},
		{"a name without end", `{"` + strings.Repeat("ü", 100_000) + `":1}`, tasks.CodeInvalid, strings.Repeat("ü", 60) + "…", "no such field"},
		{"a megabyte", `{"sheet":"` + strings.Repeat("x", 1<<20-12) + `"}`, "", "", ""},
		{"a byte more", `{"sheet":"` + strings.Repeat("x", 1<<20-11) + `"}`, tasks.CodeTooLarge, "", "1 MB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// Once with its length known, once in pieces without.
			for _, body := range []io.Reader{strings.NewReader(tc.body), io.MultiReader(strings.NewReader(tc.body))} {
				var r tasks.Request
				err := parse(body, &r)
				var e *tasks.Error
				if tc.code == "" {
					if err != nil {
						t.Fatalf("refused: %v", err)
					}
					continue
				}
				if !errors.As(err, &e) || e.Code != tc.code || !strings.Contains(e.Detail, tc.detail) {
					t.Fatalf("got %v, want %s with %q", err, tc.code, tc.detail)
				}
				if field := strings.Join(fieldNames(e), ","); field != tc.field {
					t.Errorf("field %q, want %q", field, tc.field)
				}
				if len(e.Detail) > 400 || strings.Contains(e.Detail, "json:") || strings.Contains(e.Detail, "Go ") {
					t.Errorf("detail %q", e.Detail)
				}
			}
		})
	}
}

func fieldNames(e *tasks.Error) (names []string) {
	for _, f := range e.Fields {
		names = append(names, f.Field)
	}
	return names
}

func TestMediaTypes(t *testing.T) {
	for value, ok := range map[string]bool{
		"":                                  true,
		"application/json":                  true,
		"Application/JSON; charset=UTF-8":   true,
		"application/json;charset=utf-8":    true,
		"application/json; charset=utf-16":  false,
		"application/x-www-form-urlencoded": false,
		"text/plain":                        false,
		"multipart/form-data; boundary=x":   false,
		"application/jsonx":                 false,
		"json":                              false,
		";":                                 false,
	} {
		var e *tasks.Error
		err := parse(strings.NewReader("{}"), new(tasks.Request), "Content-Type", value)
		if ok != (err == nil) || !ok && (!errors.As(err, &e) || e.Code != codeMediaType) {
			t.Errorf("Content-Type %q: %v", value, err)
		}
	}
	for value, ok := range map[string]bool{"identity": true, "gzip": false, "br": false} {
		if err := parse(strings.NewReader("{}"), new(tasks.Request), "Content-Encoding", value); ok != (err == nil) {
			t.Errorf("Content-Encoding %q: %v", value, err)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestABodyThatBreaksOff(t *testing.T) {
	var e *tasks.Error
	if err := parse(io.MultiReader(strings.NewReader(`{"want":`), brokenReader{}), new(tasks.Request)); !errors.As(err, &e) || e.Code != tasks.CodeInvalid {
		t.Errorf("%v", err)
	}
}

// Whatever is sent: no panic, an error of a known code with a short detail, and what is taken means the same to Go's decoder.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{}`, `{"want":["a"]}`, `{"mapping":{"A":null}}`, `{"want":1e5}`, `[[`, `{"a":{"a":{}}}`, "\ufeff{}", `{"want":[],"want":[]}`, "\x00", `{"\u0077ant":[]}`, `{"want":["\ud800"]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var r, again tasks.Request
		err := parse(strings.NewReader(body), &r)
		if err == nil {
			if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), &again); err != nil || !reflect.DeepEqual(r, again) {
				t.Errorf("%q: read %+v, decoded %+v (%v)", body, r, again, err)
			}
			return
		}
		var e *tasks.Error
		if !errors.As(err, &e) || status[e.Code] == 0 || e.Detail == "" || len(e.Detail) > 500 {
			t.Errorf("%q: %s", body, strconv.Quote(err.Error()))
		}
	})
}
