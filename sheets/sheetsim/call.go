package sheetsim

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rowsmith/sheets/sheetsim/discovery"
)

// maxBody bounds a request. Google names no limit but recommends 2 MB; ten times its usual front-end limit is plenty.
const maxBody = 100 << 20

// A call is one request, understood.
type call struct {
	server *Server
	ctx    context.Context
	method *discovery.Method
	name   string              // the method's id without "sheets."
	params map[string]string   // of the path
	query  map[string][]string // by the names of the document
	body   map[string]any      // normalised; nil if the method has none
	mask   *discovery.Mask     // of the answer
}

// text returns a parameter wherever it stands: in the query or in the body.
func (c *call) text(name string) string {
	if q := c.query[name]; len(q) > 0 {
		return q[0]
	}
	return str(c.body, name)
}

func (c *call) flag(name string) bool {
	if q := c.query[name]; len(q) > 0 {
		b, _ := strconv.ParseBool(q[0])
		return b
	}
	return flag(c.body, name)
}

// handler is one method of the API on a spreadsheet.
type handler struct {
	write bool
	run   func(*call, *book) (map[string]any, error)
}

// handlers are by the method's name; spreadsheets.create is on its own, having no spreadsheet yet.
func (s *Server) handler(name string) (handler, bool) {
	switch name {
	case "spreadsheets.get":
		return handler{false, (*call).get}, true
	case "spreadsheets.getByDataFilter":
		return handler{false, (*call).getByDataFilter}, true
	case "spreadsheets.batchUpdate":
		return handler{true, (*call).batchUpdate}, true
	case "spreadsheets.values.get":
		return handler{false, (*call).valuesGet}, true
	case "spreadsheets.values.batchGet":
		return handler{false, (*call).valuesBatchGet}, true
	case "spreadsheets.values.batchGetByDataFilter":
		return handler{false, (*call).valuesBatchGetByDataFilter}, true
	case "spreadsheets.values.update":
		return handler{true, (*call).valuesUpdate}, true
	case "spreadsheets.values.batchUpdate":
		return handler{true, (*call).valuesBatchUpdate}, true
	case "spreadsheets.values.batchUpdateByDataFilter":
		return handler{true, (*call).valuesBatchUpdateByDataFilter}, true
	case "spreadsheets.values.append":
		return handler{true, (*call).valuesAppend}, true
	case "spreadsheets.values.clear":
		return handler{true, (*call).valuesClear}, true
	case "spreadsheets.values.batchClear":
		return handler{true, (*call).valuesBatchClear}, true
	case "spreadsheets.values.batchClearByDataFilter":
		return handler{true, (*call).valuesBatchClearByDataFilter}, true
	case "spreadsheets.developerMetadata.get":
		return handler{false, (*call).metadataGet}, true
	case "spreadsheets.developerMetadata.search":
		return handler{false, (*call).metadataSearch}, true
	case "spreadsheets.sheets.copyTo":
		return handler{true, (*call).copyTo}, true
	case "spreadsheets.create":
		return handler{write: true}, true
	}
	return handler{}, false
}

// parse understands a request: which method, its parameters, its body and the mask of its answer.
func (s *Server) parse(r *http.Request) (*call, error) {
	httpMethod, query := r.Method, r.URL.Query()
	// A URL that would be too long may come as a POST with its query as a form.
	if o := r.Header.Get("X-HTTP-Method-Override"); o != "" && httpMethod == http.MethodPost {
		httpMethod = strings.ToUpper(o)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			data, err := readBody(r)
			if err != nil {
				return nil, err
			}
			form, err := url.ParseQuery(string(data))
			if err != nil {
				return nil, invalid("Request contains an invalid argument.")
			}
			for k, v := range form {
				query[k] = append(query[k], v...)
			}
		}
	}
	m, params := s.doc.Find(httpMethod, strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if m == nil {
		return nil, newError(http.StatusNotFound, "Method not found.")
	}
	c := &call{server: s, ctx: r.Context(), method: m, name: strings.TrimPrefix(m.ID, "sheets."), params: params}
	if err := c.parseQuery(query); err != nil {
		return nil, err
	}
	if m.Request != nil {
		if err := c.parseBody(r); err != nil {
			return nil, err
		}
	}
	return c, c.parseMask(r)
}

func (c *call) parseQuery(query url.Values) error {
	in := map[string]any{}
	schema := &discovery.Schema{Type: "object", Properties: map[string]*discovery.Schema{}}
	for _, params := range []map[string]*discovery.Schema{c.server.doc.Parameters, c.method.Parameters} {
		for k, p := range params {
			schema.Properties[k] = p
		}
	}
	c.query = map[string][]string{}
	for k, values := range query {
		name := strings.TrimPrefix(k, "$")
		p, known := schema.Properties[name]
		if !known {
			name = discovery.Camel(name)
			p, known = schema.Properties[name]
		}
		if !known {
			if k == "$.xgafv" || k == "$unique" {
				continue
			}
			return badFields([]discovery.Violation{{Description: "Invalid JSON payload received. Unknown name \"" + k +
				"\": Cannot bind query parameter. Field '" + k + "' could not be found in request message."}})
		}
		c.query[name] = values
		switch p.Type {
		case "boolean":
			b, err := strconv.ParseBool(values[0])
			if err != nil {
				in[name] = values[0]
			} else {
				in[name] = b
			}
		case "string":
			if !p.Repeated {
				in[name] = values[0]
			}
		}
	}
	if alt := c.query["alt"]; len(alt) > 0 && alt[0] != "json" {
		return newError(http.StatusBadRequest, "Only alt=json is served (not simulated: alt=%s)", alt[0])
	}
	if _, bad := c.server.doc.Normalize(schema, in); bad != nil {
		return badFields(bad)
	}
	return nil
}

func readBody(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	if r.Body == nil {
		return nil, nil
	}
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, invalid("Failed to decompress the request's body.")
		}
		body = z
	}
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, invalid("Failed to read the request's body.")
	}
	if len(data) > maxBody {
		return nil, newError(http.StatusRequestEntityTooLarge, "Request payload size exceeds the limit: %d bytes.", maxBody)
	}
	return data, nil
}

func (c *call) parseBody(r *http.Request) error {
	data, err := readBody(r)
	if err != nil {
		return err
	}
	c.body = map[string]any{}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&tree); err != nil {
		return badFields([]discovery.Violation{{Description: "Invalid JSON payload received. " + jsonFault(err)}})
	}
	if _, err := dec.Token(); err != io.EOF {
		return badFields([]discovery.Violation{{Description: "Invalid JSON payload received. Parsing terminated before end of input."}})
	}
	out, bad := c.server.doc.Normalize(c.method.Request, tree)
	if bad != nil {
		return badFields(bad)
	}
	if m, ok := out.(map[string]any); ok {
		c.body = m
	}
	return nil
}

func jsonFault(err error) string {
	var syn *json.SyntaxError
	if errors.As(err, &syn) {
		return "Unexpected token at " + strconv.FormatInt(syn.Offset, 10) + "."
	}
	return "Unexpected end of string."
}

func (c *call) parseMask(r *http.Request) error {
	text := r.Header.Get("X-Goog-FieldMask")
	if q := c.query["fields"]; len(q) > 0 {
		text = strings.Join(q, ",")
	}
	if text == "" {
		return nil
	}
	m, err := discovery.ParseMask(text)
	if err != nil {
		return badMask(text)
	}
	if bad := c.server.doc.CheckMask(c.method.Response, m); bad != "" {
		return badMask(bad)
	}
	c.mask = m
	return nil
}
